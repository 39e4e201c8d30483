"""Checks of both networks, G and D, and the inputs that the kit gives them."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, SampleSpec
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import (
    ROUNDING,
    captured,
    difference,
    require_declared,
    require_finite,
    require_same,
)

BATCH = 4

Inputs = tuple[Tensor, Tensor | None]


def inputs(case: Case, network: nn.Module, batch: int = BATCH, seed: int = 1) -> Inputs:
    """Return latents (G) or samples (D), and labels or conditions if the network is conditional.

    The same inputs for the same `seed`.
    """
    random = torch.Generator().manual_seed(seed)
    if case.component.kind == "generator":
        latent_dim: Any = network.latent_dim
        x = torch.randn(batch, latent_dim, generator=random)
    else:
        x = case.spec.kind.random(case.spec, batch, random)
    if "conditional" not in case.capabilities:
        return x, None
    return x, labels_for(case.spec, batch, random)


def labels_for(spec: SampleSpec, batch: int, random: torch.Generator) -> Tensor:
    """Return labels int64 (batch,), or random conditions (batch, *condition.model_shape)."""
    if spec.condition:
        return spec.condition.kind.random(spec.condition, batch, random)
    return torch.arange(batch) % max(spec.classes, 1)


def outputs(network: nn.Module, given: Inputs, seed: int = 2) -> dict[str, Tensor]:
    """Return all outputs of a network by name, with torch's default generator seeded."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return named(network(*given))


def named(output: Any) -> dict[str, Tensor]:
    """Return the tensors of a network's output by name."""
    if isinstance(output, DiscriminatorOutput):
        fields = {"logits": output.logits, "class_logits": output.class_logits}
        fields |= {f"features[{index}]": each for index, each in enumerate(output.features)}
        fields |= {f"extra[{name!r}]": each for name, each in output.extra.items()}
        return {name: each for name, each in fields.items() if each is not None}
    return {"outputs": output}


def perturbed(network: nn.Module) -> nn.Module:
    """Add noise of a tenth of its size to every parameter, to break symmetric initial values."""
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            size = parameter.square().mean().sqrt()
            noise = torch.randn(parameter.shape, generator=random)
            parameter.add_(0.1 * noise * torch.where(size > 0, size, 1.0))
    return network


def trained(case: Case) -> nn.Module:
    """Return a network in eval mode, after one forward pass in training mode for its buffers."""
    network: nn.Module = case.make()
    with torch.no_grad():
        outputs(network, inputs(case, network))
    return network.eval()


def coupling(case: Case, *, training: bool) -> str | None:
    """Return how the first row's output changes with the other rows; None if it does not."""
    network, found = trained(case).train(training), []
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for seed in (1, 9):
        (first, y), (others, _) = inputs(case, network), inputs(case, network, seed=seed)
        network.load_state_dict(before)
        with torch.no_grad():
            rows = outputs(network, (torch.cat([first[:1], others[1:]]), y))
        found.append({name: values[:1] for name, values in rows.items()})
    return difference(found[0], found[1], ROUNDING)


@case_check("form", every_size=True)
def finite(case: Case) -> None:
    """The outputs of a new network are finite, in training and in eval mode."""
    network = case.make()
    for mode in ("training", "eval"):
        with torch.no_grad():
            found = outputs(network.train(mode == "training"), inputs(case, network))
        for name, values in found.items():
            advice = "look for a division by zero, a logarithm, or large initial weights"
            require_finite(f"{name} in {mode} mode", values, advice)


@case_check("finite")
def batch_of_one(case: Case) -> None:
    """In eval mode a batch of one sample works, and its outputs are finite."""
    network = trained(case)
    expected = "an output for a batch of one sample in eval mode"
    advice = "depend on no statistics of the batch"
    with torch.no_grad(), expecting(expected, advice), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that are checked below
        found = outputs(network, inputs(case, network, batch=1))
    for name, values in found.items():
        std = f"{advice}: std(0, correction=0), not std(0)"
        require_finite(f"{name} for one sample", values, std)
        if not len(values) == 1:
            raise Failed(
                f"one row of {name} for one sample",
                str(len(values)),
                "keep the batch axis: no squeeze() without an axis",
            )


