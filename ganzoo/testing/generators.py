"""Checks of generators and of latents."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.networks import (
    BATCH,
    BOTH_NETWORKS,
    coupling,
    inputs,
    outputs,
    perturbed,
    trained,
)
from ganzoo.testing.outcomes import Exempt, Failed
from ganzoo.testing.probes import difference, form_of, require_finite

# --- generators ----------------------------------------------------------------------------------


@case_check(every_size=True)
def form(case: Case) -> None:
    """G has a latent_dim and returns float32 samples of the model form's shape, one per latent."""
    network: Any = case.make()
    latent_dim = getattr(network, "latent_dim", None)
    if not isinstance(latent_dim, int) or isinstance(latent_dim, bool) or latent_dim < 1:
        raise Failed(
            "an attribute latent_dim, an integer of at least 1",
            repr(latent_dim),
            "set self.latent_dim in __init__",
        )
    with torch.no_grad():
        found = network(*inputs(case, network))
    expected = f"float32 samples of shape {'x'.join(map(str, (BATCH, *case.spec.model_shape)))}"
    if not isinstance(found, Tensor):
        raise Failed(expected, form_of(found), "return one tensor from forward")
    if tuple(found.shape) != (BATCH, *case.spec.model_shape) or found.dtype != torch.float32:
        advice = "return spec.model_shape, or refuse the spec with a ValueError"
        raise Failed(expected, form_of(found), advice)


@case_check("form")
def value_range(case: Case) -> None:
    """Samples stay in the model form's range, even with large weights, unless ``unbounded``."""
    bounds = case.spec.kind.value_range
    if bounds is None:
        raise Exempt(f"samples of the modality {case.spec.modality} have no range")
    if "unbounded" in case.capabilities:
        raise Exempt("declares unbounded")
    low, high = bounds
    network = perturbed(case.make())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4)  # larger than initial weights, as after training
        z, y = inputs(case, network)
        values = outputs(network, (4 * z, y))["outputs"].nan_to_num(0, 0, 0)
    if values.min() < low or values.max() > high:
        raise Failed(
            f"samples in [{low:g}, {high:g}]",
            f"values from {values.min():.3g} to {values.max():.3g}",
            "end in tanh (text: softmax), or declare 'unbounded'",
        )


@case_check("form")
def inputs_alone(case: Case) -> None:
    """In eval mode a sample is a function of (z, y) alone, unless ``internal-noise``."""
    if "internal-noise" in case.capabilities:
        raise Exempt("declares internal-noise")
    network = trained(case)
    given = inputs(case, network)
    with torch.no_grad():
        found = difference(outputs(network, given, seed=7), outputs(network, given, seed=8))
    if found:
        raise Failed(
            "the same samples from the same latents in eval mode",
            found,
            "draw no numbers and change no state in eval mode, or declare 'internal-noise'",
        )


@case_check("form")
def separate_samples(case: Case) -> None:
    """In eval mode a sample does not depend on the rest of its batch."""
    if found := coupling(case, training=False):
        raise Failed(
            "a sample that does not depend on the other latents of its batch",
            found,
            "in eval mode use running statistics, not those of the batch",
        )


GENERATOR = (form, *BOTH_NETWORKS, value_range, inputs_alone, separate_samples)


# --- latents -------------------------------------------------------------------------------------

COUNT = 128


@case_check(name="form")
def latent_form(case: Case) -> None:
    """It returns float32 (n, dim) from `sample(n, generator)`."""
    (dimension,) = case.arguments
    found: Any = _drawn(case)
    expected = f"float32 of shape {COUNT}x{dimension}"
    if not isinstance(found, Tensor):
        raise Failed(expected, form_of(found), "return one tensor")
    if tuple(found.shape) != (COUNT, dimension) or found.dtype != torch.float32:
        advice = "draw n rows of dim numbers with dtype=torch.float32"
        raise Failed(expected, form_of(found), advice)


@case_check("form", name="finite")
def latent_finite(case: Case) -> None:
    """Every number is finite."""
    require_finite("numbers", _drawn(case), "avoid log(0)")


@case_check("form", name="same-seed")
def latent_same_seed(case: Case) -> None:
    """The passed generator decides the numbers: the same for the same seed, else different."""
    first, again, other = _drawn(case), _drawn(case), _drawn(case, seed=1)
    if found := difference({"numbers": first}, {"numbers": again}):
        raise Failed(
            "the same numbers from the same seed",
            found,
            "pass the generator to every torch function that draws numbers",
        )
    if difference({"numbers": first}, {"numbers": other}) is None:
        raise Failed(
            "different numbers from a different seed",
            "the same",
            "draw from the passed generator, and do not seed it",
        )


def _drawn(case: Case, seed: int = 0) -> Tensor:
    drawn: Tensor = case.make().sample(COUNT, torch.Generator().manual_seed(seed))
    return drawn


LATENT = (latent_form, latent_finite, latent_same_seed)
