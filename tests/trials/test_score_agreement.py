"""Scores agree with independent implementations: numpy in float64, each as its paper writes it.

`AGREEMENT` is the largest relative difference allowed, and docs/evaluation.md quotes it.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from ganzoo_zoo.metrics.coverage import DensityCoverage, PrecisionRecall
from ganzoo_zoo.metrics.inception_score import InceptionScore
from ganzoo_zoo.metrics.kid import Kid

from ganzoo.api import Evaluated
from ganzoo.moments import Moments, frechet_distance
from ganzoo.scoring.frechet import FrechetDistance

AGREEMENT = 1e-11

Rows = np.ndarray
"""Features (N, D), float64."""


def features(kind: str, count: int, width: int, seed: int) -> Rows:
    """Return float32 features as float64: of a Gaussian, as after a ReLU, far from 0, in copies."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, width)) @ random.normal(size=(width, width)) / width**0.5
    if kind == "relu":
        rows = np.maximum(rows, 0)
    if kind == "offset":
        rows += 100
    if kind == "collapsed":
        rows = rows[random.integers(0, 9, count)]
    if kind == "scales":
        rows *= np.logspace(-2, 2, width)
    return rows.astype(np.float32).astype(np.float64)


def frechet(x: Rows, y: Rows) -> float:
    """Heusel et al. 2017, eq. 6; the root's trace is that of the nuclear norm of Sx^1/2 Sy^1/2."""

    def root(rows: Rows) -> Rows:
        return (rows - rows.mean(0)) / (len(rows) - 1) ** 0.5  # X with X'X = S

    a, b = root(x), root(y)
    # tr (Sx Sy)^1/2 is the sum of the singular values of X Y', whichever roots are taken.
    trace = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + (a**2).sum() + (b**2).sum() - 2 * trace)


def kid(x: Rows, y: Rows) -> float:
    """Bińkowski et al. 2018: the unbiased MMD^2 with k(x, y) = (x.y / D + 1)^3, pair by pair."""
    width = x.shape[1]
    kernel: Callable[[Rows, Rows], Rows] = lambda a, b: (a @ b.T / width + 1) ** 3  # noqa: E731
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    np.fill_diagonal(xx, 0)
    np.fill_diagonal(yy, 0)
    m, n = len(x), len(y)
    return float(xx.sum() / (m * (m - 1)) + yy.sum() / (n * (n - 1)) - 2 * xy.mean())


def distances(a: Rows, b: Rows) -> Rows:
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))


def neighbours(x: Rows, y: Rows) -> dict[str, float]:
    """Kynkäänniemi et al. 2019, eq. 1-2, k = 3; Naeem et al. 2020, eq. 3-4, k = 5."""
    between = distances(x, y)
    within_x, within_y = (np.sort(distances(a, a), axis=1) for a in (x, y))
    radii = within_x[:, 5, None]
    return {
        "precision": float((between <= within_x[:, 3, None]).any(0).mean()),
        "recall": float((between <= within_y[:, 3]).any(1).mean()),
        "density": float((between <= radii).sum() / (5 * len(y))),
        "coverage": float((between <= radii).any(1).mean()),
    }


def inception_score(logits: Rows) -> float:
    """Salimans et al. 2016: exp E KL(p(y|x) || p(y))."""
    log_p = logits - logits.max(1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(1, keepdims=True))
    p = np.exp(log_p)
    return float(np.exp((p * (log_p - np.log(p.mean(0)))).sum(1).mean()))


KINDS = ("gaussian", "relu", "offset", "scales")


def evaluated(rows: Rows) -> Evaluated:
    tensor = torch.from_numpy(rows).float()
    return Evaluated(tensor, tensor, class_logits=tensor)


@pytest.mark.parametrize("kind", [*KINDS, "collapsed"])
@pytest.mark.parametrize(("m", "n"), [(300, 200), (300, 20), (30, 300)])
def test_the_frechet_distance_is_that_of_singular_values(kind: str, m: int, n: int) -> None:
    x, y = features(kind, m, 40, 1), features(kind, n, 40, 2) * 1.1
    y = y.astype(np.float32).astype(np.float64)
    expected = frechet(x, y)
    metric = FrechetDistance(40)
    metric.update(torch.from_numpy(x).float(), real=True)
    for part in torch.from_numpy(y).float().split(7):
        metric.update(part, real=False)
    sides = (Moments.of(torch.from_numpy(rows).float()) for rows in (x, y))
    for found in (metric.compute().item(), frechet_distance(*sides)):
        assert found == pytest.approx(expected, rel=AGREEMENT)


@pytest.mark.parametrize("kind", KINDS)
def test_kid_is_the_mean_over_pairs(kind: str) -> None:
    x, y = features(kind, 200, 24, 1), features(kind, 150, 24, 2)
    # Relative to the kernel's mean: the value is a difference of such means.
    scale = float(((x @ y.T / 24 + 1) ** 3).mean())
    found = Kid()(evaluated(x), evaluated(y))["kid"]
    assert found == pytest.approx(kid(x, y), abs=AGREEMENT * abs(scale))


@pytest.mark.parametrize("kind", KINDS)
def test_balls_hold_the_samples_that_they_hold_pair_by_pair(kind: str) -> None:
    x, y = features(kind, 200, 12, 1), features(kind, 150, 12, 2)
    found = {**PrecisionRecall()(evaluated(x), evaluated(y))}
    found |= DensityCoverage()(evaluated(x), evaluated(y))
    # Float32 features far from 0 have few digits, so some distances more are tied.
    allowed = 2e-2 if kind == "offset" else AGREEMENT
    assert found == pytest.approx(neighbours(x, y), rel=allowed)


def test_the_inception_score_is_the_exponential_of_the_mean_divergence() -> None:
    logits = features("gaussian", 400, 10, 3) * 3
    logits = logits.astype(np.float32).astype(np.float64)
    found = InceptionScore()(evaluated(logits), evaluated(logits))["inception_score"]
    assert found == pytest.approx(inception_score(logits), rel=AGREEMENT)
