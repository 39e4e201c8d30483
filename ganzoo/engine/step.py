"""The GAN step: `discriminator_steps` updates of D, then one of G.

Gradients are lean, and bit-identical to the textbook's: no graph runs through G while D is
updated, and D is frozen while G is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ganzoo.api import Terms
from ganzoo.build.components import Components, RegularizerSlot
from ganzoo.engine.batch_norm import average_running_statistics
from ganzoo.engine.ema import Ema
from ganzoo.engine.feed import Feed
from ganzoo.engine.game import EngineGame
from ganzoo.engine.graphs import Graphs, HeldInputs
from ganzoo.engine.guard import Guard
from ganzoo.engine.inputs import Inputs
from ganzoo.engine.labels import LabelLaw
from ganzoo.engine.networks import Compiled, Networks, Wanted, telling_of_the_compiler
from ganzoo.engine.noise import NoiseLaw, Rows
from ganzoo.engine.nonfinite import Accident, Attempt, NotFinite, Undo, accident_in
from ganzoo.engine.player import Outcome, Player
from ganzoo.engine.processes import Processes
from ganzoo.engine.schedules import Schedules
from ganzoo.errors import PluginError

MAX_SKIPPED = 20
"""``on_nonfinite: skip`` gives up after this many updates of a player in a row."""

MAX_UNSEEN = 1000
"""Of so many updates that a guard decided on the host looks at the result, whoever plays them."""


@dataclass(frozen=True)
class Rules:
    """What the recipe says of an update."""

    batch_size: int
    micro_batch: int | None = None
    discriminator_steps: int = 1
    skip_nonfinite: bool = False
    autocast: torch.dtype | None = None
    channels_last: bool = False
    compile: bool = False


@dataclass(frozen=True)
class Played:
    """What one update left behind."""

    terms: dict[str, Tensor]
    """float32 () each, detached, by name."""
    outcome: Outcome
    sign: Tensor | None = None
    """float32 (): the mean sign of D's real logits, where an augmentation wants to know."""


