"""Arithmetic of scores that was wrong in trials: what is true of it now."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ganzoo_zoo.datasets.digits import Digits
from ganzoo_zoo.extractors.toy_cnn import to_input
from ganzoo_zoo.metrics.cmmd import CMMD
from ganzoo_zoo.metrics.coverage import DensityCoverage, PrecisionRecall
from ganzoo_zoo.metrics.fd_infinity import FDInfinity
from ganzoo_zoo.metrics.inception_score import InceptionScore
from ganzoo_zoo.metrics.kid import Kid, KidSubsets
from ganzoo_zoo.metrics.memorisation import Memorisation
from ganzoo_zoo.metrics.torchmetrics_adapter import TorchMetric
from PIL import Image
from torch import Tensor

from ganzoo.api import Evaluated, Metric, SampleSpec
from ganzoo.moments import Moments, frechet_distance
from ganzoo.scoring.features import prepare
from ganzoo.scoring.frechet import FrechetDistance
from ganzoo.scoring.score_statistics import debiased

IMAGE = SampleSpec("image", (3, 8, 8))


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


# --- the resize ---


def of_clean_fid(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture (H, W, C) resized as clean-fid's `make_resizer` does, (C, *size)."""
    channels = [
        np.asarray(
            Image.fromarray(channel.astype(np.float32), mode="F").resize(
                size[::-1], resample=Image.Resampling.BICUBIC
            )
        ).clip(0, 255)
        for channel in np.moveaxis(picture, 2, 0)
    ]
    return np.stack(channels)


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
@pytest.mark.parametrize("size", [(299, 299), (32, 32), (224, 224), (5, 3)])
def test_the_resize_is_clean_fids_and_leaves_no_level_out_of_range(size: tuple[int, int]) -> None:
    digits = Digits("train").tensors()[0][:20]
    checks = (torch.arange(64).reshape(1, 8, 8) % 2 * 255).byte()
    for stored in (digits, checks[None], torch.randint(256, (4, 3, 40, 24), dtype=torch.uint8)):
        resized = prepare(stored, (stored.shape[1], *size), IMAGE)
        assert float(resized.min()) >= 0
        assert float(resized.max()) <= 255
        for found, picture in zip(resized, stored, strict=True):
            expected = of_clean_fid(picture.permute(1, 2, 0).numpy(), size)
            np.testing.assert_allclose(found.numpy(), expected, atol=2e-3)


def test_an_edge_between_black_and_white_is_resized_without_overshoot() -> None:
    edge = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    edge[..., 4:] = 255
    row = prepare(edge, (1, 8, 16), IMAGE)[0, 0, 0]

    def kernel(x: float) -> float:  # Keys 1981, a = -1/2
        x = abs(x)
        inner = 1.5 * x**3 - 2.5 * x**2 + 1
        return inner if x < 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    for index, found in enumerate(row.tolist()):
        weights = [kernel((index + 0.5) / 2 - 0.5 - source) for source in range(8)]
        level = 255 * sum(weights[4:]) / sum(weights)
        assert found == pytest.approx(min(255, max(0, level)), abs=1e-3)


def test_toy_cnn_reads_pictures_as_they_are_scored() -> None:
    digits = Digits("train").tensors()[0][:50]
    assert torch.equal(to_input(digits), prepare(digits, (3, 32, 32), IMAGE))


# --- moments far from zero ---


