"""Data that vanished, changed or hung in trials: what is true of it now."""

import io
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image

from ganzoo.cli import main
from ganzoo.errors import DataError

SUFFIXES = ("jfif", "avif", "tga", "jp2", "pbm", "png", "webp", "bmp", "gif", "tif", "ppm", "qoi")


def picture(path: Path, colour: object = (255, 0, 0), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (8, 8), colour).save(path)  # type: ignore[arg-type]
    return path


def stored(levels: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)
    return path


# --- files ---


def test_every_suffix_of_a_format_that_pillow_decodes_is_read(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        mode = "1" if suffix == "pbm" else "RGB"
        picture(tmp_path / f"a.{suffix}", 1 if mode == "1" else (255, 0, 0), mode)
    data = Folder("train", path=tmp_path)
    assert len(data) == len(SUFFIXES)
    assert data.check() == []
    assert data.skipped == []


def test_a_picture_without_a_suffix_is_recognized_by_its_first_bytes(tmp_path: Path) -> None:
    picture(tmp_path / "a.png").rename(tmp_path / "a")
    picture(tmp_path / "b.jpg").rename(tmp_path / "b.download")
    assert Folder("train", path=tmp_path).names == ["a", "b.download"]


def test_files_that_are_not_pictures_are_counted_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        picture(tmp_path / "data" / f"{number}.png")
        (tmp_path / "data" / f"{number}.heic").write_bytes(b"no picture that Pillow reads")
    said = "4 files are no pictures that Pillow reads: 0.heic, 1.heic, 2.heic, ..."
    assert Folder("train", path=tmp_path / "data").skipped == [said]
    assert main(["new", "recipe", "mine", "--data", "data", "--size", "8"]) == 0
    text = (tmp_path / "mine.yaml").read_text()
    assert f"# Left out: {said}" in text
    assert "cannot be read and would" not in text
    assert main(["check", "mine.yaml", "--data"]) == 0
    assert f"left out: {said}" in capsys.readouterr().err
    short = ["train.steps=1", "train.batch_size=2", "eval.extractor=null", "eval.metrics=[]"]
    assert main(["run", "mine.yaml", *short, "generator.width=8", "discriminator.width=8"]) == 0
    assert capsys.readouterr().err.count(f"left out: {said}") == 1


def test_thumbnails_and_system_files_are_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "@eaDir" / "a.png" / "thumb.jpg")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    data = Folder("train", path=tmp_path)
    assert data.names == ["a.png"]
    assert data.skipped == []


def test_the_error_about_a_folder_without_pictures_names_its_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match=r"no pictures in .*, only files such as a.txt"):
        Folder("train", path=tmp_path)


