"""Checks of discriminators."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.api import DiscriminatorOutput
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.networks import BATCH, BOTH_NETWORKS, coupling, inputs, named
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import form_of, shape
from ganzoo.testing.toys import ToyGenerator
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients


@case_check(every_size=True)
def form(case: Case) -> None:
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
    floating = logits.is_floating_point()
    if logits.dim() not in (1, 2) or len(logits) != BATCH or not floating:
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


DISCRIMINATOR = (form, *BOTH_NETWORKS, declared_output, separate_samples, input_gradient)
