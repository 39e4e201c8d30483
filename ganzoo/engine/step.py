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
from ganzoo.engine.feed import Feed, Lazy
from ganzoo.engine.game import EngineGame
from ganzoo.engine.labels import LabelLaw
from ganzoo.engine.networks import Compiled, Networks, Wanted
from ganzoo.engine.noise import BatchNoise, NoiseLaw, Rows
from ganzoo.engine.nonfinite import Accident, NotFinite, Undo, accident_in
from ganzoo.engine.player import Player
from ganzoo.engine.processes import Processes
from ganzoo.engine.schedules import Schedules
from ganzoo.errors import PluginError

MAX_SKIPPED = 20
"""``on_nonfinite: skip`` gives up after this many updates of a player in a row."""


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


@dataclass
class GanStep:
    """The step of one run, with the counters that it moves."""

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
    step: int = 0
    images_seen: int = 0
    accidents: list[Accident] = field(default_factory=list)
    """The first of every row of skipped updates, until somebody takes them from here."""

    def __post_init__(self) -> None:
        parts, compiled = self.parts, None
        if self.rules.compile:
            compiled = Compiled.of(parts.generator, parts.discriminator)
        self.networks = Networks.of(
            parts,
            channels_last=self.rules.channels_last,
            autocast=self._autocast,
            compiled=compiled,
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
            NotFinite: a term or a gradient is not finite, and it is not to be skipped.
        """
        due = [slot for slot in self.parts.regularizers if slot.due(player.updates)]
        wanted = self.wanted(player, due)
        batch, game = self.feed.next(), None
        terms: dict[str, Tensor] = {}
        if self.undo:
            self.undo.remember()
        for rows in self.micro_batches():
            with self._phase(wanted):
                game = self.game(player, repeat, batch, rows, wanted)
                for slot in due:
                    game = _prepared(slot, game)
                parts = self.terms(player, game, due)
                share = rows.count / self.rules.batch_size
                total = torch.stack(list(parts.values())).sum() * share
            self.backward(total, player)
            _accumulate(terms, parts, rows.count / self.rows.count)
        norm, made = player.apply_gradients(torch.stack(list(terms.values())).sum())
        if not made:
            self._skip(player, accident_in(self, player, repeat, batch.position, terms))
            return {}
        self._after(player, game, due)
        letter = player.name[0]
        labelled = {f"{letter}/{name}": value for name, value in terms.items()}
        return labelled | {f"{letter}/gradient_norm": norm.detach()}

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
        torch.autograd.backward(total, inputs=player.parameters)

    def micro_batches(self) -> Iterator[Rows]:
        """Yield the parts that this process's rows are worked off in."""
        size = self.rules.micro_batch or self.rows.count
        for first in range(0, self.rows.count, size):
            yield Rows(first, min(size, self.rows.count - first))

    def game(
        self, player: Player, repeat: int, batch: Lazy, part: Rows, wanted: Wanted
    ) -> EngineGame:
        """Return the game of one micro-batch."""
        rows = Rows(self.rows.first + part.first, part.count)
        prefix = f"{player.name}{repeat}"
        noise = BatchNoise(self.noise, prefix, self.step, rows, self.processes.device)
        return EngineGame(
            player=player.name,
            networks=self.networks.wanting(wanted),
            batch=lambda: batch.part(part),
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

    def _after(self, player: Player, game: EngineGame | None, due: list[RegularizerSlot]) -> None:
        if game is None:
            return
        for slot in due:
            if hasattr(slot.component, "after_step"):
                with torch.no_grad():
                    slot.component.after_step(game)
        observe = getattr(self.parts.augmentation, "observe", None)
        if player is self.discriminator and observe:
            sign = game.mean(game.real_logits.detach().sign().mean())
            observe({"real_logits_sign": sign, "images": self.rules.batch_size})

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


def _accumulate(terms: dict[str, Tensor], parts: Mapping[str, Tensor], share: float) -> None:
    for name, value in parts.items():
        known = terms.get(name)
        value = value.detach() * share
        terms[name] = value if known is None else known + value
