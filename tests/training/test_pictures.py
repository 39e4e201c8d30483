"""Pictures of samples."""

from pathlib import Path

import pytest
import torch

from ganzoo.api import SampleSpec
from ganzoo.sampling.pictures import grid, picture, save_picture, scatter


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
    assert save_picture(tmp_path / "a" / "b.png", SampleSpec("image", shape), samples) is not None


def test_points_are_drawn_on_the_scale_of_the_real_ones() -> None:
    real = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    image = scatter(torch.tensor([[0.5, 0.5]]), real)
    red, green, _ = image.getpixel((256, 256))
    assert red > green


def test_data_without_a_picture_has_none() -> None:
    assert picture(SampleSpec("vector", (3,)), torch.zeros(4, 3)) is None