def test_a_zip_with_names_that_begin_with_a_dot_and_a_slash_is_read(tmp_path: Path) -> None:
    content = picture(tmp_path / "a.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("./cats/a.png", content)
        archive.writestr("./dogs/b.png", content)
    data = Folder("train", path=tmp_path / "a.zip")
    assert data.names == ["cats/a.png", "dogs/b.png"]
    assert data.classes == ("cats", "dogs")


# --- classes and splits ---


def styled(folder: Path, labels: object) -> Path:
    for number in range(4):
        picture(folder / f"0000{number // 2}" / f"img{number}.png", (number, 0, 0))
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
    return folder


def test_labels_of_stylegans_tools_are_read_and_shard_folders_are_not_classes(
    tmp_path: Path,
) -> None:
    names = [f"0000{number // 2}/img{number}.png" for number in range(4)]
    labelled = styled(tmp_path / "a", [[name, 3 - n] for n, name in enumerate(names)])
    data = Folder("train", path=labelled)
    assert data.labels == [3, 2, 1, 0]
    assert data.spec.classes == 4
    without = Folder("train", path=styled(tmp_path / "b", None))
    assert without.labels is None
    assert without.spec.classes == 0


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([["00000/img0.png", 0]], "has no label for 00000/img1.png and 2 more"),
        ([["00000/img0.png", -1]], "is not a whole number from 0 on"),
        ([["00000/img0.png", 0.5]], "is not a whole number from 0 on"),
        ([1, 2], "holds no labels"),
        ({"a": 1}, "holds no labels"),
    ],
)
def test_damaged_labels_are_named(tmp_path: Path, labels: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Folder("train", path=styled(tmp_path, labels))


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_folders_called_train_and_test_are_splits_and_not_classes(
    tmp_path: Path, held_out: str
) -> None:
    for split, count in (("train", 3), (held_out, 2)):
        for name in ("cat", "dog"):
            for number in range(count):
                picture(tmp_path / split / name / f"{number}.png")
    train, test = Folder("train", path=tmp_path), Folder("test", path=tmp_path)
    assert train.classes == test.classes == ("cat", "dog")
    assert train.labels == [0, 0, 0, 1, 1, 1]
    assert test.labels == [0, 0, 1, 1]
    with pytest.raises(DataError, match=r"has the splits train/ and .* of its own"):
        Folder("train", path=tmp_path, holdout=0.1)


def test_a_class_that_only_the_test_folder_has_is_refused(tmp_path: Path) -> None:
    for name in ("train/cat/1", "train/dog/1", "test/cow/1"):
        picture(tmp_path / f"{name}.png")
    with pytest.raises(DataError, match=r"test/cow/1.png is in no class of the training set"):
        Folder("test", path=tmp_path)


# --- pixels ---


def test_8_bit_levels_in_32_bits_are_not_black(tmp_path: Path) -> None:
    stored(np.full((8, 8), 200, np.int32), tmp_path / "a.tif")
    assert Folder("train", path=tmp_path)[0][0].unique().tolist() == [200]


def test_12_bit_levels_in_16_bits_need_the_bits_parameter_and_are_scaled(tmp_path: Path) -> None:
    stored(np.full((8, 8), 4095, np.uint16), tmp_path / "a.png")
    with pytest.raises(DataError, match=r"levels end at 4095: 12 bits\? set dataset.bits"):
        Folder("train", path=tmp_path).check()
    assert Folder("train", path=tmp_path, bits=12)[0][0].unique().tolist() == [255]
    assert Folder("train", path=tmp_path, bits=16)[0][0].unique().tolist() == [16]
    with pytest.raises(DataError, match="which is no level of 10 bits"):
        Folder("train", path=tmp_path, bits=10)[0]


def test_transparent_pixels_of_16_bit_grey_become_white(tmp_path: Path) -> None:
    levels = np.full((8, 8), 30000, np.uint16)
    levels[0] = 60000
    content = stored(levels, tmp_path / "a.png").read_bytes()
    start = content.index(b"IDAT") - 4
    body = b"tRNS" + struct.pack(">H", 30000)
    chunk = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "a.png").write_bytes(content[:start] + chunk + content[start:])
    sample = Folder("train", path=tmp_path)[0][0]
    assert sample[:, 0].unique().tolist() == [233]
    assert sample[:, 1:].unique().tolist() == [255]


def test_the_pixels_of_a_png_with_a_damaged_text_are_read(tmp_path: Path) -> None:
    content = picture(tmp_path / "a.png", (9, 9, 9)).read_bytes()
    start = content.index(b"IDAT") - 4
    body = b"tEXtComment\x00hello"
    chunk = struct.pack(">I", len(body) - 4) + body + b"\x00\x00\x00\x00"
    (tmp_path / "a.png").write_bytes(content[:start] + chunk + content[start:])
    data = Folder("train", path=tmp_path)
    assert data.check() == []
    assert data[0][0].unique().tolist() == [9]


# --- new recipe ---


def test_a_new_recipe_counts_the_pictures_and_classes_that_a_run_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("train/cat/1", "train/dog/1", "train/dog/2", "test/cat/1", "test/dog/1"):
        picture(tmp_path / "data" / f"{name}.png")
    os.mkfifo(tmp_path / "data" / "pipe.png")
    for link in ("a", "b"):
        (tmp_path / "data" / link).symlink_to(".")
    assert main(["new", "recipe", "mine", "--data", "data", "--size", "8"]) == 0
    text = (tmp_path / "mine.yaml").read_text()
    assert text.startswith("# 3 pictures, 8 pixels wide and 8 high, RGB.")
    assert "The 2 sub-folders are classes. The smallest is cat" in text


def test_a_new_recipe_says_which_frames_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    frames = [Image.new("L", (40, 40), level) for level in range(0, 120, 10)]
    for number, frame in enumerate(frames):
        frame.save(f"pictures/{number}.png")
    frames[0].save("pictures/moves.gif", save_all=True, append_images=frames[1:])
    assert main(["new", "recipe", "mine", "--data", "pictures"]) == 0
    text = Path("mine.yaml").read_text()
    assert "# Left out: all but the first picture of 1 file: moves.gif" in text


def test_a_new_recipe_reads_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", stream.getvalue())
        archive.writestr("b.png", stream.getvalue())
    assert main(["new", "recipe", "mine", "--data", "a.zip", "--size", "8"]) == 0
    assert "path: a.zip" in (tmp_path / "mine.yaml").read_text()
    assert main(["check", "mine.yaml"]) == 0
