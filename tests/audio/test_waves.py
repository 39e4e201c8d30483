"""Folders of the user's own sounds: mixed rates, lengths and channels, and damaged files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from ganzoo_audio.datasets.waves import Waves

from ganzoo.api import DataError

RATE, CLIP = 8000, 1000


def tone(seconds: float, rate: int, hertz: float = 440.0, channels: int = 1) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave] * channels, 1)


def write(path: Path, samples: np.ndarray, rate: int = RATE, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **how)
    return path


def waves(path: Path, split: str = "train", **parameters: Any) -> Waves:
    return Waves(split, path=path, **{"sample_rate": RATE, "clip_samples": CLIP} | parameters)


def hertz(clip: torch.Tensor) -> float:
    power = torch.fft.rfft(clip[0] * torch.hann_window(clip.shape[1]), 8000).abs()
    return float(power.argmax())


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".aiff", ".mp3"])
def test_a_tone_is_read_at_the_rate_of_the_data_set(tmp_path: Path, rate: int, suffix: str) -> None:
    write(tmp_path / f"a{suffix}", tone(0.5, rate), rate)
    clips, labels = waves(tmp_path).tensors()
    assert clips.shape[1:] == (1, CLIP)
    assert labels is None
    assert abs(hertz(clips[1]) - 440) <= 1
    assert float(clips[1].abs().max()) == pytest.approx(0.5, abs=0.03)


def test_clips_of_a_resampled_file_join_without_a_seam(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", tone(1.0, 44100), 44100)
    clips, _ = waves(tmp_path).tensors()
    whole = clips.flatten()
    wanted = torch.from_numpy(tone(1.0, RATE)[:, 0]).float()[: len(whole)]
    torch.testing.assert_close(whole[50:-50], wanted[50:-50], rtol=0, atol=2e-3)


@pytest.mark.parametrize(("long", "first"), [("cut", [0, 1000]), ("first", [0]), ("centre", [750])])
def test_longer_files_are_cut_as_asked_and_what_is_lost_is_said(
    tmp_path: Path, long: str, first: list[int]
) -> None:
    ramp = np.arange(2500) / 4096  # exact in 16 bits
    write(tmp_path / "a.wav", ramp)
    data = waves(tmp_path, long=long)
    assert [round(4096 * float(data[index][0][0, 0])) for index in range(len(data))] == first
    said = ["0.1 s at the end of 1 file fill no clip"]
    assert data.skipped == (said if long == "cut" else [])


def test_shorter_files_are_padded_or_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "short.wav", tone(0.05, RATE))
    write(tmp_path / "long.wav", tone(0.2, RATE))
    clips, _ = waves(tmp_path).tensors()
    assert len(clips) == 2
    assert (clips[1, 0, 400:] == 0).all()
    assert clips[1, 0, 300:400].abs().max() > 0.4
    data = waves(tmp_path, short="skip")
    assert len(data) == 1
    assert any("1 file is shorter than a clip: " in line for line in data.skipped)
    with pytest.raises(DataError, match=r"no file in .* lasts 5,000 samples") as caught:
        waves(tmp_path, clip_samples=5000, short="skip")
    assert "clip_samples=1600" in (caught.value.hint or "")


def test_channels_are_mixed_kept_or_doubled_and_a_third_is_refused(tmp_path: Path) -> None:
    left, right = tone(0.2, RATE), 0.5 * tone(0.2, RATE)
    write(tmp_path / "a.wav", np.concatenate([left, right], 1))
    write(tmp_path / "b.wav", tone(0.2, RATE))
    mono, _ = waves(tmp_path).tensors()
    assert float(mono[0].abs().max()) == pytest.approx(0.375, abs=0.01)
    stereo, _ = waves(tmp_path, channels=2).tensors()
    assert stereo.shape[1:] == (2, CLIP)
    torch.testing.assert_close(stereo[0, 1], stereo[0, 0] / 2, rtol=0, atol=1e-4)
    assert torch.equal(stereo[1, 0], stereo[1, 1])
    write(tmp_path / "c.wav", tone(0.2, RATE, channels=3))
    with pytest.raises(DataError, match=r"c\.wav has 3 channels, not 2"):
        waves(tmp_path, channels=2).check()


def test_sub_folders_are_classes_and_a_hash_of_the_name_chooses_the_split(tmp_path: Path) -> None:
    for name in ("dog", "cat"):
        for number in range(40):
            write(tmp_path / name / f"{number}.wav", tone(0.3, RATE))
    train, test = (waves(tmp_path, split, holdout=0.25) for split in ("train", "test"))
    assert train.spec.class_names == ("cat", "dog")
    files = [{clip.sound.file for clip in data.clips} for data in (train, test)]
    assert not files[0] & files[1]
    assert len(files[0] | files[1]) == 80
    assert 8 <= len(files[1]) <= 32
    assert all((clip.sound.file.parent.name == "dog") == clip.label for clip in test.clips)


def test_folders_train_and_test_are_the_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("a", "b"):
            write(tmp_path / split / name / "1.wav", tone(0.2, RATE))
    assert waves(tmp_path).spec.class_names == ("a", "b")
    assert [clip.sound.file.parent.name for clip in waves(tmp_path, "test").clips] == ["a", "b"]
    with pytest.raises(DataError, match="has the splits"):
        waves(tmp_path, holdout=0.1)
    write(tmp_path / "test" / "c" / "1.wav", tone(0.2, RATE))
    with pytest.raises(DataError, match="in no class of the training split: a, b"):
        waves(tmp_path, "test")


def test_sounds_beside_the_folders_of_the_splits_are_named(tmp_path: Path) -> None:
    for folder in ("train", "test", "raw"):
        write(tmp_path / folder / "a.wav", tone(1, RATE), RATE)
    data = waves(tmp_path)
    assert data.skipped == ["1 file is in neither train/ nor test/: raw/a.wav"]
    assert not data.spec.classes


def test_other_files_silence_and_clipped_peaks_are_counted_and_named(tmp_path: Path) -> None:
    write(tmp_path / "good.wav", tone(0.2, RATE))
    write(tmp_path / "silent.wav", np.zeros(1200))
    write(tmp_path / "loud.wav", 4 * tone(0.2, RATE), subtype="FLOAT")
    (tmp_path / "readme.txt").write_text("not a sound")
    (tmp_path / ".hidden.wav").write_bytes(b"")
    data = waves(tmp_path)
    samples, _ = data.tensors()
    data.check()
    assert len(samples) == len(data) == 2
    assert samples.abs().max() == 1
    assert [line for line in data.skipped if "fill no clip" not in line] == [
        f"1 file is no sound: {tmp_path}/readme.txt",
        f"1 clip is silent: {tmp_path}/silent.wav from sample 0",
        "peaks beyond full scale, which 1 clip had",
    ]
    assert len(waves(tmp_path, silent="keep").tensors()[0]) == 3


def damaged_files(folder: Path) -> dict[str, str]:
    """Write damaged files; return the name of each → what is said of it."""
    whole = write(folder / "whole.wav", tone(0.3, RATE)).read_bytes()
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("this is no sound")
    (folder / "head.wav").write_bytes(whole[:30])
    (folder / "short.wav").write_bytes(whole[:2000])
    (folder / "none.wav").write_bytes(
        whole[:4] + (36).to_bytes(4, "little") + whole[8:40] + bytes(4)
    )
    flac = write(folder / "cut.flac", tone(0.3, RATE)).read_bytes()
    (folder / "cut.flac").write_bytes(flac[: len(flac) // 2])
    nan = tone(0.2, RATE)
    nan[700] = np.nan
    write(folder / "nan.wav", nan, subtype="FLOAT")
    return {
        "empty.wav": "the file is empty",
        "text.wav": "cannot be read",
        "head.wav": "",
        "short.wav": "it is cut short, 2,000 of 4,844 bytes are there",
        "none.wav": "holds no samples",
        "cut.flac": "",
        "nan.wav": "holds NaN or infinite values",
    }


def test_each_damaged_file_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    for name, said in damaged_files(tmp_path).items():
        alone = tmp_path / "one" / name
        alone.parent.mkdir(exist_ok=True)
        (tmp_path / name).rename(alone)
        with pytest.raises(DataError) as caught:
            waves(alone).check()
        assert name in caught.value.message
        assert said in caught.value.message
        assert caught.value.hint
        assert "\n" not in caught.value.message


def test_a_wav_file_that_was_written_into_a_pipe_is_read(tmp_path: Path) -> None:
    file = write(tmp_path / "a.wav", tone(0.3, RATE))
    content = bytearray(file.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    file.write_bytes(content)
    assert len(waves(tmp_path).tensors()[0]) == 2


@pytest.mark.parametrize(
    "how",
    [
        {"suffix": ".wav", "format": "RF64"},
        {"suffix": ".wav", "endian": "BIG"},
        {"suffix": ".aiff"},
        {"suffix": ".ogg"},
    ],
    ids=str,
)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_what_is_cut_short_is_damaged_in_each_format(
    tmp_path: Path, how: dict[str, str], share: float
) -> None:
    suffix, how = how["suffix"], {key: how[key] for key in how if key != "suffix"}
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 20_000)
    file = write(tmp_path / f"a{suffix}", noise, **how)
    assert len(waves(file).tensors()[0]) == 20
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(DataError, match=rf"a\{suffix} cannot be read: it is cut short"):
        waves(file)


def test_text_under_the_name_of_an_mp3_is_no_known_format(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("no sound " * 50)
    with pytest.raises(DataError, match=r"a\.mp3 cannot be read: Format not recognised"):
        waves(tmp_path)


def test_links_to_folders_are_followed_and_broken_ones_are_named(tmp_path: Path) -> None:
    write(tmp_path / "else" / "a.wav", tone(0.2, RATE))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "bell").symlink_to(tmp_path / "else")
    (tmp_path / "mine" / "again").symlink_to(tmp_path / "mine")
    assert len(waves(tmp_path / "mine")) == 1
    (tmp_path / "mine" / "b.wav").symlink_to("nowhere.wav")
    with pytest.raises(DataError, match=r"b\.wav cannot be read"):
        waves(tmp_path / "mine")


def test_damaged_files_stop_unless_they_may_be_skipped_and_then_are_named(tmp_path: Path) -> None:
    damaged = damaged_files(tmp_path)
    with pytest.raises(DataError, match="5 files in"):
        waves(tmp_path)
    data = waves(tmp_path, on_bad_file="skip")
    samples, _ = data.tensors()
    assert len(samples) == 2  # of whole.wav
    for name in damaged:
        assert any(name in line for line in data.skipped)


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        waves(tmp_path / "no")
    with pytest.raises(DataError, match=r"holds no sounds .* among 0 files"):
        waves(tmp_path)
    write(tmp_path / "a.wav", np.zeros(1200))
    with pytest.raises(DataError, match=r"has no clip to train on: 1 are silent") as caught:
        waves(tmp_path).check()
    assert caught.value.hint == "dataset.silent=keep"
    with pytest.raises(DataError, match="the split 'test' is empty"):
        waves(tmp_path, "test")


def test_a_file_is_read_by_its_path_and_as_a_spectrogram(tmp_path: Path) -> None:
    file = write(tmp_path / "a.wav", tone(1.0, RATE))
    data = waves(file, clip_samples=1024, bins=64)
    assert data.spec.modality == "audio/spectrogram"
    sample, label = data[0]
    assert sample.shape == (1, 64, 16)
    assert label is None
    assert sample[0, :, 8].argmax() == 7  # 440 Hz in bins of 62.5 Hz
    assert list(data.source_files().items()) == [("a.wav", file)]
