"""How a picture is decoded: its mode, its orientation, its size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ganzoo_zoo.datasets.folder import Folder
from ganzoo_zoo.datasets.pictures import fit
from PIL import Image, ImageDraw

from ganzoo.errors import DataError

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


def save(
    path: Path, colour: object = RED, size: tuple[int, int] = (8, 8), mode: str = "RGB"
) -> Path:
    """Write a plain picture of (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


def only(path: Path, **parameters: object) -> torch.Tensor:
    """Return the one picture of a folder."""
    samples, _ = Folder("train", path=path, **parameters).tensors()  # type: ignore[arg-type]
    assert len(samples) == 1
    return samples[0]


@pytest.mark.parametrize(
    ("name", "mode", "colour", "expected"),
    [
        ("grey.png", "L", 51, (51, 51, 51)),
        ("palette.gif", "P", 0, (0, 0, 0)),
        ("bits.png", "1", 1, WHITE),
        ("alpha.png", "RGBA", (255, 0, 0, 102), (255, 153, 153)),
        ("grey-alpha.png", "LA", (0, 0), WHITE),
        ("deep.png", "I;16", 51 * 257, (51, 51, 51)),
        ("deep.pgm", "I", 51 * 257 + 128, (51, 51, 51)),
        ("ink.tif", "CMYK", (0, 255, 255, 0), RED),
        ("lossless.bmp", "RGB", GREEN, GREEN),
    ],
)
def test_every_mode_becomes_rgb(
    tmp_path: Path, name: str, mode: str, colour: object, expected: tuple[int, int, int]
) -> None:
    save(tmp_path / name, colour, mode=mode)
    picture = only(tmp_path)
    assert picture.shape == (3, 8, 8)
    assert picture[:, 4, 4].tolist() == list(expected)


def test_cmyk_jpeg_is_nearly_red_where_it_was_red(tmp_path: Path) -> None:
    save(tmp_path / "ink.jpg", (0, 255, 255, 0), mode="CMYK")
    assert (only(tmp_path)[:, 4, 4] - torch.tensor(RED)).abs().max() < 6


def test_only_the_first_frame_of_an_animation_counts(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (GREEN, RED)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert only(tmp_path)[:, 0, 0].tolist() == list(GREEN)


def test_orientation_is_applied_and_counts_for_the_size(tmp_path: Path) -> None:
    image = Image.new("RGB", (16, 8), RED)
    image.paste(GREEN, (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image.save(tmp_path / "a.png", exif=exif)
    picture = only(tmp_path)
    assert picture.shape == (3, 16, 8)
    assert picture[:, 0, 0].tolist() == list(GREEN)
    assert picture[:, -1, 0].tolist() == list(RED)


def test_one_channel_is_luma(tmp_path: Path) -> None:
    save(tmp_path / "a.png", (200, 100, 50))
    assert only(tmp_path, channels=1)[0, 0, 0] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)


def wide(path: Path) -> None:
    """Write a red picture of 32 x 16 with green quarters at both ends."""
    image = Image.new("RGB", (32, 16), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 7, 15), GREEN)
    draw.rectangle((24, 0, 31, 15), GREEN)
    image.save(path)


def test_center_crops_the_longer_side(tmp_path: Path) -> None:
    wide(tmp_path / "a.png")
    picture = only(tmp_path, size=16)
    assert torch.equal(
        picture, torch.tensor(RED, dtype=torch.uint8).view(3, 1, 1).expand(3, 16, 16)
    )


def test_pad_adds_white_along_the_shorter_side(tmp_path: Path) -> None:
    wide(tmp_path / "a.png")
    picture = only(tmp_path, size=32, crop="pad")
    assert (picture[:, :8] == 255).all()
    assert (picture[:, 24:] == 255).all()
    assert picture[:, 16, 0].tolist() == list(GREEN)
    assert picture[:, 16, 16].tolist() == list(RED)


def test_none_stretches(tmp_path: Path) -> None:
    wide(tmp_path / "a.png")
    picture = only(tmp_path, size=(32, 32), crop="none")
    assert picture[:, 0, 0].tolist() == list(GREEN)
    assert picture[:, 31, 16].tolist() == list(RED)


def test_pictures_of_the_right_size_are_unchanged(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    for crop in ("center", "pad", "none"):
        kept = only(tmp_path, size=(8, 12), crop=crop).permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(kept, noise)
    assert only(tmp_path).shape == (3, 8, 12)


@pytest.mark.parametrize("crop", ["center", "pad", "none"])
def test_pictures_of_several_sizes_need_a_size(tmp_path: Path, crop: str) -> None:
    save(tmp_path / "a.png", size=(8, 8))
    save(tmp_path / "b.png", size=(9, 8))
    with pytest.raises(DataError, match=r"differ in size: a.png is 8x8, b.png is 9x8") as raised:
        Folder("train", path=tmp_path, crop=crop)  # type: ignore[arg-type]
    assert raised.value.hint == "dataset.size=64"
    assert Folder("train", path=tmp_path, crop=crop, size=8).tensors()[0].shape == (2, 3, 8, 8)  # type: ignore[arg-type]


def test_construction_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a.png")
    monkeypatch.setattr(Image.Image, "load", None)
    assert len(Folder("train", path=tmp_path)) == 1


def test_mirror_is_passed_to_the_engine_and_changes_no_sample(tmp_path: Path) -> None:
    wide(tmp_path / "a.png")
    plain, mirrored = (Folder("train", path=tmp_path, mirror=mirror) for mirror in (False, True))
    assert (plain.mirror, mirrored.mirror) == (False, True)
    assert torch.equal(plain.tensors()[0], mirrored.tensors()[0])


def test_samples_agree_with_tensors(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for index in range(5):
        levels = rng.integers(0, 256, (20 + index, 30, 3), dtype=np.uint8)
        Image.fromarray(levels).save(tmp_path / f"{index}.jpg")
    data = Folder("train", path=tmp_path, size=(10, 16))
    samples, labels = data.tensors()
    assert labels is None
    assert samples.shape == (5, 3, 10, 16)
    assert all(torch.equal(data[index][0], samples[index]) for index in range(5))


def test_a_crop_takes_pictures_of_every_size() -> None:
    # 64 / (64 / 107) is a hair more than 107, and Pillow refuses a box outside of the picture.
    for side in range(40, 200):
        assert fit(Image.new("RGB", (side, 131)), 64, 64, "center").size == (64, 64)
