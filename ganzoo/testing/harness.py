"""Run updates of a loss or regularizer under test on small networks, as the engine would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.components.build import initialised_from
from ganzoo.components.parameters import plan_component
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.testing.component import Case, Component
from ganzoo.testing.outcomes import Exempt, Failed, NotChecked, failure
from ganzoo.testing.probes import shape
from ganzoo.testing.toys import (
    OFFERED,
    SPEC,
    RecordingGame,
    ScaledDiscriminator,
    ToyDiscriminator,
    ToyGenerator,
)
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients

BATCH = 8
PLAYERS = ("discriminator", "generator")
EVERY_ROW = slice(None)


@dataclass(frozen=True)
class Setting:
    """How a game is set up."""

    labelled: bool = True
    columns: int | None = None
    """Logits per sample; None: logits of shape (B,)."""
    real: float = 0.9
    """Level of the real samples, whose sign is that of their logits."""
    fake: float = -0.9
    factor: float = 1.0
    """Factor of the logits."""
    spread: float = 0.0
    """Distance of the first and the last real sample from the level."""

    def __str__(self) -> str:
        columns = f"{self.columns} logits per sample" if self.columns else "one logit per sample"
        labels = "with labels" if self.labelled else "without labels"
        size = f", logits near {self.factor:g}" if self.factor != 1 else ""
        return f"{columns}, {labels}{size}"


def settings(component: Any) -> list[Setting]:
    """Return the settings that a component must support.

    One that declares ``conditional``, or requires a capability of D, always gets labels.
    """
    asked = frozenset(getattr(component, "capabilities", ()))
    needs_labels = "conditional" in asked or bool(required(component))
    columns = [None] if required(component) - OFFERED else [None, 3]
    labelled = [True] if needs_labels else [True, False]
    return [Setting(each, count) for each in labelled for count in columns]


def required(component: Any) -> frozenset[str]:
    """Return the capabilities that a live component requires of D."""
    return frozenset(getattr(component, "requires", ()))


class GameHarness:
    """Two networks, and updates of a loss or regularizer on them."""

    def __init__(self, component: Component, live: Any, setting: Setting) -> None:
        with initialised_from(0, ("stage",)):
            self.generator = ToyGenerator(SPEC, setting.fake)
            judge = _judge(component, required(live), setting)
        self.discriminator = ScaledDiscriminator(judge, setting.factor)
        self.live = live
        self.setting = setting
        self.requested: set[str] = set()
        """Requests to all games so far: see `RecordingGame.requested`."""

    def game(self, player: str, update: int = 0, rows: slice = EVERY_ROW) -> EngineGame:
        """Return the game of one update, with `rows` of the batch that `update` decides."""
        random = torch.Generator().manual_seed(update)
        spread = self.setting.spread * torch.linspace(-1, 1, BATCH).view(-1, 1, 1, 1)
        noise = torch.randn(BATCH, *SPEC.model_shape, generator=random)
        real = self.setting.real + spread + 0.1 * noise
        latents = torch.randn(BATCH, ToyGenerator.latent_dim, generator=random)
        labels = torch.arange(BATCH) % SPEC.classes if self.setting.labelled else None
        game = RecordingGame.of(
            player,
            self.generator,
            self.discriminator,
            real=real[rows],
            latents=latents[rows],
            labels=None if labels is None else labels[rows],
            fake_labels=None if labels is None else labels.flip(0)[rows],
            spec=SPEC,
            required=RequiredGradients.by([self.live]),
            step=update,
            samples_seen=update * BATCH,
        )
        held = Rows(range(BATCH)[rows].start, len(game.latents))
        game.noise = BatchNoise(RandomStreams(update), player, 0, held)
        game.requested = self.requested
        return game

    def run_update(self, player: str, update: int = 0) -> None:
        """Run all of the component's methods in one update."""
        game = self.prepared(player, update)
        if method := getattr(self.live, player, None):
            method(game)
        if hasattr(self.live, "after_step"):
            with torch.no_grad():
                self.live.after_step(game)

    def prepared(self, player: str, update: int = 0, rows: slice = EVERY_ROW) -> EngineGame:
        """Return the game, after the component's `prepare` if it has one."""
        game = self.game(player, update, rows)
        if not hasattr(self.live, "prepare"):
            return game
        game = self.live.prepare(game)
        if not isinstance(game, EngineGame):
            raise Failed(
                "a game from prepare",
                f"a {type(game).__name__}",
                "return game.replace(…), or the game itself",
            )
        return game

    def terms(self, game: EngineGame) -> dict[str, Tensor]:
        """Return the component's terms of this player's loss; empty if it has no such method.

        Raises:
            Failed: they are not named scalar tensors.
        """
        method = getattr(self.live, game.player, None)
        return _checked(game.player, method(game)) if method else {}

    @contextmanager
    def update_of(self, player: str) -> Iterator[None]:
        """Freeze the other player's weights, as in an update of this player."""
        for name in PLAYERS:
            getattr(self, name).requires_grad_(name == player)
        try:
            yield
        finally:
            for name in PLAYERS:
                getattr(self, name).requires_grad_(True)

    def weights_of(self, player: str) -> list[nn.Parameter]:
        """Return a player's parameters."""
        return list(getattr(self, player).parameters())


def each_update(case: Case, check: Callable[[GameHarness, str], object]) -> None:
    """Run a check in both players' updates, in every setting of `settings`.

    Raises:
        Failed: names the setting and the player.
    """
    for setting in settings(case.make()):
        for player in PLAYERS:
            harness = GameHarness(case.component, case.make(), setting)
            with naming(f"{player}'s update, {setting}"), harness.update_of(player):
                check(harness, player)


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Add to a failure in the block where it happened."""
    try:
        yield
    except (Exempt, NotChecked):
        raise
    except Exception as error:
        failed = failure(error)
        if isinstance(error, KeyError):
            failed.advice = (
                "name what it needs of D's extra in `requires`, and register a discriminator with "
                "that capability"
            )
        failed.where = where
        raise failed from failed.__cause__


def _checked(player: str, terms: Any) -> dict[str, Tensor]:
    advice = "return {'name': tensor.mean(), …}: means or sums over the batch"
    if not isinstance(terms, Mapping):
        raise Failed(f"named terms from {player}()", f"a {type(terms).__name__}", advice)
    for name, value in terms.items():
        if not isinstance(value, Tensor):
            found = f"a {type(value).__name__}"
        elif value.dim() != 0:
            found = f"a tensor of shape {shape(value)}"
        else:
            continue
        raise Failed(f"a scalar tensor as the {player}'s term {name!r}", found, advice)
    return dict(terms)


def _judge(component: Component, needed: frozenset[str], setting: Setting) -> nn.Module:
    """Return a D with the needed capabilities: the toy, or one of the component's plugin."""
    if needed <= OFFERED:
        return ToyDiscriminator(setting.columns)
    namespace = component.registration.namespace
    for other in component.registry.list("discriminator", f"{namespace}/*"):
        if needed <= other.capabilities:
            defaults = {"conditional": setting.labelled}
            slot = ("discriminator",)
            plan = plan_component(component.registry, other, slot, {}, defaults=defaults)
            made: nn.Module = plan.build(SPEC)
            return made
    words = ", ".join(sorted(needed - OFFERED))
    raise NotChecked(f"requires a discriminator with {words}, and {namespace} registers none")
