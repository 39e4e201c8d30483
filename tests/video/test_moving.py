"""Moving digits and shapes follow their law exactly."""

import numpy as np
import pytest
import torch
from ganzoo_video.datasets.moving import Moving, MovingDigits, MovingShapes
from ganzoo_video.metrics.laws import kolmogorov_smirnov
from ganzoo_video.trajectories import Law, clips, directions

INDICES = np.arange(20_000)


@pytest.mark.parametrize("kind", [MovingDigits, MovingShapes])
def test_centres_of_mass_are_where_the_law_says_to_a_twentieth_of_a_pixel(
    kind: type[Moving],
) -> None:
    data = kind("train", length=100)  # type: ignore[call-arg]
    levels = data.tensors()[0].double().sum(2)  # (N, T, H, W)
    places = torch.arange(32).double() + 0.5
    found = torch.stack([levels.sum(2) @ places, levels.sum(3) @ places], 2)
    found /= levels.sum((2, 3))[..., None]
    paths = data.law.paths(*data.law.draw(data.stream, np.arange(100)))
    assert np.abs(found.numpy() - paths).max() < 0.05


def test_start_speed_and_direction_have_the_uniform_laws_that_metrics_compare_with() -> None:
    law = Law(32, 8)
    start, velocity = law.draw("a test", INDICES)
    speed, angle = np.hypot(*velocity.T), np.arctan2(velocity[:, 1], velocity[:, 0])
    by_chance = 2 / len(INDICES) ** 0.5
    for values, bounds in (
        (start[:, 0], law.room),
        (start[:, 1], law.room),
        (speed, law.speeds),
        (angle, (-np.pi, np.pi)),
    ):
        assert kolmogorov_smirnov(values, bounds) < by_chance


def test_the_first_step_is_the_velocity_and_no_centre_leaves_the_room() -> None:
    law = Law(32, 8)
    start, velocity = law.draw("a test", INDICES)
    paths = law.paths(start, velocity)
    np.testing.assert_allclose(paths[:, 1] - paths[:, 0], velocity, atol=1e-9)
    assert paths.min() >= law.room[0] - 1e-9
    assert paths.max() <= law.room[1] + 1e-9
    assert (np.abs(np.diff(paths[:, 1:], axis=1)) < np.abs(velocity[:, None]) - 1e-6).any()  # walls


def test_an_object_at_whole_pixels_is_unchanged() -> None:
    picture = np.full((1, 1, 2, 2), 100.0)
    clip = clips(picture, np.array([[[2.0, 1.0], [2.5, 1.0]]]), 4)
    assert clip[0, 0, 0].tolist() == [[0, 100, 100, 0], [0, 100, 100, 0], [0] * 4, [0] * 4]
    assert clip[0, 1, 0].tolist() == [[0, 50, 100, 50], [0, 50, 100, 50], [0] * 4, [0] * 4]


def test_directions_are_eighths_of_the_circle_and_y_points_down() -> None:
    velocity = np.array([[1.0, 0.1], [1, 1], [0, 1], [-1, 0], [0.1, -1], [1, -0.9]])
    assert directions(velocity).tolist() == [0, 1, 2, 4, 6, 7]


@pytest.mark.parametrize("kind", [MovingDigits, MovingShapes])
def test_labels_are_those_of_the_items_and_a_seed_gives_other_clips(kind: type[Moving]) -> None:
    for label in ("direction", "object"):
        data = kind("train", length=300, label=label)  # type: ignore[call-arg]
        samples, labels = data.tensors()
        assert torch.equal(data.labels, labels)
        assert torch.equal(data[299][0], samples[299])
        assert data[299][1] == labels[299]
    assert not torch.equal(kind("train", seed=1)[0][0], samples[0])  # type: ignore[call-arg]
    assert not torch.equal(kind("test")[0][0], samples[0])  # type: ignore[call-arg]
