"""Checks of latents."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.sampling.program import latent_program_of
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.networks import average_patterns
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import difference, require_finite, require_float32, require_same
from ganzoo.testing.sampling import follow

COUNT = 128


@case_check(name="form")
def latent_form(case: Case) -> None:
    """It returns float32 (n, dim) from `sample(n, generator)`."""
    advice = "return one tensor: n rows of dim numbers with dtype=torch.float32"
    require_float32("numbers", _drawn(case), (COUNT, *case.arguments), advice)


@case_check("form", name="finite")
def latent_finite(case: Case) -> None:
    """Every number is finite."""
    require_finite("numbers", _drawn(case), "avoid log(0)")


@case_check("form", name="same-seed")
def latent_same_seed(case: Case) -> None:
    """The numbers depend on the passed generator: the same for the same seed, else different."""
    first, again, other = _drawn(case), _drawn(case), _drawn(case, seed=1)
    advice = "pass the generator to every torch function that draws numbers"
    expected = "the same numbers from the same seed"
    require_same({"numbers": first}, {"numbers": again}, expected, advice)
    if difference({"numbers": first}, {"numbers": other}) is None:
        raise Failed(
            "different numbers from a different seed",
            "the same",
            "draw from the passed generator, and do not seed it",
        )


def _drawn(case: Case, seed: int = 0, latent: Any = None) -> Tensor:
    latent = latent or case.make()
    drawn: Tensor = latent.sample(COUNT, torch.Generator().manual_seed(seed))
    return drawn


# --- latents that learn --------------------------------------------------------------------------


@case_check("finite", name="gradients")
def latent_gradients(case: Case) -> None:
    """If it is a module, every parameter gets a gradient from the numbers."""
    latent = _module(case)
    if not any(True for _ in latent.parameters()):
        raise Exempt("has no parameters")
    drawn = _drawn(case, latent=latent)
    without = [name for name, _ in latent.named_parameters()]
    if drawn.requires_grad:
        weights = torch.randn(drawn.shape, generator=torch.Generator().manual_seed(4))
        torch.autograd.backward((drawn * weights).sum())
        named = latent.named_parameters()
        without = [name for name, each in named if each.requires_grad and each.grad is None]
    if without:
        raise Failed(
            "a gradient for every parameter",
            f"none for {', '.join(without)}",
            "use them in sample without detaching the result (a draw of a category needs a "
            "relaxation, or its weight), or remove them",
        )


@case_check("same-seed", name="state-dict")
def latent_state_dict(case: Case) -> None:
    """If it is a module, its state, loaded into one with another seed, gives the same numbers."""
    latent = _module(case)
    restored = case.make(seed=5)
    advice = "keep what is drawn with the weights in parameters and persistent buffers"
    with expecting("a state dict that loads strictly into a new latent", advice):
        restored.load_state_dict(latent.state_dict(), strict=True)
    with torch.no_grad():
        before, after = _drawn(case, latent=latent), _drawn(case, latent=restored)
    expected = "the same numbers from a latent restored from its state dict"
    require_same({"numbers": before}, {"numbers": after}, expected, advice)


@case_check("same-seed", name="deep-copy")
def latent_deep_copy(case: Case) -> None:
    """If it is a module, a deep copy gives the same numbers (its average is one)."""
    latent, advice = _module(case), "compute tensors in sample; keep only parameters and buffers"
    with expecting("a latent that copy.deepcopy can copy", advice):
        copied = copy.deepcopy(latent)
    with torch.no_grad():
        before, after = _drawn(case, latent=latent), _drawn(case, latent=copied)
    require_same({"numbers": before}, {"numbers": after}, "a copy with the same numbers", advice)


@case_check("deep-copy", name="exports")
def latent_exports(case: Case) -> None:
    """If it is a module with a state, torch.export can export it for any number of latents."""
    latent, dimension = _module(case), case.arguments[0]
    if not latent.state_dict():
        raise Exempt("has neither parameters nor buffers")
    program = follow(lambda: latent_program_of(latent))
    with torch.no_grad():
        found = program(torch.zeros(2 * COUNT))
    require_float32("numbers from the program", found, (2 * COUNT, dimension), "return (n, dim)")


def _module(case: Case) -> nn.Module:
    latent: Any = case.make()
    if not isinstance(latent, nn.Module):
        raise Exempt("is no module: it does not learn")
    return latent


LATENT = (
    latent_form,
    latent_finite,
    latent_same_seed,
    latent_gradients,
    latent_state_dict,
    latent_deep_copy,
    latent_exports,
    average_patterns,
)
