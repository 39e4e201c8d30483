"""Games between two small networks, as the engine would play them with a component under test."""

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
from ganzoo.testing.toys import OFFERED, SPEC, Amplified, Judge, Painter, WatchedGame
from ganzoo.training.game import EngineGame, RequiredGradients

BATCH = 8
PLAYERS = ("discriminator", "generator")
EVERY_ROW = slice(None)


@dataclass(frozen=True)
class Setting:
    """How a game is set up: signs of the batches, size of the logits, their columns, labels.

    `spread`: how far the first and the last real sample lie from the level of the batch.
    """

    labelled: bool = True
    columns: int | None = None
    real: float = 0.9
    fake: float = -0.9
    factor: float = 1.0
    spread: float = 0.0

    def __str__(self) -> str:
        columns = f"{self.columns} logits a sample" if self.columns else "one logit a sample"
        labels = "with labels" if self.labelled else "without labels"
        size = f", logits near {self.factor:g}" if self.factor != 1 else ""
        return f"{columns}, {labels}{size}"


def settings(component: Any) -> list[Setting]:
    """Return the games that a component must be able to play.

    One that declares ``conditional``, or requires something of D, is always given labels.
    """
    asked = frozenset(getattr(component, "capabilities", ()))
    needs_labels = "conditional" in asked or bool(required(component))
    columns = [None] if required(component) - OFFERED else [None, 3]
    labelled = [True] if needs_labels else [True, False]
    return [Setting(each, count) for each in labelled for count in columns]


def required(component: Any) -> frozenset[str]:
    """Return what a live component says that it needs of D."""
    return frozenset(getattr(component, "requires", ()))


class Stage:
    """Two networks and the games that a loss or regularizer plays on them."""

    def __init__(self, component: Component, live: Any, setting: Setting) -> None:
        with initialised_from(0, ("stage",)):
            self.generator = Painter(SPEC, setting.fake)
            judge = _judge(component, required(live), setting)
        self.discriminator = Amplified(judge, setting.factor)
        self.live = live
        self.setting = setting
        self.asked: set[str] = set()
        """What has been asked of the games so far: see `WatchedGame.asked`."""

    def game(self, player: str, update: int = 0, rows: slice = EVERY_ROW) -> EngineGame:
        """Return the game of one update; which one decides the batches, of which it has `rows`."""
        random = torch.Generator().manual_seed(update)
        spread = self.setting.spread * torch.linspace(-1, 1, BATCH).view(-1, 1, 1, 1)
        noise = torch.randn(BATCH, *SPEC.model_shape, generator=random)
        real = self.setting.real + spread + 0.1 * noise
        latents = torch.randn(BATCH, Painter.latent_dim, generator=random)
        labels = torch.arange(BATCH) % SPEC.classes if self.setting.labelled else None
        game = WatchedGame.of(
            player,
            self.generator,
            self.discriminator,
            real=real[rows],
            latents=latents[rows],
            labels=None if labels is None else labels[rows],
            fake_labels=None if labels is None else labels.flip(0)[rows],
            wanted=RequiredGradients.by([self.live]),
            step=update,
            samples_seen=update * BATCH,
        )
        held = Rows(range(BATCH)[rows].start, len(game.latents))
        game.noise = BatchNoise(RandomStreams(update), player, 0, held)
        game.asked = self.asked
        return game

    def play(self, player: str, update: int = 0) -> None:
        """Let the component do all that it does in one update."""
        game = self.prepared(player, update)
        if method := getattr(self.live, player, None):
            method(game)
        if hasattr(self.live, "after_step"):
            with torch.no_grad():
                self.live.after_step(game)

    def prepared(self, player: str, update: int = 0, rows: slice = EVERY_ROW) -> EngineGame:
        """Return the game after the component's `prepare`, if it has one."""
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
        """Return what the component adds to this player's loss; nothing if it has no such method.

        Raises:
            Failed: something else than named scalar tensors.
        """
        method = getattr(self.live, game.player, None)
        return _checked(game.player, method(game)) if method else {}

    @contextmanager
    def update_of(self, player: str) -> Iterator[None]:
        """Freeze the other player's weights, as in a player's update."""
        modules = {"discriminator": self.discriminator, "generator": self.generator}
        for name, module in modules.items():
            module.requires_grad_(name == player)
        try:
            yield
        finally:
            for module in modules.values():
                module.requires_grad_(True)

    def weights_of(self, player: str) -> list[nn.Parameter]:
        """Return a player's parameters."""
        modules = {"discriminator": self.discriminator, "generator": self.generator}
        return list(modules[player].parameters())


def each_update(case: Case, check: Callable[[Stage, str], None]) -> None:
    """Make a check in both players' updates, in every setting that the component must play in.

    Raises:
        Failed: with the setting and the player that it failed in.
    """
    for setting in settings(case.make()):
        for player in PLAYERS:
            stage = Stage(case.component, case.make(), setting)
            with naming(f"{player}'s update, {setting}"), stage.update_of(player):
                check(stage, player)


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Say where a check failed."""
    try:
        yield
    except (Exempt, NotChecked):
        raise
    except Exception as error:
        failed = failure(error)
        if isinstance(error, KeyError):
            failed.advice = (
                "name what it needs in D's extra in `requires`, and register a discriminator that "
                "has it among its capabilities"
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
    """Return a D that offers what is needed: `Judge`, or one of the component's own plugin."""
    if needed <= OFFERED:
        return Judge(setting.columns)
    namespace = component.registration.namespace
    for other in component.registry.list("discriminator", f"{namespace}/*"):
        if needed <= other.capabilities:
            plan = plan_component(
                component.registry,
                other,
                ("discriminator",),
                {},
                defaults={"conditional": setting.labelled},
            )
            made: nn.Module = plan.build(SPEC)
            return made
    words = ", ".join(sorted(needed - OFFERED))
    raise NotChecked(f"requires a discriminator with {words}, and {namespace} registers none")
