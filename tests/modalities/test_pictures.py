"""Previews of images and of points."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from ganzoo.api import SampleSpec
from ganzoo.modalities.image import grid
from ganzoo.modalities.vector import principal_axes, scatter
from ganzoo.sampling.files import write_preview


def test_a_grid_shows_each_sample_in_its_cell() -> None:
    samples = torch.zeros(4, 1, 32, 32, dtype=torch.uint8)
    samples[3] = 200
    image = grid(samples)
    assert image.size == (70, 70)
    assert image.getpixel((5, 5)) == 0
    assert image.getpixel((60, 60)) == 200


def test_small_images_are_enlarged_by_a_whole_factor() -> None:
    assert grid(torch.zeros(1, 3, 8, 8, dtype=torch.uint8)).size == (48, 48)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 12), (4, 8, 8), (2, 16, 9)])
def test_every_kind_of_image_has_a_picture(shape: tuple[int, int, int], tmp_path: Path) -> None:
    samples = torch.zeros(5, *shape, dtype=torch.uint8)
    write_preview(tmp_path / "a", "b", SampleSpec("image", shape), samples)
    with Image.open(tmp_path / "a" / "b.png") as image:
        assert image.width >= shape[2]


def test_points_are_drawn_on_the_scale_of_the_real_ones() -> None:
    real = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    image = scatter(torch.tensor([[0.5, 0.5]]), real)
    red, green, _ = image.getpixel((256, 256))
    assert red > green


def test_points_of_more_dimensions_are_drawn_on_their_principal_axes() -> None:
    spread = torch.tensor([[3.0, 0.0, 0.0], [-3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0))).Q
    spec, flat = SampleSpec("vector", (3,)), SampleSpec("vector", (2,))
    middle, axes = principal_axes(spread @ turn)
    torch.testing.assert_close(((spread @ turn - middle) @ axes).abs(), spread[:, :2].abs())
    assert spec.kind.preview(spec, spread)[".png"] == flat.kind.preview(flat, spread[:, :2])[".png"]
