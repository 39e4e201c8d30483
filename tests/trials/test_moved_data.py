"""Training data that moved, changed or went missing in trials: what is true of it now."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image

from ganzoo.components import fingerprint as module
from ganzoo.components.fingerprint import Fingerprint, fingerprint


def pictures(folder: Path, count: int = 6) -> Path:
    """Write pictures of 8x8 pixels, half of them in the class `a`, half in `b`."""
    for number in range(count):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (40 * number, 10, 20)).save(path)
    return folder


def of(path: Path) -> Fingerprint:
    return fingerprint(Folder("train", path=path))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose content is hashed."""
    names: list[str] = []
    original = module._sha256

    def recording(file: Path) -> str:
        names.append(file.name)
        return original(file)

    monkeypatch.setattr(module, "_sha256", recording)
    return names


# --- the fingerprint of data ---


def test_a_file_is_hashed_again_only_after_it_has_changed(tmp_path: Path, read: list[str]) -> None:
    data = pictures(tmp_path / "data")
    first = of(data)
    assert sorted(read) == ["0.png", "1.png", "2.png", "3.png", "4.png", "5.png"]
    read.clear()
    assert of(data) == first
    assert read == []
    Image.new("RGB", (8, 8), "red").save(data / "a" / "2.png")
    changed = of(data)
    assert read == ["2.png"]
    assert changed.sha256 != first.sha256
    assert {name for name in first.files if first.files[name] != changed.files[name]} == {"a/2.png"}


def test_a_picture_of_the_same_size_and_modification_time_is_hashed_again(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data")
    first, path = of(data), data / "a" / "2.png"
    status, content = path.stat(), bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert of(data).sha256 != first.sha256


def test_moved_renamed_touched_and_zipped_data_has_the_same_fingerprint(tmp_path: Path) -> None:
    first = of(pictures(tmp_path / "data"))
    moved = tmp_path / "elsewhere" / "renamed"
    shutil.copytree(tmp_path / "data", moved)
    os.utime(moved / "a" / "0.png", (10**9, 10**9))
    assert of(moved) == first
    for name, outer in (("flat.zip", Path()), ("deep.zip", Path("some/folder"))):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in moved.rglob("*.png"):
                archive.write(path, outer / path.relative_to(moved))
        assert of(tmp_path / name) == first


def test_a_store_that_is_damaged_or_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    first = of(pictures(tmp_path / "data"))
    (store,) = (tmp_path / "cache" / "content").iterdir()
    for damage in (b"", b"[1]", b'{"x": 1}', b'{"x": [[1, 2], "short"]}', b"[" * 10**5, b"\xff"):
        store.write_bytes(damage)
        assert of(tmp_path / "data") == first
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "file" / "below"))
    assert of(tmp_path / "data") == first
