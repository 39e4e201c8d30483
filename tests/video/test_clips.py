"""Folders of clips: what is read, how it is cut, and what is said of what cannot be read."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_video import reading
from ganzoo_video.datasets.clips import Clips
from PIL import Image

from ganzoo.api import DataError


def pictures(count: int, size: tuple[int, int] = (8, 8), first: int = 0) -> list[Image.Image]:
    """Return grey pictures whose levels tell their number: 10 n."""
    return [Image.new("RGB", size, (10 * (first + n),) * 3) for n in range(count)]


def animate(path: Path, frames: Sequence[Image.Image], **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    how = {"lossless": True} | how if path.suffix == ".webp" else how
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, **how)


def spread(folder: Path, frames: Sequence[Image.Image], name: str = "{}.png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        frame.save(folder / name.format(number))


def clips(path: Path, split: str = "train", **parameters: Any) -> Clips:
    return Clips(split, path=path, **({"frames": 4, "size": 8} | parameters))


def levels(data: Clips) -> list[list[int]]:
    """Return the first level of each frame of each sample, over 10."""
    return (data.tensors()[0][:, :, 0, 0, 0].int() // 10).tolist()


def test_every_kind_of_clip_is_cut_into_samples_without_a_common_frame(tmp_path: Path) -> None:
    animate(tmp_path / "a.gif", pictures(9))
    animate(tmp_path / "b.apng", pictures(4))
    spread(tmp_path / "c", pictures(12), "frame_{}.png")  # 10 comes after 9
    data = clips(tmp_path)
    assert levels(data) == [
        *([0, 1, 2, 3], [4, 5, 6, 7]),
        [0, 1, 2, 3],
        *([0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]),
    ]
    assert data.skipped == ["1 frames at the end of 1 clips fill no sample"]
    assert data.spec.shape == (4, 3, 8, 8)
    assert data.spec.frame_rate == 10
    samples = data.tensors()[0]
    for index in (5, 0, 3):
        assert torch.equal(data[index][0], samples[index])


def test_a_png_that_moves_is_a_clip_and_no_frame(tmp_path: Path) -> None:
    animate(tmp_path / "a.png", pictures(4))
    spread(tmp_path / "b", pictures(4, first=5))
    assert levels(clips(tmp_path)) == [[0, 1, 2, 3], [5, 6, 7, 8]]


def test_a_stride_skips_frames_and_slows_the_rate(tmp_path: Path) -> None:
    animate(tmp_path / "a.webp", pictures(17))
    data = clips(tmp_path, frames=3, stride=3)
    assert levels(data) == [[0, 3, 6], [9, 12, 15]]
    assert data.spec.frame_rate == pytest.approx(10 / 3)
    assert data.skipped == ["1 frames at the end of 1 clips fill no sample"]


def test_short_clips_stills_and_other_files_are_counted(tmp_path: Path) -> None:
    animate(tmp_path / "a.gif", pictures(4))
    animate(tmp_path / "b.gif", pictures(3))
    pictures(1)[0].save(tmp_path / "still.gif")
    (tmp_path / "notes.txt").write_text("no picture")
    assert clips(tmp_path).skipped == [
        "1 file is no picture: notes.txt",
        f"1 file beside animations in {tmp_path} is a still picture: still.gif",
        "1 clip is shorter than 4 frames: b.gif",
    ]


def test_frames_are_cropped_stretched_or_padded(tmp_path: Path) -> None:
    wide = Image.fromarray(np.repeat(np.arange(0, 240, 15, dtype=np.uint8)[None], 8, 0))
    animate(tmp_path / "a.webp", [wide.convert("RGB"), Image.new("RGB", (16, 8))])
    first = {
        crop: clips(tmp_path, frames=2, crop=crop)[0][0][0, 0, 4].tolist()
        for crop in ("center", "pad", "none")
    }
    assert first["center"] == list(range(60, 180, 15))
    assert first["none"][0] < 30 < 200 < first["none"][-1]
    assert clips(tmp_path, frames=2, crop="pad")[0][0][1, 0, :, 0].tolist()[::7] == [255, 255]


def test_sub_folders_are_classes_only_where_one_holds_several_clips(tmp_path: Path) -> None:
    for name in ("cat/1", "cat/2", "dog/1"):
        animate(tmp_path / "classes" / f"{name}.gif", pictures(4))
        spread(tmp_path / "frames" / name, pictures(4))
    for name in ("one", "two"):
        animate(tmp_path / "single" / name / "clip.gif", pictures(4))
        spread(tmp_path / "flat" / name, pictures(4))
    for folder in ("classes", "frames"):
        data = clips(tmp_path / folder)
        assert data.spec.class_names == ("cat", "dog")
        assert data.labels == [0, 0, 1]
        assert data[2][1] == 1
    for folder in ("single", "flat"):
        assert clips(tmp_path / folder).spec.classes == 0


def test_samples_of_a_clip_are_in_one_split(tmp_path: Path) -> None:
    for number in range(12):
        animate(tmp_path / f"{number}.webp", pictures(8, first=number))
    train, test = (clips(tmp_path, split, holdout=0.3) for split in ("train", "test"))
    first = {row[0] for row in levels(train)[::2]}, {row[0] for row in levels(test)[::2]}
    assert len(train) + len(test) == 24
    assert first[0] | first[1] == set(range(12))
    assert not first[0] & first[1]
    with pytest.raises(DataError, match="has no test split"):
        clips(tmp_path, "test")


def test_folders_called_train_and_test_are_the_splits(tmp_path: Path) -> None:
    for name in ("train/a/1", "train/a/2", "train/b/1", "test/a/3"):
        animate(tmp_path / f"{name}.gif", pictures(4))
    assert len(clips(tmp_path)) == 3
    assert clips(tmp_path, "test").labels == [0]
    animate(tmp_path / "test/c/1.gif", pictures(4))
    with pytest.raises(DataError, match=r"test/c/1.gif is in no class of the training set: a, b"):
        clips(tmp_path, "test")


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    noise = [Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)) for _ in range(6)]
    for name in ("a.webp", "b.gif"):
        animate(tmp_path / name, noise)
    spread(tmp_path / "c", noise)
    webp, png = tmp_path / "a.webp", tmp_path / "c" / "3.png"
    content = webp.read_bytes()
    fourth = [place for place in range(len(content)) if content[place:].startswith(b"VP8L")][3]
    webp.write_bytes(content[: fourth + 40] + bytes(500) + content[fourth + 540 :])
    png.write_bytes(png.read_bytes()[:200])
    data = clips(tmp_path, frames=6)
    found = data.check()
    assert len(found) == 2
    assert found[0].startswith(f"{webp}: frame 4 cannot be read: ")
    assert found[1].startswith(f"{png} cannot be read: ")
    with pytest.raises(DataError, match=r"a\.webp: frame 4 cannot be read") as raised:
        data.tensors()
    assert raised.value.hint == "remove or replace it"


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
def test_what_is_cut_off_or_empty_is_one_error(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a{suffix}"
    random = np.random.default_rng(0)
    noise = [Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)) for _ in range(6)]
    animate(path, noise)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DataError, match=rf"a\{suffix}"):
        clips(tmp_path, frames=6).tensors()


def gif_of(frames: int, width: int, height: int) -> bytes:
    """Return a GIF whose frames are one pixel each, whatever size it declares."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + picture * frames + b";"


