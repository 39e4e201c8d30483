"""Checks of optimizers, schedules and callbacks."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from ganzoo.modalities import PREVIEW_SUFFIXES
from ganzoo.runs.score import Protocol, Sampling, Score
from ganzoo.testing.checks import case_check, method_names
from ganzoo.testing.component import Case
from ganzoo.testing.outcomes import Failed, expecting
from ganzoo.testing.probes import Outputs, as_saved, require_same

# --- optimizers ----------------------------------------------------------------------------------


class Quadratic:
    """|weights - target|^2 / 2 over two parameters, minimized by an optimizer under test."""

    def __init__(self, case: Case) -> None:
        self.weights = [nn.Parameter(torch.zeros(3, 2)), nn.Parameter(torch.zeros(2))]
        self.target = [torch.tensor([[1.0, -2], [3, -1], [0.5, 2]]), torch.tensor([2.0, -3])]
        self.optimizer = case.make([{"params": self.weights}])

    def value(self) -> Tensor:
        """Return the loss at the current weights."""
        pairs = zip(self.weights, self.target, strict=True)
        return torch.stack([(w - t).square().sum() / 2 for w, t in pairs]).sum()

    def outputs(self) -> Outputs:
        """Return the weights, named for messages."""
        return {f"weights {place}": each for place, each in enumerate(self.weights)}

    def steps(self, count: int) -> None:
        """Run `count` updates."""
        for _ in range(count):
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(self.value())
            self.optimizer.step()


@case_check()
def form(case: Case) -> None:
    """Called with parameter groups, it returns a torch.optim.Optimizer over all of them."""
    quadratic = Quadratic(case)
    optimizer = quadratic.optimizer
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise Failed(
            "a torch.optim.Optimizer",
            f"a {type(optimizer).__name__}",
            "subclass torch.optim.Optimizer",
        )
    held = sum(len(group["params"]) for group in optimizer.param_groups)
    if held != len(quadratic.weights):
        raise Failed(
            f"an optimizer of all {len(quadratic.weights)} parameters",
            str(held),
            "pass on every parameter group",
        )
    apart = case.make([{"params": [weights]} for weights in quadratic.weights]).param_groups
    if [len(group["params"]) for group in apart] != [1] * len(quadratic.weights):
        raise Failed(
            "the given parameter groups, in their order",
            f"{len(apart)} groups of {len(quadratic.weights)}",
            "pass `params` to torch.optim.Optimizer unchanged",
        )


@case_check("form")
def reduces(case: Case) -> None:
    """Twenty steps on a quadratic lower its value."""
    quadratic = Quadratic(case)
    start = quadratic.value().item()
    quadratic.steps(20)
    if not (end := quadratic.value().item()) < start:
        raise Failed(
            f"a value below {start:.6g} after 20 steps",
            f"{end:.6g}",
            "step against the gradient, with defaults that do not diverge",
        )


@case_check("form")
def resumes(case: Case) -> None:
    """It continues identically after a restart: its state is in its state_dict."""
    straight, resumed = Quadratic(case), Quadratic(case)
    straight.steps(5)
    resumed.optimizer.load_state_dict(as_saved(straight.optimizer.state_dict()))
    for ours, theirs in zip(resumed.weights, straight.weights, strict=True):
        ours.data.copy_(theirs.data)
    straight.steps(5)
    resumed.steps(5)
    advice = "keep all state in self.state or in the parameter groups"
    require_same(straight.outputs(), resumed.outputs(), "the same weights after a restart", advice)


OPTIMIZER = (form, reduces, resumes)

# --- schedules -----------------------------------------------------------------------------------

SAMPLES_SEEN = (0, 1, 63, 64, 1000, 9_999, 10_000, 1_000_000, 10**9)


@case_check()
def values(case: Case) -> None:
    """Its value is a finite number for every number of samples seen, from 0 on."""
    schedule = case.make()
    for samples in SAMPLES_SEEN:
        value: Any = schedule(samples)
        number = isinstance(value, float | int) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise Failed(
                f"a finite number at {samples:,} samples seen",
                repr(value),
                "check the ends of its range",
            )


@case_check("values")
def function_of_samples(case: Case) -> None:
    """Its value depends only on the samples seen: a resumed run does not repeat earlier calls."""
    schedule = case.make()
    along = [schedule(samples) for samples in SAMPLES_SEEN]
    for samples, before in zip(SAMPLES_SEEN, along, strict=True):
        fresh = case.make()
        if fresh(samples) != before or schedule(samples) != before:
            raise Failed(
                f"{before:.6g} at {samples:,} samples seen, for any earlier calls",
                f"{fresh(samples):.6g} from a new instance, {schedule(samples):.6g} on a repeat",
                "compute it from samples_seen only",
            )


SCHEDULE = (values, function_of_samples)

# --- callbacks -----------------------------------------------------------------------------------

EVENTS = ("started", "stepped", "saved", "pictured", "scored", "finished")

_ARGUMENTS = {
    "started": ("run",),
    "noted": ("text",),
    "ticked": ("step",),
    "stepped": ("step", "samples_seen", "terms"),
    "scored": ("step", "score"),
    "saved": ("step", "path"),
    "pictured": ("step", "paths"),
    "finished": ("status",),
}


@case_check()
def hears(case: Case) -> None:
    """It has a method for at least one event of a run."""
    if not any(callable(getattr(case.make(), event, None)) for event in EVENTS):
        raise Failed(f"a method called {', '.join(EVENTS[:-1])} or {EVENTS[-1]}", "none", "add one")


@case_check("hears")
def accepts_events(case: Case) -> None:
    """Each of its event methods accepts the engine's arguments, in the order of a run."""
    observer = case.make()
    with tempfile.TemporaryDirectory() as directory:
        for event, details in _run(Path(directory)):
            if method := getattr(observer, event, None):
                words = ", ".join(_ARGUMENTS[event])
                with expecting(f"{event}({words}) to succeed", f"def {event}(self, {words}): …"):
                    method(*details)


