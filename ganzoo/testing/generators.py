"""Checks of generators."""

from __future__ import annotations

import copy
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.components.build import takes
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.inputs import (
    BATCH,
    coupling,
    inputs,
    log_prob,
    noise_of,
    outputs,
    perturbed,
    trained,
)
from ganzoo.testing.networks import BOTH_NETWORKS, average_patterns
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import (
    ROUNDING,
    difference,
    form_of,
    require_finite,
    require_float32,
    require_same,
)
from ganzoo.testing.sampling import exports, prepare_sampling, sampling_parameters


@case_check(name="form", every_size=True)
def samples_form(case: Case) -> None:
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
        found = inputs(case, network).into(network)
    advice = "return one tensor of spec.model_shape, or refuse the spec with a ValueError"
    require_float32("samples", found, (BATCH, *case.spec.model_shape), advice)


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
        given = inputs(case, network)
        found = outputs(network, given._replace(x=4 * given.x))["outputs"]
    values = found.nan_to_num(0, 0, 0)
    slack = ROUNDING * (high - low)
    if values.min() < low - slack or values.max() > high + slack:
        raise Failed(
            f"samples in [{low:g}, {high:g}]",
            f"values from {values.min():.3g} to {values.max():.3g}",
            "end in tanh (text: softmax), or declare 'unbounded'",
        )


@case_check("form")
def inputs_alone(case: Case) -> None:
    """In eval mode a sample is a function of z, y and `noise` alone, unless ``internal-noise``."""
    if "internal-noise" in case.capabilities:
        raise Exempt("declares internal-noise")
    network = trained(case)
    given = inputs(case, network)
    with torch.no_grad():
        before, after = outputs(network, given, seed=7), outputs(network, given, seed=8)
    expected = "the same samples from the same latents in eval mode"
    advice = (
        "change no state in eval mode and draw numbers from `noise` only (forward(z, y=None, *, "
        "noise)), or declare 'internal-noise'"
    )
    require_same(before, after, expected, advice)


@case_check("form", name="separate-samples")
def separate_generated(case: Case) -> None:
    """In eval mode a sample does not depend on the rest of its batch."""
    if found := coupling(case, training=False):
        raise Failed(
            "a sample that does not depend on the other latents of its batch",
            found,
            "in eval mode use running statistics, not those of the batch",
        )


# --- optional members ----------------------------------------------------------------------------


@case_check("finite")
def noise(case: Case) -> None:
    """If forward takes `noise`, samples depend on it, each on its own row only."""
    network = perturbed(trained(case))
    parameter = signature(network.forward).parameters.get("noise")
    if parameter is None:
        raise Exempt("its forward takes no noise")
    if not takes(network, "noise"):
        got, advice = "one that can be positional", "def forward(self, z, y=None, *, noise): …"
        raise Failed("a keyword-only argument `noise` of forward", got, advice)
    if "internal-noise" in case.capabilities:
        raise Exempt("declares internal-noise")
    given = inputs(case, network)
    with torch.no_grad():
        whole = outputs(network, given)
        parts = [outputs(network, given.rows(*rows)) for rows in ((0, 1), (1, BATCH - 1))]
    apart = {"outputs": torch.cat([each["outputs"] for each in parts])}
    advice = "ask for the shape of one sample: noise.normal(name, 1, 8, 8) is (B, 1, 8, 8)"
    expected = "samples that depend on their own rows of the noise only"
    require_same(whole, apart, expected, advice, ROUNDING)
    if not any(_uses_noise(case, network.train(mode)) for mode in (True, False)):
        advice = "draw from it in forward: noise.normal(name, …); or do not take it"
        raise Failed("samples that depend on the noise", "the same for another noise", advice)


def _uses_noise(case: Case, network: nn.Module) -> bool:
    before, given = copy.deepcopy(network.state_dict()), inputs(case, network)
    found = []
    for seed in (0, 1):
        network.load_state_dict(before)
        with torch.no_grad():
            found.append(outputs(network, given.having(noise=noise_of(BATCH, seed))))
    return difference(found[0], found[1]) is not None


@case_check("inputs-alone")
def styles(case: Case) -> None:
    """If it declares ``styles``, from_styles(styles(z, y)) are the samples of forward."""
    if "styles" not in case.capabilities:
        raise Exempt("does not declare styles")
    network: Any = trained(case)
    given = inputs(case, network)
    noise = given.keywords.get("noise")
    with torch.no_grad():
        before = outputs(network, given)
        with expecting("styles of styles(z, y)", "def styles(self, z, y=None): …"):
            w = network.styles(given.x, given.y)
        if not isinstance(w, Tensor) or w.dim() < 2 or len(w) != BATCH:
            expected = f"one tensor of styles with {BATCH} rows"
            raise Failed(expected, form_of(w), "return (B, layers, d)")
        advice = "def from_styles(self, w, *, noise=None): …"
        with expecting("samples from from_styles(w, noise=noise)", advice):
            after = {"outputs": network.from_styles(w, noise=noise)}
            if noise is None:
                network.from_styles(w)
    advice = "let forward return self.from_styles(self.styles(z, y)) in eval mode"
    expected = "the samples of forward from from_styles(styles(z, y))"
    require_same(before, after, expected, advice, ROUNDING)


@case_check("finite")
def score_function(case: Case) -> None:
    """If it declares ``score-function``, log_prob(x, z, y) is finite, (B,), and has a gradient."""
    if "score-function" not in case.capabilities:
        raise Exempt("does not declare score-function")
    network = case.make()
    given = inputs(case, network)
    advice = "def log_prob(self, x, z, y=None): …, the log probability of each sample"
    with expecting("log_prob(x, z, y) of its own samples", advice):
        found = log_prob(network, given)
    require_float32("log probabilities", found, (BATCH,), advice)
    require_finite("log probabilities", found, "use log_softmax, not log(softmax)")
    if not found.requires_grad:
        advice = "compute it with gradients: no detach, no torch.no_grad"
        raise Failed("log probabilities with a gradient", "none", advice)


GENERATOR = (
    samples_form,
    *BOTH_NETWORKS,
    value_range,
    inputs_alone,
    separate_generated,
    exports,
    noise,
    sampling_parameters,
    prepare_sampling,
    average_patterns,
    styles,
    score_function,
)
