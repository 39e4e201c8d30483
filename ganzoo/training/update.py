"""The arithmetic of one update of one player, on the device from end to end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ganzoo.api import Terms
from ganzoo.components.build import Components, RegularizerSlot
from ganzoo.errors import PluginError
from ganzoo.sampling.labels import LabelSampler
from ganzoo.sampling.random_streams import Rows
from ganzoo.training.compiled import Compiled
from ganzoo.training.game import EngineGame
from ganzoo.training.inputs import HeldInputs, Inputs
from ganzoo.training.loss_scale import LossScale
from ganzoo.training.networks import Networks, RequiredGradients
from ganzoo.training.player import Outcome, Player


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
class Arithmetic:
    """Plays one update of either player; nothing in it waits for the host, so it can be captured.

    Args:
        rows: of the global batch, those that this process holds.
        label_sampler: of generated samples; None: they have no labels.
        scale: D's, for float16.
    """

    parts: Components
    rules: Rules
    rows: Rows
    device: torch.device
    label_sampler: LabelSampler | None = None
    scale: LossScale | None = None

    def __post_init__(self) -> None:
        parts, compiled = self.parts, None
        if self.rules.compile:
            compiled = Compiled.of(parts.generator, parts.discriminator)
        self.networks = Networks.of(
            parts,
            channels_last=self.rules.channels_last,
            autocast=self._autocast,
            compiled=compiled,
            scale=self.scale,
        )

    def play(
        self, player: Player, due: list[RegularizerSlot], inputs: Inputs | HeldInputs
    ) -> Played:
        """Do the arithmetic of one update, on the device from end to end."""
        wanted, game = self.wanted(player, due), None
        terms: dict[str, Tensor] = {}
        signs: list[Tensor] = []
        for rows in self.micro_batches():
            with self._phase(wanted):
                game = self.game(player, inputs, rows, wanted)
                for slot in due:
                    game = _prepared(slot, game)
                parts = self.terms(player, game, due)
                share = rows.count / self.rules.batch_size
                total = torch.stack(list(parts.values())).sum() * share
            player.backward(total)
            _accumulate(terms, parts, rows.count / self.rows.count)
            if player.name == "discriminator" and hasattr(self.parts.augmentation, "observe"):
                sign = game.real_logits.detach().sign().mean()
                signs.append(sign * (rows.count / self.rows.count))
        total = torch.stack(list(terms.values())).sum()
        outcome = player.apply_gradients(total, penalised=wanted.penalised)
        if not outcome.made or outcome.accident or game is None:
            return Played(terms, outcome)
        for slot in due:
            if hasattr(slot.component, "after_step"):
                with torch.no_grad():
                    slot.component.after_step(game)
        return Played(terms, outcome, game.mean(torch.stack(signs).sum()) if signs else None)

    def micro_batches(self) -> Iterator[Rows]:
        """Yield the parts that this process's rows are worked off in."""
        size = self.rules.micro_batch or self.rows.count
        for first in range(0, self.rows.count, size):
            yield Rows(first, min(size, self.rows.count - first))

    def game(
        self, player: Player, inputs: Inputs | HeldInputs, part: Rows, wanted: RequiredGradients
    ) -> EngineGame:
        """Return the game of one micro-batch."""
        noise = inputs.noise(part)
        return EngineGame(
            player=player.name,
            networks=self.networks.wanting(wanted),
            batch=lambda: inputs.real(part),
            latents=noise.draw("latents", self.parts.latent.sample),
            fake_labels=self.label_sampler.draw(noise) if self.label_sampler else None,
            noise=noise,
            wanted=wanted,
            step=inputs.step,
            samples_seen=inputs.samples_seen,
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

    def wanted(self, player: Player, due: list[RegularizerSlot]) -> RequiredGradients:
        """Return what the loss and these regularizers need in an update of this player."""
        playing = [
            slot.component
            for slot in due
            if hasattr(slot.component, player.name) or hasattr(slot.component, "prepare")
        ]
        return RequiredGradients.by([self.parts.loss, *playing])

    @contextmanager
    def _phase(self, wanted: RequiredGradients) -> Iterator[None]:
        """Enter autocast around a whole phase, so that weights are cast once in it.

        It is switched off inside, for losses in float32; `_autocast` switches it on for networks.
        Attention takes its mathematical form where an input gradient is differentiated: the fused
        kernels cannot be differentiated twice.
        """
        device = self.device.type
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
        return torch.autocast(self.device.type, self.rules.autocast)


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
