"""The last pass of a check: one update of each player, on tensors that hold no data.

Networks are built under `FakeTensorMode`, which computes shapes and dtypes only, so that a recipe
for a large model is checked in seconds; where an operation needs values, on small real tensors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ganzoo.components.build import Components, build, in_one_line, make
from ganzoo.components.fit import fit
from ganzoo.components.plan import NETWORKS, Plan, Slot
from ganzoo.errors import GanzooError, PluginError, RecipeError
from ganzoo.registry.names import shorten
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.training.assemble import make_run_schedules, optimizers_over, trained
from ganzoo.training.flops import FlopCounter
from ganzoo.training.game import EngineGame, Networks, RequiredGradients
from ganzoo.training.graphs import obstacles
from ganzoo.training.precision import AUTOCAST, resolve_channels_last

SMALL_BATCH = 4


class _Misfit(RecipeError):
    """Components that do not fit; tensors with values would not change that."""


def dry_run(plan: Plan) -> Plan:
    """Build the components and play one update of each player with every regularizer due.

    Returns:
        The plan with what only the live components can tell: memory format, work a step.

    Raises:
        RecipeError: components that do not fit, with every problem.
        PluginError: a component fails, or makes something of the wrong shape.
    """
    batch_size = plan.recipe.settings.train.batch_size
    try:
        with _without_words_of_torch(), FakeTensorMode(allow_non_fake_inputs=True):
            parts, flops = _rehearse(plan, batch_size)
    except _Misfit:
        raise
    except Exception:
        # Some operations cannot run without values; the real pass says what is really wrong.
        with torch.random.fork_rng(devices=[]):
            small = min(SMALL_BATCH, batch_size)
            parts, flops = _rehearse(plan, small)
            flops *= batch_size / small
    stand_ins = {role: _stand_ins(getattr(parts, role)) for role in NETWORKS}
    optimizers = optimizers_over(plan, stand_ins)
    make_run_schedules(plan, parts, optimizers)
    for slot, component in plan.components.items():
        if slot[0] == "eval":
            make(component)
    train = plan.recipe.settings.train
    channels_last = resolve_channels_last(train.memory_format, plan.spec)
    memory_format = "channels_last" if channels_last else "contiguous"
    _check_graphs(plan, parts, optimizers)
    return replace(plan, memory_format=memory_format, step_flops=flops)


def _check_graphs(
    plan: Plan, parts: Components, optimizers: Mapping[str, torch.optim.Optimizer]
) -> None:
    """Raise RecipeError if updates are to be captured and something stands against it."""
    if plan.recipe.settings.train.cuda_graphs is not True:
        return
    if found := obstacles(plan.recipe.settings, parts, optimizers):
        path = ("train", "cuda_graphs")
        problems = [plan.recipe.problem(path, f"cannot be: {each}") for each in found]
        raise RecipeError(problems, hint="train.cuda_graphs=auto")


def _stand_ins(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return one number in place of each parameter that is to be trained, of as many axes."""
    return {
        name: nn.Parameter(torch.zeros([1] * parameter.dim()))
        for name, parameter in trained(network).items()
    }


@contextmanager
def _without_words_of_torch() -> Iterator[None]:
    """Keep torch from logging the tracebacks of what is tried again with values, or reported."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _rehearse(plan: Plan, batch_size: int) -> tuple[Components, float]:
    """Return the live components, and the floating-point operations of both updates."""
    parts = build(plan)
    try:
        fit(plan, parts)
    except RecipeError as error:
        raise _Misfit(error.problems, hint=error.hint) from None
    stage = _Stage(plan, parts, batch_size)
    with FlopCounter() as counter:
        for player in ("discriminator", "generator"):
            stage.play(player)
    return parts, counter.total


@dataclass
class _Stage:
    plan: Plan
    parts: Components
    batch_size: int

    def play(self, player: str) -> None:
        game = self.game(player)
        self.check_shapes(game)
        terms: list[Tensor] = []
        for slot, part in self.playing():
            with self.blaming(slot, f"in the {player}'s update"):
                if hasattr(part, "prepare"):
                    game = part.prepare(game)
                if method := getattr(part, player, None):
                    terms += self.scalars(slot, player, method(game))
        if not terms:
            raise self.error(("loss",), f"gave no terms for the {player}")
        with self.blaming((player,), f"in the {player}'s backward pass"):
            torch.autograd.backward(torch.stack(terms).sum())

    def playing(self) -> Iterator[tuple[Slot, Any]]:
        """Yield regularizers, whose `prepare` comes before the loss, then the loss."""
        for slot in self.parts.regularizers:
            yield ("regularizers", slot.name), slot.component
        yield ("loss",), self.parts.loss

    def game(self, player: str) -> EngineGame:
        settings, spec = self.plan.recipe.settings, self.plan.spec
        count, dtype = self.batch_size, AUTOCAST.get(settings.train.precision)
        labels = torch.zeros(count, dtype=torch.int64) if settings.conditional else None
        autocast: Callable[[], Any] = nullcontext
        if dtype is not None:
            autocast = lambda: torch.autocast("cpu", dtype)  # noqa: E731
        return EngineGame(
            player=player,
            networks=Networks.of(self.parts, autocast=autocast),
            batch=lambda: (torch.rand(count, *spec.model_shape) * 2 - 1, labels),
            latents=self.latents(count),
            fake_labels=labels,
            noise=BatchNoise(RandomStreams(0), player, 0, Rows(0, count)),
            wanted=RequiredGradients.by(self.parts.game_parts()),
        )

    def latents(self, count: int) -> Tensor:
        with self.blaming(("latent",), "as it was asked for a batch"):
            latents = self.parts.latent.sample(count, torch.Generator())
        if latents.shape[0] != count or latents.dtype != torch.float32:
            what = f"gave {tuple(latents.shape)} {latents.dtype} for {count} samples"
            raise self.error(("latent",), what)
        return latents

    def check_shapes(self, game: EngineGame) -> None:
        """Raise PluginError unless G makes samples and D judges them one by one."""
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
        if logits.dim() not in (1, 2) or logits.shape[0] != count:
            what = f"gives logits of shape {tuple(logits.shape)} for {count} samples"
            raise self.error(("discriminator",), f"{what}; they must be (B,) or (B, K)")

    def scalars(self, slot: Slot, player: str, terms: Any) -> list[Tensor]:
        if not isinstance(terms, Mapping):
            what = f"gave a {type(terms).__name__} for the {player}, not terms by name"
            raise self.error(slot, what)
        for term, value in terms.items():
            if not isinstance(value, Tensor) or value.dim() != 0:
                what = f"gave the {player}'s term {term!r}, which is no scalar tensor"
                raise self.error(slot, what)
        return list(terms.values())

    def error(self, slot: Slot, what: str) -> PluginError:
        """Return what to say of a component, with the place where the recipe names it."""
        component = self.plan.components[slot]
        hint = f"ganzoo info {shorten(component.id)}"
        return PluginError(str(component.problem(f"{component.id} {what}")), hint=hint)

    @contextmanager
    def blaming(self, slot: Slot, where: str) -> Iterator[None]:
        """Say which component an error of foreign code came from."""
        try:
            yield
        except GanzooError:
            raise
        except Exception as error:
            what = f"failed {where}: {type(error).__name__}: {in_one_line(error)}"
            raise self.error(slot, what) from error