@dataclass
class GanStep:
    """The step of one run, with the counters that it moves.

    Args:
        guard: both players' own, where the device decides about updates.
        graphs: captured updates; None: every one is played eagerly.
    """

    parts: Components
    rules: Rules
    feed: Feed
    noise: NoiseLaw
    processes: Processes
    discriminator: Player
    generator: Player
    ema: Ema | None = None
    label_law: LabelLaw | None = None
    schedules: Schedules = field(default_factory=Schedules)
    guard: Guard | None = None
    graphs: Graphs | None = None
    step: int = 0
    images_seen: int = 0
    accidents: list[Accident] = field(default_factory=list)
    """The first of every row of skipped updates, until somebody takes them from here."""
    attempts: list[Attempt] = field(default_factory=list)
    """The updates that the guard has decided on and the host has not looked at."""

    def __post_init__(self) -> None:
        parts, compiled = self.parts, None
        if self.rules.compile:
            compiled = Compiled.of(parts.generator, parts.discriminator)
        self.networks = Networks.of(
            parts,
            channels_last=self.rules.channels_last,
            autocast=self._autocast,
            compiled=compiled,
            scale=self.discriminator.scale,
        )
        count = self.rules.batch_size // self.processes.world_size
        self.rows = Rows(self.processes.rank * count, count)
        self.undo = Undo(parts) if self.rules.skip_nonfinite else None

    @property
    def rollbacks(self) -> int:
        """How often the run went back to a checkpoint; it enters the key of all noise."""
        return self.noise.rollbacks

    @rollbacks.setter
    def rollbacks(self, count: int) -> None:
        self.noise = replace(self.noise, rollbacks=count)

    def __call__(self) -> dict[str, Tensor]:
        """Play one step; return the named terms, detached, for the log."""
        with (
            telling_of_the_compiler() if self.networks.compiled else nullcontext(),
            self.graphs.record.where() if self.graphs else nullcontext(),
        ):
            return self._play_both()

    def _play_both(self) -> dict[str, Tensor]:
        self._seed_default_generators()
        self.schedules.apply(self.images_seen)
        terms: dict[str, Tensor] = {}
        for repeat in range(self.rules.discriminator_steps):
            terms |= self.update(self.discriminator, repeat)
            self.images_seen += self.rules.batch_size
        with frozen(self.discriminator):
            terms |= self.update(self.generator, 0)
        self.step += 1
        average_running_statistics((self.parts.generator, self.parts.discriminator))
        if self.ema:
            shown = self.rules.batch_size * self.rules.discriminator_steps
            self.ema.update(self.parts.generator, shown, self.images_seen)
        return terms

    def update(self, player: Player, repeat: int) -> dict[str, Tensor]:
        """Make one update of one player; return its terms, labelled ``d/`` or ``g/``.

        A skipped update has no terms: what is logged stays finite.

        Raises:
            NotFinite: a term or a gradient is not finite, and it is not to be skipped. Under a
                guard `look` says so, later.
        """
        due = [slot for slot in self.parts.regularizers if slot.due(player.updates)]
        inputs = self.inputs(player, repeat)
        if self.undo:
            self.undo.remember()
        if self.graphs:
            played = self.graphs.play(self, player, due, inputs)
        else:
            played = self.play(player, due, inputs)
        terms, outcome = played.terms, played.outcome
        attempt = Attempt(
            player=player.name,
            repeat=repeat,
            step=self.step,
            images_seen=self.images_seen,
            position=inputs.batch.position,
            terms=terms,
            norms=outcome.norms,
        )
        player.count(skipped=outcome.accident)
        if outcome.accident:
            self._skip(player, accident_in(self, attempt))
            return {}
        if self.guard:
            self.attempts.append(attempt)
            if len(self.attempts) >= MAX_UNSEEN:
                self.look()
        if played.sign is not None:
            seen = {"real_logits_sign": played.sign, "images": self.rules.batch_size}
            self.parts.augmentation.observe(seen)  # type: ignore[union-attr]
        letter = player.name[0]
        labelled = {f"{letter}/{name}": value for name, value in terms.items()}
        labelled[f"{letter}/gradient_norm"] = outcome.norm
        if player.scale:
            # An overflow of float16 is no number of the training: it is left out of the log's mean.
            labelled = {name: _or_nan(value) for name, value in labelled.items()}
        return labelled

    def play(
        self, player: Player, due: list[RegularizerSlot], inputs: Inputs | HeldInputs
    ) -> Played:
        """Do the arithmetic of one update, on the device from end to end."""
        wanted, game = self.wanted(player, due), None
        terms: dict[str, Tensor] = {}
        signs: dict[str, Tensor] = {}
        for rows in self.micro_batches():
            with self._phase(wanted):
                game = self.game(player, inputs, rows, wanted)
                for slot in due:
                    game = _prepared(slot, game)
                parts = self.terms(player, game, due)
                share = rows.count / self.rules.batch_size
                total = torch.stack(list(parts.values())).sum() * share
            self.backward(total, player)
            _accumulate(terms, parts, rows.count / self.rows.count)
            if player is self.discriminator and hasattr(self.parts.augmentation, "observe"):
                sign = game.real_logits.detach().sign().mean()
                _accumulate(signs, {"real": sign}, rows.count / self.rows.count)
        total = torch.stack(list(terms.values())).sum()
        outcome = player.apply_gradients(total, penalised=wanted.penalised)
        if not outcome.made or outcome.accident or game is None:
            return Played(terms, outcome)
        for slot in due:
            if hasattr(slot.component, "after_step"):
                with torch.no_grad():
                    slot.component.after_step(game)
        return Played(terms, outcome, game.mean(signs["real"]) if signs else None)

    def inputs(self, player: Player, repeat: int) -> Inputs:
        """Return what a player's update of this step is given."""
        return Inputs(
            batch=self.feed.next(),
            law=self.noise,
            prefix=f"{player.name}{repeat}",
            step=self.step,
            rows=self.rows,
            device=self.processes.device,
        )

    def look(self) -> None:
        """Let the host see what the guard has found since it last looked.

        Raises:
            NotFinite: an update was not finite; no weight has moved since.
        """
        if self.guard is None:
            return
        first, attempts = self.guard.first(), self.attempts
        self.attempts = []
        self.guard.reset()
        if first is not None:
            raise NotFinite(accident_in(self, attempts[first]))

    def forget(self) -> None:
        """Begin anew with everything that is remembered between updates: the state was replaced."""
        self.attempts = []
        if self.guard:
            self.guard.reset()
        if self.graphs:
            self.graphs.forget()

    def _seed_default_generators(self) -> None:
        """Seed what dropout and noise inside networks draw from, on the CPU and on our device.

        Not by `torch.manual_seed`: it files a request, with its stack trace, for every kind of
        device that is not in use, which took a twelfth of the smallest recipes' steps.
        """
        key = self.noise.key("default", self.step, self.processes.rank)
        torch.default_generator.manual_seed(key)
        if self.processes.device.type != "cpu":
            torch.get_device_module(self.processes.device).manual_seed(key)

    def backward(self, total: Tensor, player: Player) -> None:
        """Add the gradients of one micro-batch to a player's parameters, and to no others."""
        player.backward(total)

    def micro_batches(self) -> Iterator[Rows]:
        """Yield the parts that this process's rows are worked off in."""
        size = self.rules.micro_batch or self.rows.count
        for first in range(0, self.rows.count, size):
            yield Rows(first, min(size, self.rows.count - first))

    def game(
        self, player: Player, inputs: Inputs | HeldInputs, part: Rows, wanted: Wanted
    ) -> EngineGame:
        """Return the game of one micro-batch."""
        noise = inputs.noise(part)
        return EngineGame(
            player=player.name,
            networks=self.networks.wanting(wanted),
            batch=lambda: inputs.real(part),
            latents=noise.draw("latents", self.parts.latent.sample),
            fake_labels=self.label_law.draw(noise) if self.label_law else None,
            noise=noise,
            wanted=wanted,
            step=self.step,
            images_seen=self.images_seen,
        )

    def terms(
        self, player: Player, game: EngineGame, due: list[RegularizerSlot]
    ) -> dict[str, Tensor]:
        """Return every term of this update, weighted, by name."""
        parts = dict(_played(self.parts.loss, "loss", player, game))
        for slot in due:
            if not hasattr(slot.component, player.name):
                continue
            for name, value in _played(slot.component, slot.name, player, game).items():
                label = slot.name if name == slot.name else f"{slot.name}/{name}"
                parts[label] = value * (slot.weight * slot.every_steps)
        if not parts:
            raise PluginError(f"the loss returned no terms for the {player.name}")
        return parts

    def wanted(self, player: Player, due: list[RegularizerSlot]) -> Wanted:
        """Return what the loss and these regularizers need in an update of this player."""
        playing = [
            slot.component
            for slot in due
            if hasattr(slot.component, player.name) or hasattr(slot.component, "prepare")
        ]
        return Wanted.by([self.parts.loss, *playing])

    def _skip(self, player: Player, accident: Accident) -> None:
        """Leave no trace of an update that was not made, or raise NotFinite.

        Weights that are not finite cannot be skipped, and neither can every update.
        """
        if self.undo is None or accident.weights or player.skipped > MAX_SKIPPED:
            raise NotFinite(accident)
        self.undo.put_back()
        if player.skipped == 1:
            self.accidents.append(accident)

    @contextmanager
    def _phase(self, wanted: Wanted) -> Iterator[None]:
        """Enter autocast around a whole phase, so that weights are cast once in it.

        It is switched off inside, for losses in float32; `_autocast` switches it on for networks.
        Attention takes its mathematical form where an input gradient is differentiated: the fused
        kernels cannot be differentiated twice.
        """
        device = self.processes.device.type
        with ExitStack() as stack:
            if wanted.penalised:
                stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            if self.rules.autocast is not None:
                stack.enter_context(torch.autocast(device, self.rules.autocast))
                stack.enter_context(torch.autocast(device, enabled=False))
            yield

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.rules.autocast is None:
            return nullcontext()
        return torch.autocast(self.processes.device.type, self.rules.autocast)


@contextmanager
def frozen(player: Player) -> Iterator[None]:
    """Keep gradients from flowing into a player's parameters, but let them through it."""
    for parameter in player.parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in player.parameters:
            parameter.requires_grad_(True)


def _prepared(slot: RegularizerSlot, game: EngineGame) -> EngineGame:
    prepare = getattr(slot.component, "prepare", None)
    return prepare(game) if prepare else game


def _played(component: Any, name: str, player: Player, game: EngineGame) -> Terms:
    terms = getattr(component, player.name)(game)
    for term, value in terms.items():
        if not isinstance(value, Tensor) or value.dim() != 0:
            raise PluginError(f"{name}: the {player.name}'s term {term!r} is not a scalar tensor")
    return terms


def _or_nan(value: Tensor) -> Tensor:
    return torch.where(torch.isfinite(value), value, torch.nan)


def _accumulate(terms: dict[str, Tensor], parts: Mapping[str, Tensor], share: float) -> None:
    for name, value in parts.items():
        known = terms.get(name)
        value = value.detach() * share
        terms[name] = value if known is None else known + value