def two_passes(features: Tensor) -> tuple[Tensor, Tensor]:
    mean = features.mean(0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


@pytest.mark.parametrize("offset", [0, 1e4, 1e6])
@pytest.mark.parametrize("sizes", [(5000,), (1, 2, 4997), (2048, 2048, 904)])
def test_a_covariance_keeps_its_digits_however_far_the_features_are_from_zero(
    offset: float, sizes: tuple[int, ...]
) -> None:
    features = draw(5000, 12) @ draw(12, 12, seed=1) + offset
    mean, covariance = two_passes(features)
    metric = FrechetDistance(12)
    for part in features.split(sizes):
        metric.update(part, real=True)
    for found in (Moments.of(features), metric.moments(real=True)):
        torch.testing.assert_close(found.mean, mean, rtol=1e-14, atol=1e-12)
        torch.testing.assert_close(
            found.covariance, covariance, rtol=0, atol=5e-12 * float(covariance.max())
        )


@pytest.mark.parametrize("offset", [1e4, 1e6])
@pytest.mark.parametrize("count", [8, 400])
def test_an_offset_of_all_features_does_not_change_the_distance(offset: float, count: int) -> None:
    # Rounded to a grid, so that adding the offset loses nothing.
    real, fake = (
        (rows * 2**20).round() / 2**20 for rows in (draw(500, 12), draw(count, 12, seed=2))
    )
    values = []
    for far in (0, offset):
        metric = FrechetDistance(12)
        metric.update(real + far, real=True)
        metric.update(fake + far, real=False)
        values.append(metric.compute().item())
    assert values[1] == pytest.approx(values[0], rel=1e-9)
    moved = frechet_distance(Moments.of(real + offset), Moments.of(fake + offset))
    assert moved == pytest.approx(values[0], rel=1e-9)


def test_features_that_drift_away_from_the_first_ones_keep_their_digits() -> None:
    features = draw(9000, 6)
    features[0] += 1e6
    features[5000:] += 1e6
    covariance = two_passes(features)[1]
    found = Moments.of(features).covariance
    assert float((found - covariance).abs().max()) < 1e-13 * float(covariance.max())


@pytest.mark.parametrize("offset", [0, 1e6])
def test_the_debiased_distance_does_not_depend_on_an_offset(offset: float) -> None:
    real, fake = ((rows * 2**20).round() / 2**20 for rows in (draw(900, 4), draw(300, 4, seed=2)))
    places = torch.arange(300)
    values = [
        debiased(Moments.of(real + far), Moments.of(fake + far), fake + far, places)
        for far in (0, offset)
    ]
    assert values[1] == pytest.approx(values[0], rel=1e-7)
    rests = [fake[places % 10 != number] for number in range(10)]
    parts = [frechet_distance(Moments.of(real), Moments.of(rest)) for rest in rests]
    whole = frechet_distance(Moments.of(real), Moments.of(fake))
    assert values[0] == pytest.approx(10 * whole - 0.9 * sum(parts), rel=1e-9)


# --- ties, copies and order ---


METRICS = [
    PrecisionRecall(),
    DensityCoverage(),
    KidSubsets(size=100, subsets=3),
    FDInfinity(sizes=3, smallest=0.2),
    InceptionScore(splits=4),
    TorchMetric(metric="image.kid.KernelInceptionDistance", settings={"subset_size": 100}),
    Memorisation(),
    CMMD(),
    Kid(),
]


def in_order(pictures: Tensor, features: Tensor, seed: int) -> Evaluated:
    """Return a side in a random order, its features rounded as in batches of that order."""
    random = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(pictures), generator=random)
    noise = torch.randint(-1, 2, features.shape, generator=random) * 2.0**-24
    rows = features[order] * (1 + noise)
    return Evaluated(rows, pictures[order], class_logits=rows)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: type(metric).__name__)
@pytest.mark.parametrize("kind", ["copies", "a grid", "others"])
def test_equal_distances_and_copies_count_alike_in_any_order(metric: Metric, kind: str) -> None:
    pictures = torch.randint(
        256, (240, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    features = draw(240, 8, seed=3).float() + 2
    if kind == "a grid":  # where most distances are tied
        features = (torch.arange(240)[:, None] // 3 ** torch.arange(8) % 3).float() * 0.1 + 0.7
    pictures[200:], features[200:] = pictures[:40], features[:40]
    few = slice(100 if kind == "others" else 0, None)
    fakes = pictures[few], features[few]
    found = []
    for seed in range(6):
        real, held_out, fake = (
            in_order(*side, seed + 10 * number)
            for number, side in enumerate(
                ((pictures, features), (pictures[:150], features[:150]), fakes)
            )
        )
        splits = {"train": real, "test": held_out}
        found.append(metric(replace(real, splits=splits), fake))
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-4, abs=1e-5)


def test_exact_copies_are_inside_the_ball_of_every_neighbour() -> None:
    features = draw(300, 6, seed=4).float()
    pictures = torch.arange(300)[:, None]
    numbers = DensityCoverage(k=5)(
        in_order(pictures, features, seed=1), in_order(pictures, features, seed=2)
    )
    # Each ball holds its centre and k neighbours.
    assert numbers == {"density": 6 / 5, "coverage": 1}
