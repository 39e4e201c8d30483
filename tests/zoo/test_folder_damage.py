"""Pictures that cannot be read are named before training."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from ganzoo_zoo.datasets import checking
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image

from ganzoo.errors import DataError

RED, GREEN = (255, 0, 0), (0, 255, 0)


def save(
    path: Path, colour: object = RED, size: tuple[int, int] = (8, 8), mode: str = "RGB"
) -> Path:
    """Write a plain picture of (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


def png(colour: object = RED, size: tuple[int, int] = (8, 8)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")  # type: ignore[arg-type]
    return stream.getvalue()


def broken(folder: Path) -> dict[str, str]:
    """Write pictures that cannot be read; return what is to be said of each."""
    whole = png(size=(64, 64), colour=GREEN)
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "cut.jpg")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:-500])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("no picture")
    (folder / "gone.png").symlink_to(folder / "nowhere")
    save(folder / "float.tif", 0.5, mode="F")
    save(folder / "deep.tif", 65536, mode="I")
    Image.new("1", (9000, 9000)).save(folder / "huge.png")
    Image.new("1", (20_001, 1)).save(folder / "long.png")
    return {
        "cut.jpg": "truncated",
        "cut.png": "",
        "deep.tif": "do not fit 16 bits",
        "empty.png": "empty file",
        "float.tif": "floating-point",
        "gone.png": "no such file",
        "huge.png": "more than 64 megapixels",
        "long.png": "more than 20,000 pixels",
        "text.jpg": "not a picture of a known format",
    }


def test_every_broken_picture_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    save(tmp_path / "good.png")
    expected = broken(tmp_path)
    found = Folder("train", path=tmp_path, size=8).damaged()
    assert list(found) == list(expected)
    for name, words in expected.items():
        assert words in found[name]


def test_check_stops_before_training_and_says_how_to_continue(tmp_path: Path) -> None:
    save(tmp_path / "good.png")
    for index in range(12):
        (tmp_path / f"bad{index:02}.png").write_bytes(b"")
    data = Folder("train", path=tmp_path, size=8)
    with pytest.raises(DataError, match=r"12 of 13 pictures in .* cannot be read: bad00") as raised:
        data.check()
    assert "bad09.png (empty file); and 2 more" in raised.value.message
    assert raised.value.hint == "remove or replace them"
    assert "\n" not in raised.value.message
    with pytest.raises(DataError, match=r"12 of 13 pictures in .* cannot be read: bad00"):
        data.tensors()
    with pytest.raises(DataError, match=r"bad00.png cannot be read: empty file"):
        data[0]


def test_skip_leaves_out_a_single_broken_picture_and_names_it(tmp_path: Path) -> None:
    for name in ("cats/a.png", "cats/b.png", "dogs/c.png"):
        save(tmp_path / name)
    (tmp_path / "cats" / "b.png").write_bytes(b"")
    data = Folder("train", path=tmp_path, size=8, on_bad_image="skip")
    assert data.check() == []
    assert data.skipped == ["cats/b.png: empty file"]
    assert data.names == ["cats/a.png", "dogs/c.png"]
    samples, labels = data.tensors()
    assert samples.shape == (2, 3, 8, 8)
    assert labels is not None
    assert labels.tolist() == [0, 1]


def test_skip_leaves_out_no_more_than_one_in_a_hundred(tmp_path: Path) -> None:
    for index in range(198):
        (tmp_path / f"{index:03}.png").write_bytes(png(size=(2, 2)))
    for index in range(2):
        (tmp_path / f"bad{index}.png").write_bytes(b"")
    assert Folder("train", path=tmp_path, size=2, on_bad_image="skip").check() == []
    (tmp_path / "bad3.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"3 of 201 .* more than the 1 % that may be skipped"):
        Folder("train", path=tmp_path, size=2, on_bad_image="skip").check()


def test_skip_is_suggested_only_where_it_helps(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    (tmp_path / "bad0.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        Folder("train", path=tmp_path, size=8).check()
    assert str(caught.value.hint).startswith("dataset.on_bad_image=skip ")
    (tmp_path / "bad1.png").write_bytes(b"")
    for chosen in ("error", "skip"):
        with pytest.raises(DataError) as caught:
            Folder("train", path=tmp_path, size=8, on_bad_image=chosen).check()
        assert "skip" not in str(caught.value.hint)


def test_a_picture_is_not_decoded_again_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    data = Folder("train", path=tmp_path, size=8)
    assert data.check() == []
    decoded = []
    monkeypatch.setattr(checking, "problem_of", lambda source, name, bits: decoded.append(name))
    assert data.check() == []
    first.write_bytes(png(size=(16, 16)))
    assert data.check() == []
    assert decoded == ["a.png"]


def test_a_damaged_cache_of_checks_is_ignored(tmp_path: Path, own_cache: Path) -> None:
    save(tmp_path / "data" / "a.png")
    data = Folder("train", path=tmp_path / "data")
    data.check()
    (memory,) = own_cache.glob("checks/*.json")
    memory.write_text("{")
    assert data.check() == []


def test_reading_changes_no_warning_filter(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    before = list(warnings.filters)
    data = Folder("train", path=tmp_path)
    data.check()
    data.tensors()
    _ = data[0]
    assert warnings.filters == before


def test_a_picture_whose_exif_is_damaged_is_read_without_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    content = bytearray((tmp_path / "a.jpg").read_bytes())
    count = content.index(b"\x01\x0e") + 4
    content[count : count + 4] = (10**6).to_bytes(4, "big")
    (tmp_path / "a.jpg").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = Folder("train", path=tmp_path)
        assert data.damaged() == {}
    assert data[0][0].max() == 0


def test_an_interrupted_check_continues_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number}.png" for number in range(9)]
    for name in names:
        save(tmp_path / "photos" / name)
    monkeypatch.setattr(checking, "LEAST_AT_ONCE", 2)
    looked_at: list[str] = []

    def problem_of(source: object, name: str, bits: object) -> str | None:
        looked_at.append(name)
        if name == "5.png" and looked_at.count(name) == 1:
            raise KeyboardInterrupt
        return None

    monkeypatch.setattr(checking, "problem_of", problem_of)
    with pytest.raises(KeyboardInterrupt):
        Folder("train", path=tmp_path / "photos").check()
    stopped_after = len(looked_at)
    assert Folder("train", path=tmp_path / "photos").check() == []
    assert sorted(looked_at[stopped_after:]) == names[4:]
