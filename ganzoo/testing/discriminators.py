"""Checks of discriminators."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput
from ganzoo.components.build import batch_multiple, takes
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.harness import registered
from ganzoo.testing.inputs import (
    BATCH,
    coupling,
    inputs,
    named,
    noise_of,
    outputs,
    perturbed,
    trained,
)
from ganzoo.testing.networks import BOTH_NETWORKS
from ganzoo.testing.outcomes import Exempt, Failed, NotChecked, expecting
from ganzoo.testing.probes import ROUNDING, difference, form_of, require_finite, require_same, shape
from ganzoo.testing.toys import ToyGenerator
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients


@case_check(name="form", every_size=True)
def logits_form(case: Case) -> None:
    """D returns logits (B,) or (B, K), alone or in a DiscriminatorOutput, batch axis first."""
    network = case.make()
    multiple: Any = getattr(network, "batch_multiple", 1)
    if not isinstance(multiple, int) or isinstance(multiple, bool) or multiple < 1:
        advice = "set it to the number of samples of a pack"
        raise Failed("batch_multiple, an integer of at least 1", repr(multiple), advice)
    given = inputs(case, network)
    with torch.no_grad():
        output = given.into(network)
    if not isinstance(output, Tensor | DiscriminatorOutput):
        raise Failed(
            "logits or a DiscriminatorOutput",
            form_of(output),
            "return DiscriminatorOutput(logits, …) of ganzoo.api",
        )
    rows = _rows(network)
    logits = output if isinstance(output, Tensor) else output.logits
    if logits.dim() not in (1, 2) or len(logits) not in rows or not logits.is_floating_point():
        raise Failed(
            f"logits of shape {_or(rows)} or {rows[-1]}xK",
            form_of(logits),
            "flatten the logits of one sample into one axis",
        )
    for name, values in named(output).items():
        if values.dim() == 0 or len(values) not in rows:
            raise Failed(
                f"{name} with {_or(rows)} rows, one per {'sample' if multiple == 1 else 'pack'}",
                f"shape {shape(values)}",
                "keep the batch axis first",
            )


def _rows(network: nn.Module) -> list[int]:
    """Return the numbers of rows that outputs may have: one per sample, or one per pack."""
    return sorted({BATCH * batch_multiple(network), BATCH}, reverse=True)


def _or(numbers: list[int]) -> str:
    return " or ".join(map(str, numbers))


@case_check("form")
def declared_output(case: Case) -> None:
    """D returns the features and class logits that its capabilities declare."""
    declared = case.capabilities & {"features", "class-logits"}
    if not declared:
        raise Exempt("declares neither features nor class-logits")
    network = case.make()
    with torch.no_grad():
        output = inputs(case, network).into(network)
    features = output.features if isinstance(output, DiscriminatorOutput) else ()
    if "features" in declared and not features:
        raise Failed(
            "features, which it declares",
            "none",
            "return DiscriminatorOutput(logits, features), or do not declare 'features'",
        )
    logits = output.class_logits if isinstance(output, DiscriminatorOutput) else None
    rows, classes = _rows(network), case.spec.classes
    fits = logits is not None and tuple(logits.shape) in [(count, classes) for count in rows]
    if "class-logits" in declared and not fits:
        raise Failed(
            f"class_logits of shape {_or(rows)}x{classes}, which it declares",
            "none" if logits is None else shape(logits),
            "return DiscriminatorOutput(…, class_logits=…), or do not declare 'class-logits'",
        )


@case_check("batch-multiple")
def separate_samples(case: Case) -> None:
    """In training mode an output does not depend on the rest of its batch.

    Unless D declares ``batch-coupled``: only then does the engine run real and fake separately. A D
    with `batch_multiple` m may combine m consecutive samples.
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
    x, y, _ = inputs(case, network)
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


# --- optional members ----------------------------------------------------------------------------


@case_check("form", name="batch-multiple")
def batch_multiples(case: Case) -> None:
    """If it has `batch_multiple` m, the output for m consecutive samples depends on them only.

    In eval mode.
    """
    network = perturbed(trained(case))
    multiple = batch_multiple(network)
    if multiple == 1:
        raise Exempt("has no batch_multiple")
    given = inputs(case, network)
    with torch.no_grad():
        whole = outputs(network, given)
        packs = [outputs(network, given.rows(n * multiple, multiple)) for n in range(BATCH)]
    apart = {name: torch.cat([each[name] for each in packs]) for name in whole}
    advice = "combine consecutive rows: x[0:m], x[m:2m], …, as x.view(-1, m * C, H, W) does"
    require_same(whole, apart, "packs that are judged one by one", advice, ROUNDING)


@case_check("finite")
def augmentation_aware(case: Case) -> None:
    """If it declares ``augmentation-aware``, forward takes `extra`: None, or an augmentation's.

    With the extra output of an augmentation of the same plugin, outputs are finite, have the same
    shapes, and depend on it.
    """
    network = perturbed(trained(case))
    declared = "augmentation-aware" in case.capabilities
    if takes(network, "extra") and not declared:
        expected, advice = "'augmentation-aware' among its capabilities", "declare it"
        raise Failed(expected, "an argument `extra` of forward without it", advice)
    if not declared:
        raise Exempt("does not declare augmentation-aware")
    if not takes(network, "extra"):
        advice = "def forward(self, x, y=None, *, extra): …"
        raise Failed("a keyword-only argument `extra` of forward", "none", advice)
    given = inputs(case, network)
    x, extra = _augmented(case, given.x)
    with torch.no_grad():
        plain = outputs(network, given._replace(x=x))
        with expecting("outputs with what the augmentation returns beside x", "use it in forward"):
            found = outputs(network, given._replace(x=x).having(extra=extra))
    if {name: each.shape for name, each in plain.items()} != {
        name: each.shape for name, each in found.items()
    }:
        advice = "return outputs of one form"
        raise Failed("outputs of the same shapes with extra=None", "others", advice)
    for name, values in found.items():
        require_finite(f"{name} with extra", values, "avoid 0/0")
    if difference(plain, found) is None:
        advice = "use extra in forward, or do not declare 'augmentation-aware'"
        raise Failed("outputs that depend on extra", "the same as with extra=None", advice)


def _augmented(case: Case, x: Tensor) -> tuple[Tensor, Any]:
    """Return samples and what an augmentation of the plugin returns beside them.

    Raises:
        NotChecked: no augmentation of the plugin returns an extra output.
    """
    for plan in registered(case, "augmentation"):
        with suppress(ValueError):  # refuses this spec
            found: Any = plan.build(case.spec)(x, noise_of(len(x)))
            if isinstance(found, tuple):
                return found[0], found[1]
    namespace = case.component.registration.namespace
    raise NotChecked(f"{namespace} registers no augmentation that returns (x, extra)")


DISCRIMINATOR = (
    logits_form,
    *BOTH_NETWORKS,
    declared_output,
    separate_samples,
    input_gradient,
    batch_multiples,
    augmentation_aware,
)
