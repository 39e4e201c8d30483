"""Checks of latents: the law of z."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.testing.checks import Failed, case_check
from ganzoo.testing.comparing import difference, shape
from ganzoo.testing.component import Case

COUNT = 128


@case_check()
def form(case: Case) -> None:
    """It returns float32 (n, dim) from `sample(n, generator)`."""
    (dimension,) = case.arguments
    found: Any = _drawn(case)
    expected = f"float32 of shape {COUNT}x{dimension}"
    if not isinstance(found, Tensor):
        raise Failed(expected, f"a {type(found).__name__}", "return one tensor")
    if tuple(found.shape) != (COUNT, dimension) or found.dtype != torch.float32:
        got = f"{str(found.dtype).removeprefix('torch.')} of shape {shape(found)}"
        raise Failed(expected, got, "draw n rows of dim numbers with dtype=torch.float32")


@case_check("form")
def finite(case: Case) -> None:
    """Every number is finite."""
    if not (found := _drawn(case)).isfinite().all():
        count = int((~found.isfinite()).sum())
        raise Failed("finite numbers", f"{count} of {found.numel()} that are not", "mind log(0)")


@case_check("form")
def same_seed(case: Case) -> None:
    """The same seed of the generator that is passed gives the same numbers, another seed others."""
    first, again, other = _drawn(case), _drawn(case), _drawn(case, seed=1)
    if found := difference({"numbers": first}, {"numbers": again}):
        raise Failed(
            "the same numbers from the same seed",
            found,
            "hand the generator to every torch function that draws",
        )
    if difference({"numbers": first}, {"numbers": other}) is None:
        raise Failed(
            "other numbers from another seed",
            "the same",
            "draw from the generator that is passed, and do not seed it",
        )


def _drawn(case: Case, seed: int = 0) -> Tensor:
    drawn: Tensor = case.make().sample(COUNT, torch.Generator().manual_seed(seed))
    return drawn


LATENT = (form, finite, same_seed)
