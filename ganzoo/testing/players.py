"""Checks of generators, discriminators and latents."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.api import DiscriminatorOutput
from ganzoo.errors import PluginError
from ganzoo.sampling.program import program_of
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.networks import (
    BATCH,
    BOTH_NETWORKS,
    coupling,
    inputs,
    named,
    outputs,
    perturbed,
    trained,
)
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import (
    ROUNDING,
    difference,
    form_of,
    require_finite,
    require_same,
    shape,
)
from ganzoo.testing.toys import ToyGenerator
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients

# --- generators ----------------------------------------------------------------------------------


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
        found = network(*inputs(case, network))
    advice = "return one tensor of spec.model_shape, or refuse the spec with a ValueError"
    _require_float32("samples", found, (BATCH, *case.spec.model_shape), advice)


def _require_float32(what: str, found: Any, wanted: tuple[int, ...], advice: str) -> None:
    tensor = isinstance(found, Tensor)
    if not tensor or tuple(found.shape) != wanted or found.dtype != torch.float32:
        expected = f"float32 {what} of shape {'x'.join(map(str, wanted))}"
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
    slack = ROUNDING * (high - low)
    if values.min() < low - slack or values.max() > high + slack:
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
        before, after = outputs(network, given, seed=7), outputs(network, given, seed=8)
    expected = "the same samples from the same latents in eval mode"
    advice = "draw no numbers and change no state in eval mode, or declare 'internal-noise'"
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


@case_check("batch-of-one", "inputs-alone")
def exports(case: Case) -> None:
    """In eval mode torch.export makes it a program that takes any number of latents."""
    network = trained(case)
    expected = "a program for batches of any size (ganzoo export)"
    try:
        program = program_of(network, *inputs(case, network)).module()
    except PluginError as error:
        got, _, advice = error.message.partition(": ")[2].partition(" - ")
        advice = advice or "use operations that torch.export can follow"
        raise Failed(expected, got, advice) from error.__cause__
    z, y = inputs(case, network, batch=2 * BATCH)
    with torch.no_grad():
        before = {"outputs": network(z, y)}
        after = {"outputs": program(z) if y is None else program(z, y)}
    if "internal-noise" in case.capabilities:
        before, after = ({"shape": torch.tensor(each["outputs"].shape)} for each in (before, after))
    advice = "compute everything that depends on the batch from z and y"
    require_same(before, after, "the same samples from the program", advice, ROUNDING)


GENERATOR = (samples_form, *BOTH_NETWORKS, value_range, inputs_alone, separate_generated, exports)


# --- discriminators ----------------------------------------------------------------------------


@case_check(name="form", every_size=True)
def logits_form(case: Case) -> None:
    """D returns logits (B,) or (B, K), alone or in a DiscriminatorOutput, batch axis first."""
    network = case.make()
    with torch.no_grad():
        output = network(*inputs(case, network))
    if not isinstance(output, Tensor | DiscriminatorOutput):
        raise Failed(
            "logits or a DiscriminatorOutput",
            form_of(output),
            "return DiscriminatorOutput(logits, …) of ganzoo.api",
        )
    logits = output if isinstance(output, Tensor) else output.logits
    if logits.dim() not in (1, 2) or len(logits) != BATCH or not logits.is_floating_point():
        raise Failed(
            f"logits of shape {BATCH} or {BATCH}xK",
            form_of(logits),
            "flatten the logits of one sample into one axis",
        )
    for name, values in named(output).items():
        if values.dim() == 0 or len(values) != BATCH:
            raise Failed(
                f"{name} with {BATCH} rows, one per sample",
                f"shape {shape(values)}",
                "keep the batch axis first",
            )


@case_check("form")
def declared_output(case: Case) -> None:
    """D returns the features and class logits that its capabilities declare."""
    declared = case.capabilities & {"features", "class-logits"}
    if not declared:
        raise Exempt("declares neither features nor class-logits")
    network = case.make()
    with torch.no_grad():
        output = network(*inputs(case, network))
    features = output.features if isinstance(output, DiscriminatorOutput) else ()
    if "features" in declared and not features:
        raise Failed(
            "features, which it declares",
            "none",
            "return DiscriminatorOutput(logits, features), or do not declare 'features'",
        )
    logits = output.class_logits if isinstance(output, DiscriminatorOutput) else None
    expected = (BATCH, case.spec.classes)
    if "class-logits" in declared and (logits is None or tuple(logits.shape) != expected):
        raise Failed(
            f"class_logits of shape {'x'.join(map(str, expected))}, which it declares",
            "none" if logits is None else shape(logits),
            "return DiscriminatorOutput(…, class_logits=…), or do not declare 'class-logits'",
        )


@case_check("form")
def separate_samples(case: Case) -> None:
    """In training mode an output does not depend on the rest of its batch.

    Unless D declares ``batch-coupled``: only then does the engine run real and fake separately.
    """
    if "batch-coupled" in case.capabilities:
        raise Exempt("declares batch-coupled")
    if found := coupling(case, training=True):
        raise Failed(
            "an output that does not depend on the other samples of its batch",
            found,
            "declare 'batch-coupled'",
        )


@case_check("form")
def input_gradient(case: Case) -> None:
    """The gradient of the logits with respect to the samples can be penalized: double backward."""
    network = case.make()
    x, y = inputs(case, network)
    game = EngineGame.of(
        "discriminator",
        ToyGenerator(case.spec),
        network,
        real=x,
        labels=y,
        latents=torch.zeros(len(x), ToyGenerator.latent_dim),
        required=RequiredGradients(real_gradient=True),
    )
    advice = "use operations whose backward pass can be differentiated (no @once_differentiable)"
    with expecting("a gradient that can be penalized", advice):
        _, gradient = game.input_gradient(game.real, game.labels)
        penalty = gradient.square().sum()
    if not penalty.isfinite():
        raise Failed(
            "a finite gradient with respect to the samples",
            "one that is not",
            "look for a square root or a norm at zero",
        )
    if not penalty.requires_grad:
        raise Failed(
            "a gradient that can be differentiated again",
            "one without a graph",
            "use no in-place operations, and no custom backward that is not differentiable",
        )
    with expecting("a gradient that can be penalized", advice):
        torch.autograd.backward(penalty)


DISCRIMINATOR = (logits_form, *BOTH_NETWORKS, declared_output, separate_samples, input_gradient)


# --- latents -------------------------------------------------------------------------------------

COUNT = 128


@case_check(name="form")
def latent_form(case: Case) -> None:
    """It returns float32 (n, dim) from `sample(n, generator)`."""
    advice = "return one tensor: n rows of dim numbers with dtype=torch.float32"
    _require_float32("numbers", _drawn(case), (COUNT, *case.arguments), advice)


@case_check("form", name="finite")
def latent_finite(case: Case) -> None:
    """Every number is finite."""
    require_finite("numbers", _drawn(case), "avoid log(0)")


@case_check("form", name="same-seed")
def latent_same_seed(case: Case) -> None:
    """The passed generator decides the numbers: the same for the same seed, else different."""
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


def _drawn(case: Case, seed: int = 0) -> Tensor:
    drawn: Tensor = case.make().sample(COUNT, torch.Generator().manual_seed(seed))
    return drawn


LATENT = (latent_form, latent_finite, latent_same_seed)
