"""Health of a generator: whether its samples have become alike, or its values all extreme.

Everything is measured beside as many real samples, under the same extractor: real data has
near-duplicates and saturated values too.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ganzoo.api import SampleSpec
from ganzoo.nn import encode

WATCHED = 256
"""Samples looked at, of either side."""

FEWEST_WATCHED = 32
"""Of fewer samples the numbers would say little."""

SAME = 0.1
"""Squared distance of two samples that count as one, in median squared distances of real data."""

DUPLICATE = 0.1
"""Distance of near-duplicates, in median distances of a real sample to its nearest neighbour."""

FEWEST_DISTINCT = 0.33
MOST_DUPLICATES = 0.5
MOST_SATURATED = 0.5
"""What speaks of a collapse; see `Health.signs`."""

SIDE = 32
"""Without an extractor images are compared at no more pixels than this a side."""


@dataclass(frozen=True)
class Looks:
    """What one side looks like."""

    distinct: float
    """Effective number of distinct samples, from 1 to their count: `effective_number`."""
    duplicates: float
    """Share of samples that have a near-duplicate among the others."""
    saturated: float | None
    """Share of values at an end of their range; None for data whose values have no ends."""


@dataclass(frozen=True)
class Health:
    """A generator's samples beside real ones."""

    count: int
    """Samples of either side."""
    fake: Looks
    real: Looks

    def signs(self) -> list[str]:
        """Return what speaks of a collapse, numbers beside those of real data; empty if nothing."""
        fake, real, signs = self.fake, self.real, []
        if fake.distinct < FEWEST_DISTINCT * real.distinct:
            signs.append(
                f"{self.count} samples are as diverse as {fake.distinct:.1f} distinct ones "
                f"(real data: {real.distinct:.1f})"
            )
        if fake.duplicates > real.duplicates + MOST_DUPLICATES * (1 - real.duplicates):
            signs.append(
                f"{fake.duplicates:.0%} of the samples have a near-duplicate "
                f"(real data: {real.duplicates:.0%})"
            )
        if fake.saturated is not None and real.saturated is not None:
            limit = real.saturated + MOST_SATURATED * (1 - real.saturated)
            if fake.saturated > limit:
                signs.append(
                    f"{fake.saturated:.0%} of all values are at an end of their range "
                    f"(real data: {real.saturated:.0%})"
                )
        return signs

    def record(self) -> dict[str, Any]:
        """Return it flat, ``distinct`` beside ``distinct_real``, for a file."""
        real = {f"{name}_real": value for name, value in asdict(self.real).items()}
        return {"samples": self.count, **asdict(self.fake), **real}


@dataclass(frozen=True)
class Yardstick:
    """Distances of real data by which samples are judged.

    Args:
        features: of the real samples, (N, D).
        samples: the same in stored form, (N, *shape).
    """

    spec: SampleSpec
    features: Tensor
    samples: Tensor

    def health(self, features: Tensor, samples: Tensor) -> Health:
        """Return how generated samples look beside the real ones; the same shapes."""
        return Health(len(features), self._looks(distances(features), samples), self._real_looks)

    @cached_property
    def _real(self) -> Tensor:
        return distances(self.features)

    @cached_property
    def _real_looks(self) -> Looks:
        return self._looks(self._real, self.samples)

    @cached_property
    def _same(self) -> float:
        return math.sqrt(SAME) * _pairs(self._real).median().item()

    @cached_property
    def _duplicate(self) -> float:
        return DUPLICATE * nearest(self._real).median().item()

    def _looks(self, between: Tensor, samples: Tensor) -> Looks:
        return Looks(
            distinct=effective_number(between, self._same),
            duplicates=(nearest(between) <= self._duplicate).double().mean().item(),
            saturated=saturated(self.spec, samples),
        )


def effective_number(distances: Tensor, same: float) -> float:
    """Return how many distinct samples are as diverse as these: N^2 / sum_ij exp(-d_ij^2 / same^2).

    Between 1, where all are alike, and N, where all are far apart: the Vendi score of order 2 under
    a Gaussian kernel of variance same^2 (Pasarkar & Dieng 2023, arXiv:2310.12952).

    Args:
        distances: (N, N), zeros on the diagonal.
        same: up to about here two samples count as one; 0: only equal ones do.
    """
    alike = torch.exp(-(distances / same).square()) if same > 0 else (distances == 0).double()
    return len(distances) ** 2 / alike.sum().item()


def distances(features: Tensor) -> Tensor:
    """Return the Euclidean distances of all pairs, (N, N), float64.

    Not by the inner products that are faster: near-duplicates would be rounded to anything.
    """
    features = features.double()
    return torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")


def saturated(spec: SampleSpec, samples: Tensor) -> float | None:
    """Return the share of values at either end of their range, of samples in stored form."""
    if spec.modality in ("image", "video"):
        return ((samples == 0) | (samples == 255)).double().mean().item()
    if spec.modality == "audio":
        return (samples.abs() >= 1).double().mean().item()
    return None


def plain_features(spec: SampleSpec, samples: Tensor) -> Tensor:
    """Return samples as features of their own, (N, D), for data that no extractor is for.

    Images are averaged down to at most `SIDE` pixels a side.
    """
    values = encode(spec, samples)
    if spec.modality == "image":
        size = (min(spec.height, SIDE), min(spec.width, SIDE))
        values = functional.adaptive_avg_pool2d(values, size)
    return values.flatten(1)


def _pairs(distances: Tensor) -> Tensor:
    """Return the distances of different samples."""
    return distances[~torch.eye(len(distances), dtype=torch.bool)]


def nearest(distances: Tensor) -> Tensor:
    """Return each sample's distance to its nearest neighbour."""
    return (distances + torch.diag(torch.full((len(distances),), math.inf))).min(dim=1).values
