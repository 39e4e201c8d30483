"""Checks of metrics: numbers over the features of real and generated samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated
from ganzoo.sampling.random_streams import RandomStreams, Rows
from ganzoo.testing.checks import Failed, NotChecked, case_check
from ganzoo.testing.component import Case

LABELS, FEATURES, LATENTS = 4, 8, 4


class Probe:
    """What made the generated side: a smooth function of latents and labels."""

    def latents(self, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
        drawn = RandomStreams(seed).draw(
            "latents", 0, Rows(0, count), lambda n, g: torch.randn(n, LATENTS, generator=g)
        )
        return drawn, torch.arange(count) % LABELS

    def features(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        weights = torch.linspace(-1, 1, LATENTS * FEATURES).view(LATENTS, FEATURES)
        return torch.tanh(latents @ weights)


@case_check()
def numbers(case: Case) -> None:
    """It returns named numbers, none of them infinite."""
    found = _measured(case, *_sides())
    if not isinstance(found, Mapping) or not found:
        raise Failed("named numbers", repr(found)[:80], "return {'name': value, …}")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, float | int):
            raise Failed("a number for each name", f"{name!r}: {value!r}", "return float(value)")
        if math.isinf(value):
            raise Failed(f"a finite {name!r}", str(value), "return NaN where it is undefined")


@case_check("numbers")
def order(case: Case) -> None:
    """Its numbers do not depend on the order of the samples, nor on what was drawn before."""
    before = _measured(case, *_sides())
    torch.manual_seed(5)
    after = _measured(case, *_sides(shuffled=True))
    for name, value in before.items():
        other = after.get(name, math.nan)
        if not math.isclose(value, other, rel_tol=1e-6, abs_tol=1e-9) and not (
            math.isnan(value) and math.isnan(other)
        ):
            raise Failed(
                f"the same {name!r} of the same samples in another order",
                f"{other:.6g} in place of {value:.6g}",
                "use all samples, or choose among them by what they hold",
            )


def _measured(case: Case, real: Evaluated, fake: Evaluated) -> Any:
    try:
        return case.make()(real, fake)
    except DataError as error:
        raise NotChecked(f"needs other data than the kit has: {error.message}") from error


def _sides(*, shuffled: bool = False) -> tuple[Evaluated, Evaluated]:
    """Return 96 real samples, with both splits of their data, and 80 that a generator made."""
    real, held_out, fake = _side(0, 96), _side(2, 60), _side(1, 80)
    if shuffled:
        real, held_out, fake = map(_shuffled, (real, held_out, fake))
    splits = {"train": real, "test": held_out}
    return replace(real, splits=splits), replace(fake, generator=Probe())


def _side(seed: int, count: int) -> Evaluated:
    """Return labelled clusters of features with small RGB images and a classifier's logits."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(LABELS, (count,), generator=random)
    labels[: 2 * LABELS] = torch.arange(2 * LABELS) % LABELS  # every label at least twice
    centres = 4 * torch.eye(LABELS, FEATURES)
    features = centres[labels] + torch.randn(count, FEATURES, generator=random)
    return Evaluated(
        features=features,
        samples=torch.randint(256, (count, 3, 8, 8), generator=random, dtype=torch.uint8),
        labels=labels,
        class_logits=features[:, :LABELS].clone(),
    )


def _shuffled(side: Evaluated) -> Evaluated:
    new = torch.randperm(len(side.features), generator=torch.Generator().manual_seed(3))
    rows = {name: getattr(side, name)[new] for name in ("features", "samples", "labels")}
    return Evaluated(**rows, class_logits=rows["features"][:, :LABELS].clone())


METRIC = (numbers, order)
