"""Metrics of clips whose truth is known."""

import numpy as np
import pytest
import torch
from ganzoo_video.datasets.moving import MovingDigits
from ganzoo_video.metrics.frechet import Frechet
from ganzoo_video.metrics.identity import Identity
from ganzoo_video.metrics.laws import Laws, kolmogorov_smirnov
from ganzoo_video.trajectories import Law
from scipy.stats import kstest, uniform
from torch import Tensor

from ganzoo.api import DataError, Evaluated

REAL = MovingDigits("train", length=400).tensors()[0]
TEST = MovingDigits("test", length=400).tensors()[0]


def side(clips: Tensor, **more: object) -> Evaluated:
    return Evaluated(clips.flatten(1).float(), clips, **more)  # type: ignore[arg-type]


def real() -> Evaluated:
    return side(REAL, splits={"test": side(TEST)})


def shuffled(clips: Tensor) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.stack([clip[torch.randperm(len(clip), generator=random)] for clip in clips])


def still(clips: Tensor) -> Tensor:
    return clips[:, :1].expand_as(clips)


def test_the_distance_of_kolmogorov_and_smirnov_is_that_of_the_definition() -> None:
    assert kolmogorov_smirnov(np.array([0.5]), (0, 1)) == 0.5
    assert kolmogorov_smirnov(np.array([1.0, 3.0]), (0, 4)) == 0.25
    assert kolmogorov_smirnov(np.array([7.0, 8.0]), (0, 4)) == 1
    assert kolmogorov_smirnov(np.array([1.0, 3.0, np.nan, np.nan]), (0, 4)) == 0.5
    assert kolmogorov_smirnov(np.array([np.nan]), (0, 4)) == 1


def test_real_clips_keep_the_laws_but_for_chance() -> None:
    found = Laws()(real(), side(TEST))
    assert found["law_start"] == found["law_start_held_out"]
    assert max(found.values()) < 2 / len(TEST) ** 0.5


def test_a_still_clip_has_the_worst_speed_and_shuffled_frames_are_too_fast() -> None:
    assert Laws()(real(), side(still(TEST)))["law_speed"] == 1
    found = Laws()(real(), side(shuffled(TEST)))
    assert found["law_speed"] > 0.5
    assert found["law_start"] < 0.1


def test_black_clips_are_at_no_place() -> None:
    found = Laws()(real(), side(torch.zeros_like(TEST)))
    assert [found[f"law_{name}"] for name in ("start", "speed", "direction")] == [1, 1, 1]


def test_laws_are_those_of_centres_by_hand_and_of_scipy() -> None:
    clips = TEST[:30].double().numpy()
    centres = np.zeros((30, clips.shape[1], 2))
    down, across = np.mgrid[: clips.shape[3], : clips.shape[4]] + 0.5
    for i, t in np.ndindex(centres.shape[:2]):
        levels = np.where(clips[i, t] < 16, 0, clips[i, t]).sum(0)
        centres[i, t] = (levels * across).sum(), (levels * down).sum()
        centres[i, t] /= levels.sum()
    law, steps = Law(clips.shape[4], clips.shape[1]), np.diff(centres, axis=1)
    speeds = np.median(np.hypot(steps[..., 0], steps[..., 1]), 1)
    angles = np.arctan2(steps[:, 0, 1], steps[:, 0, 0])

    def far(values: np.ndarray, low: float, high: float) -> float:
        return kstest(values, uniform(low, high - low).cdf).statistic

    found = Laws()(real(), side(TEST[:30]))
    starts = [far(centres[:, 0, axis], *law.room) for axis in (0, 1)]
    assert found["law_start"] == pytest.approx(np.mean(starts))
    assert found["law_speed"] == pytest.approx(far(speeds, *law.speeds))
    assert found["law_direction"] == pytest.approx(far(angles, -np.pi, np.pi))


def test_a_black_frame_is_wrong_in_the_speed_and_in_what_is_measured_there() -> None:
    late = TEST.clone()
    late[:, 5] = 0
    found, true = Laws()(real(), side(late)), Laws()(real(), side(TEST))
    assert found["law_speed"] == 1
    assert found["law_start"] == true["law_start"]
    assert found["law_direction"] == true["law_direction"]


def test_clips_of_the_reference_itself_are_not_held_out() -> None:
    few = side(REAL[:20], splits={})
    few.splits["test"] = few  # type: ignore[index]
    assert set(Frechet()(few, side(TEST[:20]))) == {"fd_frames", "fd_differences"}


def test_only_differences_see_the_order_of_frames() -> None:
    found = Frechet()(real(), side(shuffled(REAL)))
    assert found["fd_frames"] == pytest.approx(0, abs=1e-6)
    assert found["fd_differences"] > 10 * found["fd_differences_held_out"]


def test_digits_that_change_within_a_clip_lose_their_identity() -> None:
    found = Identity()(real(), side(TEST))
    assert found["identity"] == found["identity_held_out"] > 0.95
    changing = torch.cat([REAL[:200, :4], REAL[200:, 4:]], 1)
    assert Identity()(real(), side(changing))["identity"] < 0.7


@pytest.mark.parametrize("metric", [Frechet, Laws, Identity])
def test_what_is_no_clip_is_refused(metric: type) -> None:
    pictures = REAL[:, 0]
    with pytest.raises(DataError, match="needs clips of 2 frames or more"):
        metric()(side(pictures), side(pictures))
