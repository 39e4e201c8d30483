"""Untrusted image folders: unreadable files are named before training; nothing escapes."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image
from torch import Tensor

from ganzoo.cli import main
from ganzoo.scoring.reference import content_sha256

RUN = ["run", "photos-dcgan", "dataset.size=64", "generator.width=8", "discriminator.width=8",
       "train.batch_size=8", "train.steps=1"]  # fmt: skip


def jpeg(seed: int, side: int = 64) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(4):
        (folder / f"{index}.jpg").write_bytes(jpeg(index))
    return folder


@pytest.mark.parametrize("percent", [10, 50, 95])
def test_a_jpeg_that_was_cut_anywhere_is_found_by_decoding_it(photos: Path, percent: int) -> None:
    content = (photos / "2.jpg").read_bytes()
    (photos / "2.jpg").write_bytes(content[: len(content) * percent // 100])
    assert list(Folder("train", path=photos, size=8).damaged()) == ["2.jpg"]


def test_damage_stops_a_run_before_its_directory_is_made_and_names_the_file(
    photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (photos / "text.png").write_text("<html>not found</html>")
    words = [*RUN, f"dataset.path={photos}", "--runs-dir", str(tmp_path / "runs")]
    assert main(words) == 4
    message, hint = capfd.readouterr().err.splitlines()[-2:]
    assert "1 of 5 pictures" in message
    assert "text.png (not a picture of a known format)" in message
    assert hint.startswith("try: dataset.on_bad_image=skip")
    assert not (tmp_path / "runs").exists()


def test_skipped_files_change_the_count_and_hash_of_the_reference(
    photos: Path,
) -> None:
    def reference() -> Tensor:
        return Folder("train", path=photos, size=8, on_bad_image="skip").tensors()[0]

    whole = reference()
    (photos / "3.jpg").write_bytes(b"")
    skipping = reference()
    assert (len(whole), len(skipping)) == (4, 3)
    assert content_sha256(whole) != content_sha256(skipping)


def test_a_hundred_thousand_pictures_are_listed_without_opening_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for index in range(100_000):
            archive.writestr(f"{index:05d}.png", b"")
    data = Folder("train", path=tmp_path / "many.zip", size=8)
    assert len(data) == 100_000
    assert data.names[-1] == "99999.png"


def test_a_link_to_itself_ends_and_names_that_lead_out_of_a_zip_are_not_read(
    photos: Path, tmp_path: Path
) -> None:
    (photos / "again").symlink_to(photos)
    assert len(Folder("train", path=photos, size=8)) == 4
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        for name in ("../escaped.jpg", "/escaped.jpg", "in.jpg"):
            archive.writestr(name, jpeg(7))
    data = Folder("train", path=tmp_path / "out.zip", size=8)
    assert data.names == ["in.jpg"]
    data.tensors()
    assert not list(tmp_path.rglob("escaped*"))
    assert not Path("/escaped.jpg").exists()
