"""Files of samples: what `ganzoo sample --out` writes, what it advises, what is read back."""

import shlex
import wave
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganzoo.api import MODALITIES, Column, SampleSpec
from ganzoo.errors import DataError, UsageError
from ganzoo.modalities import modality
from ganzoo.registry.registry import Registry
from ganzoo.sampling.files import read_samples, write_samples

SPECS = [
    *(spec for name in MODALITIES for spec in modality(name).specs()),
    SampleSpec("image", (4, 8, 8)),
    SampleSpec("audio", (3, 50)),
    SampleSpec("video", (3, 2, 8, 8)),
]


def stored(spec: SampleSpec, count: int = 3) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return spec.kind.decode(spec, spec.kind.random(spec, count, random))


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("name", ["a.mp3", "folder", "a b.tar.gz", "x"])
def test_the_advice_on_a_format_that_there_is_not_works(
    spec: SampleSpec, name: str, tmp_path: Path
) -> None:
    target = tmp_path / name
    try:
        write_samples(target, spec, stored(spec))
    except UsageError as error:
        option, path = shlex.split(str(error.hint))
        assert option == "--out"
        assert write_samples(Path(path), spec, stored(spec)).stat().st_size > 0
    else:
        assert target.is_dir()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_samples_in_an_npz_are_read_back_the_same(spec: SampleSpec, tmp_path: Path) -> None:
    path = write_samples(tmp_path / "a.npz", spec, stored(spec))
    assert torch.equal(read_samples(path, spec, Registry()), stored(spec))


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("axes", range(7))
def test_an_array_of_other_axes_is_refused_in_words(
    spec: SampleSpec, axes: int, tmp_path: Path
) -> None:
    if axes == len(spec.shape) + 1:
        pytest.skip("as many as there should be")
    path = tmp_path / "a.npz"
    np.savez(path, samples=np.zeros((2,) * axes, dtype=spec.stored_dtype))
    with pytest.raises(DataError) as raised:
        read_samples(path, spec, Registry())
    assert str(path) in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize("target", ["folder", "a.zip"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_in_a_folder_or_a_zip_are_read_back_the_same(
    target: str, channels: int, tmp_path: Path
) -> None:
    spec = SampleSpec("image", (channels, 8, 12))
    path = write_samples(tmp_path / target, spec, stored(spec))
    assert torch.equal(read_samples(path, spec, Registry()), stored(spec))


def test_equal_samples_make_equal_zips(tmp_path: Path) -> None:
    spec = SampleSpec("image", (1, 8, 8))
    one, other = (write_samples(tmp_path / name, spec, stored(spec)) for name in ("a.zip", "b.zip"))
    assert one.read_bytes() == other.read_bytes()
    with ZipFile(one) as archive:
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == ["000000.png", "000001.png", "000002.png", "dataset.json"]


def test_a_wav_of_several_samples_has_a_pause_between_two(tmp_path: Path) -> None:
    spec = SampleSpec("audio", (2, 100), sample_rate=8000)
    with wave.open(str(write_samples(tmp_path / "a.wav", spec, stored(spec)))) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        assert file.getnframes() == 3 * 100 + 2 * 2000


def test_an_animation_has_the_frames_and_the_rate_of_the_data(tmp_path: Path) -> None:
    spec = SampleSpec("video", (5, 3, 8, 8), frame_rate=4.0)
    for suffix in (".webp", ".gif"):
        with Image.open(write_samples(tmp_path / f"a{suffix}", spec, stored(spec))) as image:
            assert image.n_frames == 5
            image.load()
            assert image.info["duration"] == 250


def test_a_csv_of_a_table_has_the_words_of_its_columns(tmp_path: Path) -> None:
    columns = (
        Column("n", "integer"),
        Column("yes", "boolean"),
        Column("colour", "category", ("red", "blue, dark")),
        Column("day", "datetime"),
    )
    spec = SampleSpec("table", (4,), columns=columns)
    rows = torch.tensor([[3.0, 1.0, 1.0, 86400.0]], dtype=torch.float64)
    path = write_samples(tmp_path / "a.csv", spec, rows)
    assert path.read_text() == 'n,yes,colour,day\n3,true,"blue, dark",1970-01-02T00:00:00\n'


TEXT = SampleSpec("text", (3,), vocabulary=5)
TABLE = SampleSpec("table", (2,), columns=(Column("a"), Column("b", "category", ("x", "y"))))
MISSING = SampleSpec(
    "table", (2,), columns=(Column("a"), Column("b", "category", ("x", "y"), missing=True))
)
SOUND = SampleSpec("audio", (1, 4), sample_rate=8000)
CLIP = SampleSpec("video", (2, 1, 8, 8))


@pytest.mark.parametrize(
    ("spec", "name", "content", "words"),
    [
        (TEXT, "a.txt", b"0 1 2\n0 1 5\n", "a.txt:2  is not 3 token numbers from 0 to 4"),
        (TEXT, "a.txt", b"0 1\n", "a.txt:1"),
        (TEXT, "a.txt", b"\xff\xfe", "cannot be read"),
        (TEXT, "a.jsonl", b"[0, 1, true]\n", "a.jsonl:1"),
        (TEXT, "a.jsonl", b"[" * 5000, "a.jsonl:1"),
        (TEXT, "a.csv", b"0\n", "neither .txt, .jsonl nor npz"),
        (TABLE, "a.csv", b"a,c\n1,x\n", "a.csv:1  has the columns a, c"),
        (TABLE, "a.csv", b"a,b\n1,z\n", "a.csv:2  'z' in the column 'b' is not x or y"),
        (TABLE, "a.csv", b"a,b\n,x\n", "a.csv:2  '' in the column 'a'"),
        (TABLE, "a.csv", b"a,b\n1\n", "a.csv:2  has not one cell a column; cells: 1, columns: 2"),
        (MISSING, "a.csv", b"a,b\n1,x\n2\n", "a.csv:3  has not one cell a column"),
        (MISSING, "a.csv", b'a,b\n1,"x\n2,y\n', "a.csv:2  cannot be read: unexpected end of data"),
        (TABLE, "a.csv", b'a,b\n"1\n",x\n2,"z\nz"\n', "a.csv:4  'z\\nz' in the column 'b'"),
        (TABLE, "a.csv", b"", "a.csv:1  has the columns of no name"),
        (TABLE, "a.csv", b"a,b\n1,x\n2,y\nnan,x\n", "a.csv:4  'nan' in the column 'a' is not of"),
        (
            TABLE,
            "a.csv",
            b"a,b\n1,x\ninf,x\n",
            "a.csv:3  'inf' in the column 'a' is not of the kind",
        ),
        (SampleSpec("vector", (2,)), "a.csv", b"1,2\n3\n", "different lengths"),
        (
            SampleSpec("vector", (2,)),
            "a.csv",
            b"x,y\n1,2\n3,b\n",
            "a.csv:3  a cell is not a number",
        ),
        (SampleSpec("vector", (2,)), "a.csv", b"1,2,3\n4,5,6\n", "samples of shape"),
        (SampleSpec("vector", (2,)), "a.txt", b"1,2\n", "neither csv nor npz"),
        (SOUND, "folder/a.wav", b"RIFF", "a.wav cannot be read"),
        (SOUND, "folder/a.txt", b"", "no wav files"),
        (SOUND, "a.wav", b"RIFF", "a.wav cannot be read"),
        (SOUND, "a.ogg", b"", "neither an npz nor a folder of wav files"),
        (CLIP, "folder/a.webp", b"RIFF", "a.webp cannot be read"),
        (CLIP, "folder/a.txt", b"", "there are no clips"),
    ],
)
def test_a_file_that_cannot_be_samples_is_named_with_its_place(
    spec: SampleSpec, name: str, content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    source = path.parent if path.parent != tmp_path else path
    with pytest.raises(DataError) as caught:
        read_samples(source, spec, Registry())
    assert words in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_wav_that_is_no_pcm_says_what_is_read(tmp_path: Path) -> None:
    write_samples(tmp_path / "a.wav", SOUND, stored(SOUND, 1))
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[20] = 3  # floating point
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.wav cannot be read") as caught:
        read_samples(tmp_path / "a.wav", SOUND, Registry())
    assert "save it as PCM" in str(caught.value.hint)


def test_a_wav_that_is_cut_short_is_named(tmp_path: Path) -> None:
    write_samples(tmp_path / "folder", SOUND, stored(SOUND))
    file = tmp_path / "folder" / "000001.wav"
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(DataError, match=r"000001\.wav is cut short"):
        read_samples(tmp_path / "folder", SOUND, Registry())


def test_a_wav_of_another_rate_or_length_is_refused(tmp_path: Path) -> None:
    write_samples(tmp_path / "folder", SOUND, stored(SOUND))
    for other in (
        SampleSpec("audio", (1, 4), sample_rate=4000),
        SampleSpec("audio", (1, 5), sample_rate=8000),
        SampleSpec("audio", (2, 4), sample_rate=8000),
    ):
        with pytest.raises(DataError, match="1 channels of 4 values at 8000 Hz, not"):
            read_samples(tmp_path / "folder", other, Registry())


@pytest.mark.parametrize(("width", "full"), [(1, 127), (2, 32767), (3, 2**23 - 1), (4, 2**31 - 1)])
def test_wav_files_of_every_width_are_read_at_their_full_scale(
    width: int, full: int, tmp_path: Path
) -> None:
    levels = [0, full, -full, full // 2]
    offset = 128 if width == 1 else 0
    content = b"".join(
        (level + offset).to_bytes(width, "little", signed=width > 1) for level in levels
    )
    (tmp_path / "folder").mkdir()
    for name in ("a.wav", "b.wav"):
        with wave.open(str(tmp_path / "folder" / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(width)
            file.setframerate(8000)
            file.writeframes(content)
    found = read_samples(tmp_path / "folder", SOUND, Registry())
    np.testing.assert_allclose(found[0, 0], [0, 1, -1, 0.5], atol=1 / full)


def test_a_clip_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    write_samples(tmp_path / "folder", CLIP, stored(CLIP))
    with pytest.raises(DataError, match="2 frames of 8x8, not 2 of 8x9"):
        read_samples(tmp_path / "folder", SampleSpec("video", (2, 1, 8, 9)), Registry())


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
@pytest.mark.parametrize("changes", [[], [3], [1, 5], [2, 3, 4]])
@pytest.mark.parametrize("rate", [8.0, 30.0, 12.5])
def test_frames_of_a_clip_that_are_equal_are_read_back(
    tmp_path: Path, suffix: str, changes: list[int], rate: float
) -> None:
    spec = SampleSpec("video", (6, 3, 8, 8), frame_rate=rate)
    clip = torch.zeros(6, 3, 8, 8, dtype=torch.uint8)
    for frame in changes:
        clip[frame:, :, :4] += 50
    file = tmp_path / f"a{suffix}"
    spec.kind.write_sample(spec, file, clip)
    assert torch.equal(spec.kind.read(spec, file, None)[0], clip)


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_transparent_pixels_of_a_clip_are_read_as_white(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGBA", (8, 8)) for _ in range(2)]
    frames[1].paste((255, 0, 0, 255), (0, 0, 4, 4))
    file = tmp_path / f"a{suffix}"
    frames[0].save(file, save_all=True, append_images=frames[1:], disposal=2, lossless=True)
    spec = SampleSpec("video", (2, 3, 8, 8))
    clip = spec.kind.read(spec, file, None)[0]
    assert clip[:, :, 7, 7].tolist() == [[255, 255, 255]] * 2
    assert clip[1, :, 0, 0].tolist() == [255, 0, 0]
