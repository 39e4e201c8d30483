"""A zip of pictures is read in place, and a harmful one is refused."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image

from ganzoo.errors import DataError

RED, GREEN = (255, 0, 0), (0, 255, 0)


def png(colour: object = RED, size: tuple[int, int] = (8, 8)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")  # type: ignore[arg-type]
    return stream.getvalue()


def zipped(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_gives_the_same_samples_as_its_folder(tmp_path: Path) -> None:
    members = {"pets/cats/1.png": png(RED), "pets/dogs/2.png": png(GREEN)}
    for name, content in members.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    archive = Folder("train", path=zipped(tmp_path / "a.zip", members))
    folder = Folder("train", path=tmp_path / "folder")
    assert archive.names == folder.names
    assert archive.classes == folder.classes
    assert torch.equal(archive.tensors()[0], folder.tensors()[0])
    assert archive.labels == folder.labels == [0, 1]


def test_a_zip_is_read_in_place(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    members = {name: png() for name in ("../out.png", "/root.png", "a/../../b.png", "ok/c.png")}
    members |= {"__MACOSX/._c.png": b"", ".hidden.png": b"", "deep\\d.png": png()}
    data = Folder("train", path=zipped(inside / "a.zip", members))
    assert data.names == ["deep/d.png", "ok/c.png"]
    data.tensors()
    assert [path.name for path in tmp_path.rglob("*.png")] == []
    assert not Path("/root.png").exists()


def test_a_zip_survives_pickle_and_names_broken_members(tmp_path: Path) -> None:
    members = {"a.png": png(), "b.png": b"no picture"}
    data = Folder("train", path=zipped(tmp_path / "a.zip", members), size=8)
    copy = pickle.loads(pickle.dumps(data))  # noqa: S301 - our own bytes
    assert torch.equal(copy[0][0], data[0][0])
    assert list(copy.damaged()) == ["b.png"]


def test_a_member_whose_bytes_were_changed_is_broken(tmp_path: Path) -> None:
    content = png()
    path = zipped(tmp_path / "a.zip", {"a.png": content, "b.png": content})
    raw = bytearray(path.read_bytes())
    raw[raw.index(content) + 40] ^= 1
    path.write_bytes(raw)
    assert "CRC" in Folder("train", path=path, size=8).damaged()["a.png"]


def test_a_member_that_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "a.zip", {"a.png": bytes(24 * 1024**2)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match=r"a.png would unpack to more than 100 times its size"):
        Folder("train", path=bomb, size=8)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": png()})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match="is encrypted"):
        Folder("train", path=path)