def _picture(directory: Path, stem: str) -> Path:
    """Write a picture of one pixel, as a preview of images is."""
    path = directory / "samples" / f"{stem}{PREVIEW_SUFFIXES[0]}"
    path.parent.mkdir(exist_ok=True)
    Image.new("L", (1, 1)).save(path)
    return path


def _run(directory: Path) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the events of a short run, with their arguments, as the engine sends them."""
    run = {"name": "demo-s0-000000", "path": str(directory), "recipe": "demo", "seed": 0}
    run |= {"steps": 2, "step": 0, "data": "zoo/digits train, 599 x image 1x8x8, 10 classes"}
    run |= {"device": "cpu", "world_size": 1, "scored": True}
    yield "started", (run,)
    yield "noted", ("a line for the reader",)
    yield "pictured", (0, [_picture(directory, "real")])
    for step in (1, 2):
        yield "ticked", (step,)
        terms = {"d/real": 0.7, "d/fake": 0.6, "g/fake": 0.9, "samples_per_second": 1000.0}
        yield "stepped", (step, 64 * step, terms)
        yield "saved", (step, directory / "checkpoints" / f"step-{step:08d}")
        yield "pictured", (step, [_picture(directory, f"step-{step:08d}")])
        yield "scored", (step, _score(step))
    yield "finished", ("finished",)


def _score(step: int) -> Score:
    protocol = Protocol(
        extractor="zoo/toy-cnn",
        extractor_revision=1,
        weights_sha256=None,
        layer="hidden",
        input_rule="as stored",
        extractor_dtype="float32",
        n_fake=599,
        reference="zoo/digits",
        reference_sha256="0" * 64,
        split="train",
        n_real=599,
    )
    sampling = Sampling(weights="ema", step=step, samples_seen=64 * step, selected="during", seed=0)
    return Score.now(value=12.5, protocol=protocol, sampling=sampling, metrics={"modes": 8.0})


CALLBACK = (hears, method_names(_ARGUMENTS, "hears"), accepts_events)