@case_check("form")
def gradients(case: Case) -> None:
    """Every parameter gets a gradient from the sum of all outputs."""
    network = perturbed(case.make())
    random = torch.Generator().manual_seed(4)
    found = outputs(network, inputs(case, network))
    weighted = [
        (values * torch.randn(values.shape, generator=random)).sum()
        for values in found.values()
        if values.is_floating_point()
    ]
    torch.autograd.backward(torch.stack(weighted).sum())
    without = [
        name
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    if without:
        raise Failed(
            "a gradient for every parameter",
            f"none for {', '.join(without)}",
            "use them in forward without detaching the result, or remove them",
        )


@case_check("form")
def labels_matter(case: Case) -> None:
    """Different labels or conditions give different outputs, if the network is conditional.

    In eval mode, with noise added to every parameter.
    """
    if "conditional" not in case.capabilities:
        raise Exempt("is not conditional")
    network = perturbed(trained(case))
    x, y = inputs(case, network)
    assert y is not None
    with torch.no_grad():
        before = outputs(network, (x, y))
        other = y.roll(1, 0) if case.spec.condition else (y + 1) % case.spec.classes
        after = outputs(network, (x, other))
    finite_ones = any(values.isfinite().any() for values in before.values())
    if finite_ones and difference(before, after) is None:
        raise Failed(
            f"different outputs for different {'conditions' if case.spec.condition else 'labels'}",
            "the same",
            "use y in forward, or do not declare 'conditional'",
        )


@case_check("form")
def deep_copy(case: Case) -> None:
    """A deep copy gives the same outputs and shares no parameter (the average of G is one)."""
    network = trained(case)
    advice = "compute tensors in forward; keep only parameters and buffers"
    with expecting("a network that copy.deepcopy can copy", advice):
        copied = copy.deepcopy(network)
    given, advice = inputs(case, network), "keep state in parameters and buffers"
    with torch.no_grad():
        before, after = outputs(network, given), outputs(copied, given)
    require_same(before, after, "a copy with the same outputs", advice)
    kept = {parameter.data_ptr() for parameter in network.parameters()}
    shared = [name for name, each in copied.named_parameters() if each.data_ptr() in kept]
    if shared:
        raise Failed(
            "a copy with parameters of its own",
            f"one that shares {', '.join(shared)}",
            "define no __deepcopy__",
        )


@case_check("form")
def state_dict(case: Case) -> None:
    """A state dict, loaded strictly into a network of another seed, restores the outputs."""
    network, restored = trained(case), case.make(seed=5).eval()
    advice = "create the same parameters and buffers for every seed, and none in forward"
    with expecting("a state dict that loads strictly into a new network", advice):
        restored.load_state_dict(network.state_dict(), strict=True)
    given, advice = inputs(case, network), "keep state in parameters and persistent buffers"
    with torch.no_grad():
        before, after = outputs(network, given), outputs(restored, given)
    expected = "the same outputs from a network restored from its state dict"
    require_same(before, after, expected, advice)


@case_check("form")
def same_seed(case: Case) -> None:
    """Two networks built from the same seed give the same outputs, in training mode."""
    first, second = (case.make(seed=6) for _ in "12")
    given = inputs(case, first)
    with torch.no_grad():
        before, after = outputs(first, given), outputs(second, given)
    advice = "draw random numbers from torch's default generator, and do not seed it"
    require_same(before, after, "the same outputs from the same seed", advice)


@case_check("form")
def bf16_autocast(case: Case) -> None:
    """Under bfloat16 autocast the network runs, and finite outputs stay finite."""
    network = case.make()
    given = inputs(case, network)
    with torch.no_grad():
        expected = outputs(network, given)
        advice = "cast tensors to one dtype before combining them: x.to(h.dtype)"
        with torch.autocast("cpu", torch.bfloat16), expecting("outputs under autocast", advice):
            found = outputs(network, given)
    for name, values in expected.items():
        lost = values.isfinite() & ~found[name].isfinite()
        if lost.any():
            raise Failed(
                f"finite {name} under bfloat16 autocast",
                f"{int(lost.sum())} of {values.numel()} that are not",
                "compute what needs more range or precision in float32",
            )


@case_check("form")
def graph_safe(case: Case) -> None:
    """If it declares ``graph-safe``, it runs the same operations for all values of tensors.

    A GPU then runs its updates as a captured CUDA graph.
    """
    require_declared(case)
    network = case.make()
    given = inputs(case, network)
    with captured(), torch.no_grad():
        outputs(network.train(), given)


BOTH_NETWORKS = (
    finite,
    batch_of_one,
    gradients,
    labels_matter,
    deep_copy,
    state_dict,
    same_seed,
    bf16_autocast,
    graph_safe,
)
