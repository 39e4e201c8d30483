import numpy as np
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


def test_a_rotation_turns_the_centres_counterclockwise() -> None:
    straight = Gaussians("train", layout="grid", modes=4, extent=1.0)
    turned = Gaussians("train", layout="grid", modes=4, extent=1.0, rotation=90.0)
    x, y = straight.centres.T
    assert pytest.approx(np.stack([-y, x])) == turned.centres.T
    thirty = Gaussians("train", layout="grid", modes=100, extent=4.5, rotation=30.0)
    corner = 4.5 * np.array([-0.5 * 3**0.5 + 0.5, -0.5 - 0.5 * 3**0.5])  # of (-4.5, -4.5)
    assert thirty.centres[0] == pytest.approx(corner)
    distances = np.linalg.norm(thirty.centres[:, None] - thirty.centres, axis=2)
    assert distances[distances > 1e-9].min() == pytest.approx(1)


def test_a_staggered_grid_has_every_other_row_half_a_spacing_further() -> None:
    staggered = Gaussians("train", layout="staggered", modes=100, extent=4.5)
    rows = staggered.centres.reshape(10, 10, 2)
    assert rows[:, :, 1] == pytest.approx(np.broadcast_to(np.arange(10)[:, None] - 4.5, (10, 10)))
    assert rows[0, :, 0] == pytest.approx(np.arange(10) - 4.75)
    assert rows[1, :, 0] == pytest.approx(np.arange(10) - 4.25)
    assert rows[::2] - rows[:1] == pytest.approx(rows[1::2] - rows[1:2])
    assert staggered.centres.mean(0) == pytest.approx([0, 0])


def test_a_grid_that_is_no_square_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(DataError, match="a square number of modes from 4 on, not 24") as raised:
        Gaussians("train", layout="grid", modes=24)
    assert raised.value.hint == "dataset.modes=16"
    with pytest.raises(DataError, match="not 1"):
        Gaussians("train", layout="grid", modes=1)
