"""Checks of both networks, G and D."""

from __future__ import annotations

import copy
import warnings

import torch

from ganzoo.components.build import batch_multiple
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.inputs import inputs, log_prob, outputs, perturbed, trained
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import (
    captured,
    difference,
    require_declared,
    require_finite,
    require_same,
)
from ganzoo.training.ema import averaged_and_copied


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
        if len(values) not in (1, batch_multiple(network)):
            raise Failed(
                f"one row of {name} for one sample",
                str(len(values)),
                "keep the batch axis: no squeeze() without an axis",
            )


@case_check("form")
def gradients(case: Case) -> None:
    """Every parameter that trains gets a gradient from the sum of all outputs.

    For a G that declares ``score-function``, from the sum of log_prob.
    """
    network = perturbed(case.make())
    random = torch.Generator().manual_seed(4)
    given = inputs(case, network)
    if "score-function" in case.capabilities:
        found = {"log_prob": log_prob(network, given)}
    else:
        found = outputs(network, given)
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
def frozen_parameters(case: Case) -> None:
    """Parameters that never train (requires_grad False) are declared: ``frozen-parameters``."""
    network, word = case.make(), "frozen-parameters"
    frozen = [name for name, each in network.named_parameters() if not each.requires_grad]
    if frozen and word not in case.capabilities:
        raise Failed(
            "parameters that all require gradients",
            f"{frozen[0]} and {len(frozen) - 1} more that do not" if frozen[1:] else frozen[0],
            f"declare {word!r} if a part is meant to stay as it is",
        )
    if word in case.capabilities and not frozen:
        raise Failed(
            "a parameter that does not require a gradient, as it declares frozen-parameters",
            "none",
            "call requires_grad_(False) on the part that never trains",
        )
    if not frozen:
        raise Exempt("has no frozen parameters")


@case_check("form")
def labels_matter(case: Case) -> None:
    """Different labels or conditions give different outputs, if the network is conditional.

    In eval mode, with noise added to every parameter.
    """
    if "conditional" not in case.capabilities:
        raise Exempt("is not conditional")
    network = perturbed(trained(case))
    given = inputs(case, network)
    assert given.y is not None
    conditions = case.spec.condition is not None
    other = given.y.roll(1, 0) if conditions else (given.y + 1) % case.spec.classes
    with torch.no_grad():
        before = outputs(network, given)
        after = outputs(network, given._replace(y=other))
    finite_ones = any(values.isfinite().any() for values in before.values())
    if finite_ones and difference(before, after) is None:
        raise Failed(
            f"different outputs for different {'conditions' if conditions else 'labels'}",
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


@case_check("builds")
def average_patterns(case: Case) -> None:
    """Each pattern of `averaged` and `copied` matches a tensor, and no tensor matches both."""
    network = case.make()
    if not (getattr(network, "averaged", ()) or getattr(network, "copied", ())):
        raise Exempt("has neither averaged nor copied")
    for key in ("averaged", "copied"):
        if isinstance(patterns := getattr(network, key, ()), str):
            advice = f"{key} = ({patterns!r},)"
            raise Failed(f"a tuple of patterns as `{key}`", repr(patterns), advice)
    try:
        averaged_and_copied(network)
    except ValueError as error:
        expected = "patterns of names of parameters and buffers"
        advice = "correct the pattern: named_parameters() and named_buffers() list the names"
        raise Failed(expected, str(error), advice) from error


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
    frozen_parameters,
    labels_matter,
    deep_copy,
    state_dict,
    same_seed,
    bf16_autocast,
    graph_safe,
)
