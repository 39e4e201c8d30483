"""Fit the mixture of a column of numbers, by expectation maximisation in one dimension."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

COMPONENTS = 10
"""Largest number of components (arXiv:1907.00503, section 4.2)."""
POINTS = 4_000
"""A mixture is fitted to at most this many quantiles, among them the extremes. So the time of a fit
does not grow with the table, and a mode of a smaller share than 1 in 4,000 is not seen."""
STEPS, TOLERANCE = 60, 1e-5
"""Largest number of EM steps, and the change of the mean log likelihood that ends a fit."""
REACH = 0.98 * 4.0
"""Every value lies within this many standard deviations of its mode; networks reach 4."""
FLOOR = 1e-3
"""Smallest standard deviation of a mode, in units of the column's."""


class Mixture(NamedTuple):
    """Weights, means and standard deviations of K components, each float64 (K,)."""

    weights: Tensor
    means: Tensor
    deviations: Tensor

    def log_joint(self, x: Tensor) -> Tensor:
        """Return log(weight x density) but for a constant, (N, K)."""
        places = (x[:, None] - self.means) / self.deviations
        return self.weights.log() - self.deviations.log() - places.square() / 2

    def quadratics(self) -> Tensor:
        """Return `log_joint` as coefficients of 1, x and x², (3, K)."""
        precisions = self.deviations.square().reciprocal()
        constants = (
            self.weights.log() - self.deviations.log() - self.means.square() * precisions / 2
        )
        return torch.stack([constants, self.means * precisions, -precisions / 2])

    def without(self, index: int) -> Mixture:
        """Return the mixture without one component."""
        keep = torch.arange(len(self.weights)) != index
        weights, means, deviations = (part[keep] for part in self)
        return Mixture(weights / weights.sum(), means, deviations)


def fit_mixture(values: Tensor) -> tuple[tuple[float, float, float], ...]:
    """Return the (weight, mean, standard deviation) of each component, sorted by mean.

    Starting from `COMPONENTS`, the lightest component is dropped again and again; of these mixtures
    that of the smallest BIC is taken.

    Args:
        values: float64 (N,), finite, at least two different ones.
    """
    ordered = values.double().sort().values
    centre, scale = ordered.mean(), ordered.std(correction=0)
    if len(ordered) > POINTS:
        chosen = torch.linspace(0, len(ordered) - 1, POINTS, dtype=torch.float64).round().long()
        ordered = ordered[chosen]
    x = (ordered - centre) / scale
    fitted = _wide_enough(x, _smallest_bic(x))
    order = fitted.means.argsort()
    scaled = (fitted.weights, fitted.means * scale + centre, fitted.deviations * scale)
    return tuple(tuple(row) for row in torch.stack(scaled, 1)[order].tolist())


def _smallest_bic(x: Tensor) -> Mixture:
    count = min(COMPONENTS, len(x))
    starts = x[((torch.arange(count) + 0.5) / count * len(x)).long()]
    even = torch.full((count,), 1 / count, dtype=torch.float64)
    mixture = Mixture(even, starts, even.clamp_min(0.05))
    best, least = mixture, math.inf
    for size in range(count, 0, -1):
        mixture, log_likelihood = _fit(x, mixture)
        bic = (3 * size - 1) * math.log(len(x)) - 2 * len(x) * log_likelihood
        if bic < least:
            best, least = mixture, bic
        if size > 1:
            mixture = mixture.without(int(mixture.weights.argmin()))
    return best


def _fit(x: Tensor, mixture: Mixture) -> tuple[Mixture, float]:
    """Return the mixture after expectation maximisation, and its mean log likelihood.

    Both steps are products with the powers (1, x, x²) of the standardised values, (N, 3).
    """
    powers = torch.stack([torch.ones_like(x), x, x.square()], 1)
    before = -math.inf
    for _ in range(STEPS):
        log_joint = powers @ mixture.quadratics()
        now = float(log_joint.logsumexp(1).mean())
        if abs(now - before) < TOLERANCE:
            return mixture, now
        before = now
        mass, sums, squares = (log_joint.softmax(1).T @ powers).T
        mass = mass.clamp_min(1e-9)
        means = sums / mass
        variances = (squares / mass - means.square()).clamp_min(FLOOR**2)
        mixture = Mixture(mass / mass.sum(), means, variances.sqrt())
    return mixture, float((powers @ mixture.quadratics()).logsumexp(1).mean())


def _wide_enough(x: Tensor, mixture: Mixture) -> Mixture:
    """Return the mixture with modes so wide that each value is within `REACH` of its own."""
    for _ in range(20):  # a mode that is made wider can take over values of its neighbours
        choice = mixture.log_joint(x).argmax(1)
        furthest = torch.zeros_like(mixture.means).scatter_reduce(
            0, choice, (x - mixture.means[choice]).abs(), "amax"
        )
        if bool((furthest <= REACH * mixture.deviations).all()):
            break
        deviations = torch.maximum(mixture.deviations, furthest / REACH * (1 + 1e-9))
        mixture = mixture._replace(deviations=deviations)
    return mixture
