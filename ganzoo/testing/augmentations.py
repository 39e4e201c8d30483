"""Checks of augmentations of D's inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.testing.checks import case_check, method_names
from ganzoo.testing.component import Case
from ganzoo.testing.inputs import BATCH
from ganzoo.testing.outcomes import Exempt, Failed
from ganzoo.testing.probes import (
    ROUNDING,
    Outputs,
    captured,
    check_resumes,
    form_of,
    require_declared,
    require_finite,
    require_same,
)

STRENGTHS = ("strength", "probability", "p")
"""Possible names of the parameter that scales an augmentation."""


@case_check()
def form(case: Case) -> None:
    """It maps samples and noise to samples of the same shape and dtype, or to (samples, extra).

    `extra` is a tensor or a mapping of tensors, with one row per sample.
    """
    x = _samples(case)
    made: Any = case.make()(x, _noise())
    found, extra = made if isinstance(made, tuple) and len(made) == 2 else (made, {})
    if not isinstance(found, Tensor):
        raise Failed("a tensor, or (tensor, extra)", form_of(made), "return x, or (x, extra)")
    if found.shape != x.shape or found.dtype != x.dtype:
        raise Failed(
            f"samples in {form_of(x)}", form_of(found), "keep the samples' shape and dtype"
        )
    if not isinstance(extra, Tensor | Mapping):
        advice = "return (x, tensor) or (x, {'name': tensor})"
        raise Failed("a tensor or a mapping of tensors as extra", form_of(extra), advice)
    for name, values in named_extra(extra).items():
        if not isinstance(values, Tensor) or values.dim() == 0 or len(values) != BATCH:
            advice = "give each sample its own row: the batch axis first"
            raise Failed(f"{name} with {BATCH} rows", form_of(values), advice)


def named_extra(extra: Any) -> dict[str, Any]:
    """Return an augmentation's extra tensors by the names that messages show."""
    if isinstance(extra, Mapping):
        return {f"extra[{name!r}]": each for name, each in extra.items()}
    return {"extra": extra}


def _augmented(augmentation: Any, x: Tensor) -> dict[str, Tensor]:
    """Return the samples and the extra tensors, by name."""
    found = augmentation(x, _noise())
    if isinstance(found, Tensor):
        return {"samples": found}
    return {"samples": found[0], **named_extra(found[1])}


@case_check("form")
def finite(case: Case) -> None:
    """Finite samples stay finite."""
    for name, values in _augmented(case.make(), _samples(case)).items():
        require_finite(name, values, "avoid x/0")


@case_check("form")
def differentiable(case: Case) -> None:
    """Gradients flow through it to the samples, and can be differentiated again."""
    x = _samples(case).requires_grad_()
    found = _augmented(case.make(), x)["samples"]
    advice = "use torch operations that have a gradient; do not detach or round"
    if not found.requires_grad:
        raise Failed("samples with a graph", "samples without", advice)
    (gradient,) = torch.autograd.grad(found.square().sum(), x, create_graph=True)
    if not gradient.requires_grad:
        raise Failed("a gradient that can be differentiated again", "one without a graph", advice)
    torch.autograd.grad(gradient.square().sum(), x)
    if not gradient.any():
        raise Failed("a gradient", "zero everywhere", advice)


@case_check("form")
def same_noise(case: Case) -> None:
    """Its output is a function of the samples and the given noise."""
    augmentation = case.make()
    torch.manual_seed(1)
    before = _augmented(augmentation, _samples(case))
    torch.manual_seed(2)
    after = _augmented(augmentation, _samples(case))
    advice = "draw numbers only from noise.uniform and noise.normal"
    require_same(before, after, "the same samples from the same noise", advice)


@case_check("form")
def identity_at_zero(case: Case) -> None:
    """At strength 0 it returns the samples unchanged, up to rounding."""
    component = case.component
    names = [field.alias for field in component.model.model_fields.values()]
    strength = next((name for name in STRENGTHS if name in names), None)
    if strength is None:
        raise Exempt(f"has no parameter called {', '.join(STRENGTHS[:-1])} or {STRENGTHS[-1]}")
    x, weakest = _samples(case), component.plan({**case.plan.plain, strength: 0})
    augmented = _augmented(weakest.build(*case.arguments), x.clone())
    expected, advice = f"the samples unchanged at {strength}=0", f"scale everything by {strength}"
    require_same({"samples": x}, {"samples": augmented["samples"]}, expected, advice, ROUNDING)


@case_check("form")
def resumes(case: Case) -> None:
    """If it adapts, it continues identically after a restart: its state is in its state_dict."""
    if not hasattr(case.make(), "observe"):
        raise Exempt("does not adapt: it has no method observe")

    def use(live: Any) -> None:
        for sign in (1.0, 1.0, 0.5):
            signs = {"real_logits_sign": torch.tensor(sign), "fake_logits_sign": torch.tensor(-1.0)}
            live.observe({**signs, "samples": 100_000})

    def ask(live: Any) -> Outputs:
        return _augmented(live, _samples(case))

    check_resumes(case, use, ask)


@case_check("form")
def graph_safe(case: Case) -> None:
    """If it declares ``graph-safe``, it runs the same operations for all values of tensors.

    A GPU then runs its updates as a captured CUDA graph.
    """
    require_declared(case)
    augmentation, x, noise = case.make(), _samples(case), _noise()
    with captured():
        augmentation(x, noise)


def _samples(case: Case) -> Tensor:
    return case.spec.kind.random(case.spec, BATCH, torch.Generator().manual_seed(0))


def _noise() -> BatchNoise:
    return BatchNoise(RandomStreams(0), "conformance", 0, Rows(0, BATCH))


AUGMENTATION = (
    form,
    method_names({"observe": ("statistics",)}, "form"),
    finite,
    differentiable,
    same_noise,
    identity_at_zero,
    resumes,
    graph_safe,
)
