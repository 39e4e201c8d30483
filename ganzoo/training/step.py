"""The GAN step: `discriminator_steps` updates of D, then one of G.

Gradients are lean, and bit-identical to the textbook's: no graph runs through G while D is
updated, and D is frozen while G is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ganzoo.components.build import Components
from ganzoo.sampling.labels import LabelSampler
from ganzoo.sampling.random_streams import RandomStreams, Rows
from ganzoo.training.batch_norm import average_running_statistics
from ganzoo.training.compiled import telling_of_the_compiler
from ganzoo.training.ema import Ema
from ganzoo.training.feed import DataFeed
from ganzoo.training.graphs import Graphs
from ganzoo.training.guard import Guard
from ganzoo.training.inputs import Inputs
from ganzoo.training.nonfinite import Accident, Attempt, NotFinite, Undo, accident_in
from ganzoo.training.player import Player
from ganzoo.training.processes import Processes
from ganzoo.training.schedules import Schedules
from ganzoo.training.update import Arithmetic, Rules

MAX_SKIPPED = 20
"""``on_nonfinite: skip`` gives up after this many updates of a player in a row."""

MAX_UNSEEN = 1000
"""Of so many updates that a guard decided on the host looks at the result, whoever plays them."""


@dataclass
class GanStep:
    """The step of one run, with the counters that it moves.

    Args:
        guard: both players' own, where the device decides about updates.
        graphs: captured updates; None: every one is played eagerly.
    """

    parts: Components
    rules: Rules
    feed: DataFeed
    noise: RandomStreams
    processes: Processes
    discriminator: Player
    generator: Player
    ema: Ema | None = None
    label_sampler: LabelSampler | None = None
    schedules: Schedules = field(default_factory=Schedules)
    guard: Guard | None = None
    graphs: Graphs | None = None
    step: int = 0
    samples_seen: int = 0
    accidents: list[Accident] = field(default_factory=list)
    """The first of every row of skipped updates, until somebody takes them from here."""
    attempts: list[Attempt] = field(default_factory=list)
    """The updates that the guard has decided on and the host has not looked at."""

    def __post_init__(self) -> None:
        count = self.rules.batch_size // self.processes.world_size
        self.rows = Rows(self.processes.rank * count, count)
        self.arithmetic = Arithmetic(
            self.parts,
            self.rules,
            self.rows,
            self.processes.device,
            self.label_sampler,
            self.discriminator.scale,
        )
        self.undo = Undo(self.parts) if self.rules.skip_nonfinite else None

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
            telling_of_the_compiler() if self.arithmetic.networks.compiled else nullcontext(),
            self.graphs.record.where() if self.graphs else nullcontext(),
        ):
            return self._play_both()

    def _play_both(self) -> dict[str, Tensor]:
        self._seed_default_generators()
        self.schedules.apply(self.samples_seen)
        terms: dict[str, Tensor] = {}
        for repeat in range(self.rules.discriminator_steps):
            terms |= self.update(self.discriminator, repeat)
            self.samples_seen += self.rules.batch_size
        with frozen(self.discriminator):
            terms |= self.update(self.generator, 0)
        self.step += 1
        average_running_statistics((self.parts.generator, self.parts.discriminator))
        if self.ema:
            shown = self.rules.batch_size * self.rules.discriminator_steps
            self.ema.update(self.parts.generator, shown, self.samples_seen)
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
            played = self.graphs.play(self.arithmetic, player, due, inputs)
        else:
            played = self.arithmetic.play(player, due, inputs)
        terms, outcome = played.terms, played.outcome
        attempt = Attempt(
            player=player.name,
            repeat=repeat,
            step=self.step,
            samples_seen=self.samples_seen,
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
            seen = {"real_logits_sign": played.sign, "samples": self.rules.batch_size}
            self.parts.augmentation.observe(seen)  # type: ignore[union-attr]
        letter = player.name[0]
        labelled = {f"{letter}/{name}": value for name, value in terms.items()}
        labelled[f"{letter}/gradient_norm"] = outcome.norm
        if player.scale:
            # An overflow of float16 is no number of the training: it is left out of the log's mean.
            labelled = {name: _or_nan(value) for name, value in labelled.items()}
        return labelled

    def inputs(self, player: Player, repeat: int) -> Inputs:
        """Return what a player's update of this step is given."""
        return Inputs(
            batch=self.feed.next(),
            law=self.noise,
            prefix=f"{player.name}{repeat}",
            step=self.step,
            samples_seen=self.samples_seen,
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
def frozen(player: Player) -> Iterator[None]:
    """Keep gradients from flowing into a player's parameters, but let them through it."""
    for parameter in player.parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in player.parameters:
            parameter.requires_grad_(True)


def _or_nan(value: Tensor) -> Tensor:
    return torch.where(torch.isfinite(value), value, torch.nan)
