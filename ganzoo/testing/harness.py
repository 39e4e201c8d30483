"""Run updates of a loss or regularizer under test on small networks, as the engine would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Registration
from ganzoo.components.build import capabilities, initialised_from, requirements
from ganzoo.components.parameters import WrongParameters, plan_component
from ganzoo.components.plan import ComponentPlan
from ganzoo.components.signature import parameter_model
from ganzoo.registry.registry import Registry
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.testing.component import Case
from ganzoo.testing.inputs import labels_for
from ganzoo.testing.outcomes import Exempt, Failed, NotChecked, failure
from ganzoo.testing.probes import shape
from ganzoo.testing.toys import (
    OFFERED,
    RecordingGame,
    ScaledDiscriminator,
    ToyDiscriminator,
    ToyGenerator,
    in_range,
)
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients

BATCH = 8
PLAYERS = ("discriminator", "generator")
EVERY_ROW = slice(None)

DIMENSIONS = (ToyGenerator.latent_dim, 16, 100)
"""Numbers of z of the toy generator, for latents that refuse the first."""


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


def settings(case: Case) -> list[Setting]:
    """Return the settings that a component must support on the case's spec.

    A component that declares ``conditional``, or requires a capability of D, always gets labels, or
    conditions if the spec has a condition.

    Raises:
        Exempt: it needs labels, and the spec has neither classes nor a condition.
    """
    needed = required(case.make(), "discriminator")
    needs_labels = "conditional" in case.capabilities or bool(needed)
    has_labels = bool(case.spec.classes or case.spec.condition)
    if needs_labels and not has_labels:
        raise Exempt(f"needs labels, and {case.spec} has none")
    columns = [None] if needed - OFFERED["discriminator"] else [None, 3]
    labelled = [each for each in (True, False) if (has_labels if each else not needs_labels)]
    return [Setting(each, count) for each in labelled for count in columns]


def required(component: Any, role: str) -> frozenset[str]:
    """Return the capabilities that a live component requires of a role, such as ``latent``."""
    return requirements(component).get(role, frozenset())


def on_toys(component: Any) -> bool:
    """Return whether the two toy networks offer all that a live component requires."""
    return not any(required(component, role) - offered for role, offered in OFFERED.items())


class GameHarness:
    """Two networks and a latent, and updates of a loss or regularizer on them."""

    def __init__(self, case: Case, live: Any, setting: Setting) -> None:
        self.case = case
        self.spec = case.spec
        with initialised_from(0, ("stage",)):
            generator = _network(case, "generator", live, setting)
            dimensions = DIMENSIONS if generator is None else [generator.latent_dim]
            self.latent, dimension = _latent(case, live, dimensions)
            self.generator = generator or ToyGenerator(case.spec, setting.fake, dimension)
            judge = _network(case, "discriminator", live, setting)
            judge = judge or ToyDiscriminator(case.spec, setting.columns)
        self.discriminator = ScaledDiscriminator(judge, setting.factor)
        multiple = self.discriminator.batch_multiple
        self.count = -(-BATCH // multiple) * multiple
        self.live = live
        self.setting = setting
        self.start = deepcopy([getattr(self, name).state_dict() for name in PLAYERS])
        self.requested: set[str] = set()
        """Requests to all games so far: see `RecordingGame.requested`."""

    def game(self, player: str, update: int = 0, rows: slice = EVERY_ROW) -> EngineGame:
        """Return the game of one update, with the given `rows` of the batch of `update`."""
        random, shape = torch.Generator().manual_seed(update), self.spec.model_shape
        axes = (-1, *(1 for _ in shape))
        spread = self.setting.spread * torch.linspace(-1, 1, self.count).view(axes)
        noise = torch.randn(self.count, *shape, generator=random)
        real = in_range(self.spec, self.setting.real + spread + 0.1 * noise)
        with torch.set_grad_enabled(player == "generator"):
            latents = self.latents(random)
        labels = labels_for(self.spec, self.count, random) if self.setting.labelled else None
        # A generated sample has the condition of its real one; classes are drawn.
        fake_labels = labels if labels is None or self.spec.condition else labels.flip(0)
        game = RecordingGame.of(
            player,
            self.generator,
            self.discriminator,
            real=real[rows],
            latents=latents[rows],
            labels=None if labels is None else labels[rows],
            fake_labels=None if fake_labels is None else fake_labels[rows],
            spec=self.spec,
            latent=self.latent,
            required=RequiredGradients.by([self.live]),
            step=update,
            samples_seen=update * self.count,
        )
        held = Rows(range(self.count)[rows].start, len(game.latents))
        game.noise = BatchNoise(RandomStreams(update), player, 0, held)
        game.requested = self.requested
        return game

    def restart(self) -> None:
        """Restore the first state of both networks: spectral norm's estimates change with use."""
        for name, state in zip(PLAYERS, self.start, strict=True):
            getattr(self, name).load_state_dict(state)

    def latents(self, random: torch.Generator) -> Tensor:
        """Return latents (count, latent_dim) of the case's latent, else standard normal ones."""
        if self.latent is None:
            dimension: Any = self.generator.latent_dim
            return torch.randn(self.count, dimension, generator=random)
        drawn: Tensor = self.latent.sample(self.count, random)
        return drawn

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
        """Return a player's parameters; those of a latent that learns are G's too."""
        weights = list(getattr(self, player).parameters())
        if player == "generator" and isinstance(self.latent, nn.Module):
            weights += self.latent.parameters()
        return weights


