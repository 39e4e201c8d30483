"""Dry run, the last pass of a check: one D and one G update.

Small networks are updated once with a few samples. Large ones are built under `FakeTensorMode`,
which computes only shapes and dtypes, so that they are checked in seconds; each operation takes
half a millisecond, which is longer than to compute a small one. Where an operation needs values, a
few samples are used instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganzoo.api import SampleSpec
from ganzoo.components.build import (
    Components,
    batch_multiple,
    blaming,
    blaming_modality,
    build,
    component_error,
)
from ganzoo.components.fit import fit
from ganzoo.components.plan import Plan, Slot
from ganzoo.errors import PluginError, RecipeError
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.training.assemble import (
    Parameters,
    check_averages,
    make_optimizers,
    make_run_schedules,
)
from ganzoo.training.dry_run_outputs import dry_run_outputs
from ganzoo.training.execution import AUTOCAST, resolve_channels_last
from ganzoo.training.game import EngineGame
from ganzoo.training.graphs import obstacles
from ganzoo.training.networks import Networks, RequiredGradients

SMALL_BATCH = 4

FEW_WEIGHTS = 1_000_000
"""Networks of at most this many weights together are small."""


class _Misfit(RecipeError):
    """Components that do not fit, which real values would not change."""


def dry_run(plan: Plan) -> Plan:
    """Build the components and run one update of each player with every regularizer due.

    Returns:
        The plan with what needs live components: the memory format, and the work per step.

    Raises:
        RecipeError: components that do not fit, with every problem.
        PluginError: a component fails, or makes something of the wrong shape.
    """
    _check_modality(plan.spec)
    parts, flops = _updated(plan)
    placeholders = {role: _placeholders(named) for role, named in parts.trained().items()}
    optimizers = make_optimizers(plan, placeholders)
    check_averages(plan, parts)
    make_run_schedules(plan, parts, optimizers)
    dry_run_outputs(plan)
    train = plan.recipe.settings.train
    channels_last = resolve_channels_last(train.memory_format, plan.spec)
    memory_format = "channels_last" if channels_last else "contiguous"
    if train.cuda_graphs is True and (found := obstacles(plan.recipe.settings, parts, optimizers)):
        path = ("train", "cuda_graphs")
        problems = [plan.recipe.problem(path, f"cannot be: {each}") for each in found]
        raise RecipeError(problems, hint="train.cuda_graphs=auto")
    return replace(
        plan,
        memory_format=memory_format,
        step_flops=flops,
        batch_multiple=batch_multiple(parts.discriminator),
    )


def _check_modality(spec: SampleSpec) -> None:
    """Raise PluginError unless the two forms of the data have the shapes and dtypes declared."""
    kind = spec.kind
    stored = torch.zeros((SMALL_BATCH, *spec.shape), dtype=getattr(torch, spec.stored_dtype))
    forms = {
        "encode": (stored, spec.model_shape, torch.float32),
        "decode": (torch.zeros(SMALL_BATCH, *spec.model_shape), spec.shape, stored.dtype),
    }
    for name, (given, shape, dtype) in forms.items():
        with blaming_modality(spec, name):
            made = getattr(kind, name)(spec, given)
        got = (tuple(made.shape), made.dtype) if isinstance(made, Tensor) else type(made)
        wanted = ((SMALL_BATCH, *shape), dtype)
        if got != wanted:
            what = f"{name} of modality {spec.modality!r} gives {got}, not {wanted}"
            raise PluginError(what, hint=f"ganzoo conformance {spec.modality} --kind modality")


def _placeholders(parameters: Parameters) -> dict[str, nn.Parameter]:
    """Return a size-1 placeholder for each trainable parameter, with the same number of dimensions.

    Optimizers over them keep their checks and take no memory.
    """
    return {
        name: nn.Parameter(torch.zeros([1] * parameter.dim()))
        for name, parameter in parameters.items()
    }


def _updated(plan: Plan) -> tuple[Components, float]:
    """Return components after an update of each, and the floating-point operations of both."""
    batch_size = plan.recipe.settings.train.batch_size
    values = partial(torch.random.fork_rng, devices=[]), min(SMALL_BATCH, batch_size)
    # Few samples may be too few, and fake ones lack values. The last pass finds the real problem.
    passes = (*values, FEW_WEIGHTS), (_fake_tensors, batch_size, inf), (*values, inf)
    for context, count, most in passes:
        try:
            with context():
                parts, flops = _update_both(plan, count, most)
            return parts, flops * (batch_size / count)
        except _Misfit:
            raise
        except Exception as error:
            problem = error
    raise problem


@contextmanager
def _fake_tensors() -> Iterator[None]:
    """Compute only shapes and dtypes inside."""
    # torch would log tracebacks of operations that are tried again with values.
    log = logging.getLogger("torch._subclasses.fake_tensor")
    with patch.object(log, "disabled", True), FakeTensorMode(allow_non_fake_inputs=True):
        yield


def _update_both(plan: Plan, batch_size: int, most_weights: float) -> tuple[Components, float]:
    """Return the live components, and the floating-point operations of both updates.

    Raises:
        ValueError: the networks have more weights.
    """
    parts = build(plan)
    weights = sum(each.numel() for named in parts.trained().values() for each in named.values())
    if weights > most_weights:
        raise ValueError
    try:
        fit(plan, parts)
    except RecipeError as error:
        raise _Misfit(error.problems, hint=error.hint) from None
    multiple = batch_multiple(parts.discriminator)
    count = -(-batch_size // multiple) * multiple
    trial = _Trial(plan, parts, count)
    trial.check_augmentation(trial.game("discriminator"))
    with FlopCounter() as counter:
        if plan.recipe.settings.train.discriminator_steps:
            trial.update("discriminator")
        trial.update("generator")
    return parts, counter.total * (batch_size / count)


@dataclass
class _Trial:
    """Updates of live components that name the component at fault."""

    plan: Plan
    parts: Components
    batch_size: int

    def update(self, player: str) -> None:
        """Run forward and backward of one player's update."""
        game = self.game(player)
        self.check_shapes(game)
        terms: list[Tensor] = []
        for slot, part in self.active():
            with self.blaming(slot, f"in the {player}'s update"):
                if hasattr(part, "prepare"):
                    game = part.prepare(game)
                if method := getattr(part, player, None):
                    terms += self.scalars(slot, player, method(game))
        if not terms:
            raise self.error(("loss",), f"gave no terms for the {player}")
        with self.blaming((player,), f"in the {player}'s backward pass"):
            torch.autograd.backward(torch.stack(terms).sum())

    def active(self) -> Iterator[tuple[Slot, Any]]:
        """Yield regularizers, whose `prepare` comes before the loss, then the loss."""
        for slot in self.parts.regularizers:
            yield ("regularizers", slot.name), slot.component
        yield ("loss",), self.parts.loss

    def game(self, player: str) -> EngineGame:
        settings, spec = self.plan.recipe.settings, self.plan.spec
        count, dtype = self.batch_size, AUTOCAST.get(settings.train.precision)
        labels = None
        if settings.conditional and spec.condition:
            labels = torch.rand(count, *spec.condition.model_shape) * 2 - 1
        elif settings.conditional:
            labels = torch.zeros(count, dtype=torch.int64)
        autocast: Callable[[], Any] = nullcontext
        if dtype is not None:
            autocast = lambda: torch.autocast("cpu", dtype)  # noqa: E731
        return EngineGame(
            player=player,
            networks=Networks.of(
                self.parts.generator,
                self.parts.discriminator,
                self.parts.augmentation,
                autocast=autocast,
            ),
            batch=lambda: (torch.rand(count, *spec.model_shape) * 2 - 1, labels),
            latents=self.latents(count),
            noise=BatchNoise(RandomStreams(0), player, 0, Rows(0, count)),
            law=self.parts.latent,
            read_fake_labels=lambda: labels,
            required=RequiredGradients.by(self.parts.game_parts()),
            data=spec,
        )

    def latents(self, count: int) -> Tensor:
        with self.blaming(("latent",), "when it drew a batch"):
            latents = self.parts.latent.sample(count, torch.Generator())
        generator: Any = self.parts.generator
        wanted = (count, int(generator.latent_dim))
        if not _is_float32(latents, wanted):
            what = f"drew {_form(latents)} for {count} samples, not float32 of shape {wanted}"
            raise self.error(("latent",), what)
        return latents

    def check_shapes(self, game: EngineGame) -> None:
        """Raise PluginError unless G returns samples and D one row of logits for each."""
        count, spec = self.batch_size, self.plan.spec
        with self.blaming(("generator",), "in its forward pass"):
            fake = game.fake
        if tuple(fake.shape) != (count, *spec.model_shape):
            what = f"makes {tuple(fake.shape[1:])}, but the data is {spec.model_shape}"
            raise self.error(("generator",), what)
        if game.player == "generator":
            return
        with self.blaming(("discriminator",), "in its forward pass"):
            logits = game.real_logits
        rows = {count, count // batch_multiple(self.parts.discriminator)}
        if logits.dim() not in (1, 2) or logits.shape[0] not in rows:
            what = f"gives logits of shape {tuple(logits.shape)} for {count} samples"
            raise self.error(("discriminator",), f"{what}; they must be (B,) or (B, K)")

    def check_augmentation(self, game: EngineGame) -> None:
        """Raise PluginError unless the augmentation returns samples, and perhaps their extra."""
        if self.parts.augmentation is None:
            return
        slot, shape = ("augmentation",), tuple(game.real.shape)
        with self.blaming(slot, "on a real batch"):
            found: Any = self.parts.augmentation(game.real, game.noise.within("check"))
        x, extra = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
        if not _is_float32(x, shape):
            raise self.error(slot, f"returned {_form(x)}, not float32 samples of shape {shape}")
        values = extra.values() if isinstance(extra, Mapping) else [] if extra is None else [extra]
        for value in values:
            if not isinstance(value, Tensor) or not value.dim() or len(value) != len(x):
                what = f"returned {_form(value)} beside its samples, not a row for each of {len(x)}"
                raise self.error(slot, what)

    def scalars(self, slot: Slot, player: str, terms: Any) -> list[Tensor]:
        if not isinstance(terms, Mapping):
            what = f"gave a {type(terms).__name__} for the {player}, not terms by name"
            raise self.error(slot, what)
        for term, value in terms.items():
            if not isinstance(value, Tensor) or value.dim() != 0:
                what = f"gave the {player}'s term {term!r}, which is not a scalar tensor"
                raise self.error(slot, what)
        return list(terms.values())

    def error(self, slot: Slot, what: str) -> PluginError:
        return component_error(self.plan.components[slot], what)

    def blaming(self, slot: Slot, where: str) -> AbstractContextManager[None]:
        return blaming(self.plan.components[slot], where)


def _is_float32(value: Any, shape: tuple[int, ...]) -> bool:
    tensor = isinstance(value, Tensor)
    return tensor and tuple(value.shape) == shape and value.dtype == torch.float32


def _form(value: Any) -> str:
    """Return what a value is, in words."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"


class FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the floating-point operations of matrix products and convolutions run inside.

    The formulas are torch's own. Unlike `torch.utils.flop_counter.FlopCounterMode` it does not
    track modules, whose hooks do not survive `torch.autograd.grad`, so that it can count gradient
    penalties. Fake tensors count like real ones.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0.0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if formula := flop_registry.get(function.overloadpacket):
            self.total += formula(*args, **(kwargs or {}), out_val=result)
        return result