@pytest.mark.parametrize(
    ("frames", "width", "height", "said"),
    [
        (100_000, 8, 8, "more than 20,000 frames"),
        (2, 20_000, 20_000, "more than 64 megapixels"),
        (10_000, 4000, 4000, "10,000 frames of 4000x4000: more than 20 gigapixels"),
    ],
)
def test_a_bomb_is_refused_by_its_header(
    tmp_path: Path, frames: int, width: int, height: int, said: str
) -> None:
    (tmp_path / "a.gif").write_bytes(gif_of(frames, width, height))
    with pytest.raises(DataError, match=rf"a\.gif cannot be read: {said}"):
        clips(tmp_path)


def test_the_limit_on_frames_counts_what_pillow_counts(tmp_path: Path) -> None:
    animate(tmp_path / "a.gif", [each.convert("P") for each in pictures(7)], optimize=False)
    content = (tmp_path / "a.gif").read_bytes()
    with Image.open(tmp_path / "a.gif") as image:
        assert reading._gif_frames(content) == image.n_frames == 7
    with pytest.raises(ValueError, match="the file ends within frame 7"):
        reading._gif_frames(content[:-3])


@pytest.mark.parametrize(
    "names",
    [
        ("beach", "forest", "house"),
        ("clip1_1", "clip1_2", "clip2_1"),
        ("1", "01", "2"),
    ],
)
def test_pictures_that_are_no_frames_of_one_clip_are_refused(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        pictures(1)[0].save(tmp_path / f"{name}.png")
    with pytest.raises(DataError, match="not numbered as frames of one clip: ") as raised:
        clips(tmp_path)
    assert "dataset.use=folder" in str(raised.value.hint)


def test_a_file_or_nothing_in_place_of_a_folder_is_one_error(tmp_path: Path) -> None:
    animate(tmp_path / "a.gif", pictures(4))
    for name, said in (("a.gif", "is no folder"), ("b", "there is no folder")):
        with pytest.raises(DataError, match=said):
            clips(tmp_path / name)


@pytest.mark.parametrize(
    ("counts", "parameters", "said"),
    [
        ([], {}, "there are no clips in"),
        ([3, 2], {}, "the 2 clips in .* are all shorter than 4 frames: the longest has 3"),
        ([4, 4], {"holdout": 1.0}, "the split 'train' is empty: holdout is 1.0, and .* has 2"),
    ],
)
def test_nothing_to_read_says_why(
    tmp_path: Path, counts: list[int], parameters: dict[str, Any], said: str
) -> None:
    for number, count in enumerate(counts):
        animate(tmp_path / f"{number}.gif", pictures(count))
    with pytest.raises(DataError, match=said):
        clips(tmp_path, **parameters)


def test_clips_of_several_sizes_need_a_size(tmp_path: Path) -> None:
    animate(tmp_path / "a.gif", pictures(4, (8, 8)))
    animate(tmp_path / "b.gif", pictures(4, (16, 8)))
    with pytest.raises(DataError, match=r"differ in size: a.gif is 8x8, b.gif is 16x8"):
        clips(tmp_path, size=None)


def test_pictures_of_a_clip_that_differ_in_size_need_a_size(tmp_path: Path) -> None:
    spread(tmp_path / "a", pictures(2, (8, 8)))
    pictures(1, (9, 8))[0].save(tmp_path / "a" / "7.png")
    with pytest.raises(DataError, match=r"differ in size: a is 8x8, a/7\.png is 9x8"):
        clips(tmp_path, size=None, frames=3)


def test_all_files_whose_header_is_damaged_are_named_at_once(tmp_path: Path) -> None:
    animate(tmp_path / "a.gif", pictures(4))
    (tmp_path / "b.gif").write_bytes(b"")
    (tmp_path / "c.webp").write_bytes(b"RIFF")
    (tmp_path / "d.gif").write_text("no picture")
    (tmp_path / "e.png").symlink_to("nowhere.png")
    with pytest.raises(DataError) as caught:
        clips(tmp_path)
    for name in ("b.gif", "c.webp", "d.gif", "e.png"):
        assert f"{tmp_path / name} cannot be read: " in caught.value.message