def each_update(case: Case, check: Callable[[GameHarness, str], object]) -> None:
    """Run a check in both players' updates, in every setting of `settings`.

    Raises:
        Failed: names the setting and the player.
    """
    for setting in settings(case):
        for player in PLAYERS:
            harness = GameHarness(case, case.make(), setting)
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


# --- the other components of a game --------------------------------------------------------------


def _network(case: Case, kind: str, live: Any, setting: Setting) -> Any:
    """Return a network of the component's plugin, or None if the toy network is sufficient.

    Raises:
        NotChecked: neither has the required capabilities.
    """
    needed = required(live, kind)
    if needed <= OFFERED[kind]:
        return None
    known = case.component.partners
    defaults = {"conditional": setting.labelled}
    key = (kind, needed, setting.labelled, case.spec)
    for plan in [known[key]] if key in known else registered(case, kind, needed, defaults):
        with suppress(ValueError):  # refuses this spec
            network = plan.build(case.spec)
            if needed <= capabilities(network):
                known[key] = plan
                return network
    words, namespace = ", ".join(sorted(needed - OFFERED[kind])), _namespace(case)
    raise NotChecked(f"requires a {kind} with {words}, and {namespace} registers none")


def _latent(case: Case, live: Any, dimensions: Sequence[int]) -> tuple[Any, int]:
    """Return the latent that games draw from, and the dimension of z.

    It is the given one, or one of the component's plugin if that has the required capabilities;
    None stands for the standard normal distribution.

    Raises:
        NotChecked: no latent has them, or it refuses these dimensions.
    """
    needed, given = required(live, "latent"), [case.latent] if case.latent else []
    if not needed and not given:
        return None, dimensions[0]
    if needed:
        given += [*case.component.latents, *registered(case, "latent", needed)]
    for plan in given:
        for dimension in dimensions:
            with suppress(ValueError), initialised_from(0, ("latent",)):
                latent = plan.build(dimension)
                if needed <= capabilities(latent):
                    return latent, dimension
    if needed:
        words, id = ", ".join(sorted(needed)), case.component.registration.id
        raise NotChecked(
            f"requires a latent with {words}, and {_namespace(case)} registers none with usable "
            f"defaults (try: ganzoo conformance {id} --latent ID; in a test: latents=[ID])"
        )
    numbers = " or ".join(map(str, dimensions))
    raise NotChecked(f"{given[0].id} refuses a z of {numbers} numbers")


def registered(
    case: Case, kind: str, needed: frozenset[str] = frozenset(), defaults: Mapping[str, Any] = {}
) -> Iterator[ComponentPlan]:
    """Yield the plugin's components of a kind that can have capabilities.

    Each with its defaults, then, if capabilities are needed, with every other choice of one of its
    parameters: a head of D may be one.
    """
    registry = case.component.registry
    for each in registry.list(kind, f"{_namespace(case)}/*"):
        if needed <= each.capabilities:
            others = choices(registry, each) if needed else []
            for parameters in ({}, *others):
                with suppress(WrongParameters):  # a parameter without a default
                    yield plan_component(registry, each, (kind,), parameters, defaults=defaults)


def choices(registry: Registry, registration: Registration) -> Iterator[dict[str, Any]]:
    """Yield each value, other than the default, of each parameter that is one of several words."""
    factory = registry.resolve(registration)
    model = parameter_model(registration.kind, registration.id, factory)
    for name, about in model.model_json_schema().get("properties", {}).items():
        for word in about.get("enum", ()):
            if word != about.get("default"):
                yield {name: word}


def _namespace(case: Case) -> str:
    return case.component.registration.namespace
