from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_zoo.datasets.shapes import OUTLINES, Shapes, rgb

Outline = Callable[[Any, Any], Any]
AREAS = {
    "disc": np.pi * 0.8**2,
    "ring": np.pi * (0.88**2 - 0.48**2),
    "square": 1.36**2,
    "triangle": 3 * 3**0.5 / 4 * 1.0,
    "cross": 2 * 1.84 * 0.5 - 0.5**2,
    "bars": 3 * 1.4 * 0.3,
    "star": 5 * 0.42 * np.sin(np.pi / 5),
    "heart": 0.94**2 + np.pi * 0.47**2,
}


@pytest.mark.parametrize("outline", [o for o in OUTLINES if o.__name__ in AREAS])
def test_the_area_of_an_outline_is_that_of_its_figure(outline: Outline) -> None:
    axis = (np.arange(800) + 0.5) / 400 - 1
    y, x = np.meshgrid(axis * 1.1, axis * 1.1, indexing="ij")
    area = (outline(x, y) < 0).mean() * 2.2**2
    assert area == pytest.approx(AREAS[outline.__name__], rel=0.015)


@pytest.mark.parametrize("outline", OUTLINES)
def test_no_outline_leaves_its_radius_of_one(outline: Outline) -> None:
    angle = np.linspace(0, 2 * np.pi, 999)
    assert outline(1.001 * np.cos(angle), 1.001 * np.sin(angle)).min() > 0


def test_rgb_of_pure_hues_are_the_corners_of_the_cube() -> None:
    hue = np.arange(6) / 6
    corners = [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1]]
    np.testing.assert_allclose(rgb(hue, np.ones(6), np.full(6, 0.5)), corners, atol=1e-12)


def test_classes_are_even_and_length_adds_at_the_end() -> None:
    images, labels = Shapes("train", size=8, length=600).tensors()
    assert labels.bincount().tolist() == [60] * 10
    assert torch.equal(images[:20], Shapes("train", size=8, length=20).tensors()[0])


def test_images_are_the_same_on_every_machine() -> None:
    # Recorded when the data set was made; a change of these pictures is a new revision of it.
    images, _ = Shapes("train", length=64).tensors()
    assert sha256(images.numpy().tobytes()).hexdigest()[:16] == "ebd878f611f6195e"


@pytest.mark.parametrize("radius", [0.5, 0.9])
def test_upright_squares_of_one_radius_have_sides_of_one_length(radius: float) -> None:
    images, labels = Shapes(
        "train", size=64, length=300, radius=(radius, radius), rotate=False
    ).tensors()
    pixels = images[labels == 2].int()
    pixels = pixels[:, 0] << 16 | pixels[:, 1] << 8 | pixels[:, 2]  # (n, 64, 64)
    drawn = pixels == pixels.flatten(1).mode(1).values[:, None, None]  # the shape has one colour
    sides = torch.stack([drawn.any(1).sum(1), drawn.any(2).sum(1)])
    assert (sides - 2 * 0.68 * radius * 32).abs().max() <= 2


def test_a_smallest_radius_above_the_largest_is_refused() -> None:
    with pytest.raises(ValueError, match=r"radius: \[0\.9, 0\.5\]"):
        Shapes("train", radius=(0.9, 0.5))


def test_a_shape_stands_out_from_its_background() -> None:
    images, _ = Shapes("train", length=500).tensors()
    corners = images[..., [0, 0, -1, -1], [0, -1, 0, -1]].float()
    spread = (images.float().flatten(2) - corners.mean(-1, keepdim=True)).abs().amax((1, 2))
    assert spread.min() > 60


def test_other_sizes_show_the_same_pictures() -> None:
    large, _ = Shapes("test", size=64, length=50).tensors()
    small, _ = Shapes("test", size=32, length=50).tensors()
    halved = torch.nn.functional.avg_pool2d(large.float(), 2)
    assert (halved - small.float()).abs().mean() < 2


def test_images_need_not_be_square() -> None:
    data = Shapes("train", size=(8, 24), length=3)
    assert data.spec.shape == (3, 8, 24)
    assert data.tensors()[0].shape == (3, 3, 8, 24)
