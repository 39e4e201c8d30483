import pytest
import torch
from ganzoo_zoo.datasets.gaussians import Gaussians

from ganzoo.errors import DataError


def test_a_ring_has_its_modes_at_one_radius_and_equal_angles() -> None:
    points, labels = Gaussians("train", length=80_000).tensors()
    angle = 2 * torch.pi * torch.arange(8) / 8
    for label in range(8):
        mode = points[labels == label]
        centre = 2 * torch.stack([angle[label].cos(), angle[label].sin()])
        torch.testing.assert_close(mode.mean(0), centre, atol=0.003, rtol=0)
        torch.testing.assert_close(mode.T.cov(), 0.05**2 * torch.eye(2), atol=1e-4, rtol=0)


def test_a_grid_of_25_has_its_centres_at_whole_numbers() -> None:
    points, labels = Gaussians("test", layout="grid", sd=1e-6, length=25).tensors()
    assert labels.tolist() == list(range(25))
    whole = {(x, y) for x in range(-2, 3) for y in range(-2, 3)}
    assert {tuple(point) for point in points.round().int().tolist()} == whole


def test_extent_and_modes_scale_the_layout() -> None:
    grid, _ = Gaussians("train", layout="grid", modes=9, extent=4.0, length=900).tensors()
    assert set(grid.round().flatten().tolist()) == {-4.0, 0.0, 4.0}
    assert Gaussians("train", modes=3).spec.classes == 3


def test_a_grid_that_is_no_square_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(DataError, match="a square number of modes from 4 on, not 24") as raised:
        Gaussians("train", layout="grid", modes=24)
    assert raised.value.hint == "dataset.modes=16"
    with pytest.raises(DataError, match="not 1"):
        Gaussians("train", layout="grid", modes=1)
