"""One update of one player: its inputs, its terms, and what it returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ganzoo.api import Loss, Terms
from ganzoo.components.build import RegularizerSlot
from ganzoo.errors import PluginError
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.training.feed import Batch
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients
from ganzoo.training.player import Player


@dataclass(frozen=True)
class StepConfig:
    """What the recipe says about a step."""

    batch_size: int
    micro_batch: int | None = None
    discriminator_steps: int = 1
    generator_steps: int = 1
    skip_nonfinite: bool = False
    autocast: torch.dtype | None = None
    channels_last: bool = False
    compile: bool = False


@dataclass(frozen=True)
class Inputs:
    """The real batch and the noise of one update, loaded and drawn when they are used.

    Args:
        prefix: the player and the index of its update in this step; names the noise.
        rows: the rows of the global batch that this process holds.
    """

    batch: Batch
    streams: RandomStreams
    prefix: str
    step: int
    samples_seen: int
    rows: Rows
    device: torch.device

    def real(self, part: Rows) -> tuple[Tensor, Tensor | None]:
        """Return (samples in model form, labels or None) of rows `part` of this process."""
        return self.batch.part(part)

    def conditions(self, part: Rows) -> Tensor:
        """Return the conditions of rows `part` of this process, in model form."""
        return self.batch.conditions(part)

    def noise(self, part: Rows) -> BatchNoise:
        """Return the noise of rows `part` of this process."""
        rows = Rows(self.rows.first + part.first, part.count)
        return BatchNoise(self.streams, self.prefix, self.step, rows, self.device)


@dataclass(frozen=True)
class UpdateResult:
    """What one update returns. Tensors stay on the device."""

    terms: dict[str, Tensor]
    """float32 () each, detached, by name."""
    norm: Tensor
    """float32 (): the global gradient norm before clipping."""
    norms: Tensor
    """float32 (parameters,): the norm of each parameter's gradient, ordered as `Player.names`."""
    signs: Mapping[str, Tensor] = field(default_factory=dict)
    """float32 () each: ``real_logits_sign`` and ``fake_logits_sign``, where an augmentation
    observes them: the mean signs of D's logits over all ranks."""
    failed: bool = False
    """A term or a gradient is not finite, beyond a mere float16 overflow. Always False under a
    guard, which keeps the verdict on the device."""

    def labelled(self, player: Player) -> dict[str, Tensor]:
        """Return the terms and the gradient norm for the log, named ``d/…`` or ``g/…``."""
        letter = player.name[0]
        named = {f"{letter}/{name}": value for name, value in self.terms.items()}
        named[f"{letter}/gradient_norm"] = self.norm
        if player.scale:
            # After a float16 overflow, which only lowers the loss scale, the log's mean omits NaN.
            named = {
                name: torch.where(torch.isfinite(value), value, torch.nan)
                for name, value in named.items()
            }
        return named


def update_terms(
    loss: Loss, player: Player, game: EngineGame, due: Sequence[RegularizerSlot]
) -> dict[str, Tensor]:
    """Return every term of an update, weighted, by name.

    Raises:
        PluginError: there are none, or one is not a scalar tensor.
    """
    terms = dict(_terms(loss, "loss", player, game))
    for slot in due:
        if not hasattr(slot.component, player.name):
            continue
        for name, value in _terms(slot.component, slot.name, player, game).items():
            label = slot.name if name == slot.name else f"{slot.name}/{name}"
            # Lazy regularization: due every n-th update, and n times as heavy then.
            terms[label] = value * (slot.weight * slot.every_steps)
    if not terms:
        raise PluginError(f"the loss returned no terms for the {player.name}")
    return terms


def _terms(component: Any, name: str, player: Player, game: EngineGame) -> Terms:
    terms: Terms = getattr(component, player.name)(game)
    for term, value in terms.items():
        if not isinstance(value, Tensor) or value.dim() != 0:
            raise PluginError(f"{name}: the {player.name}'s term {term!r} is not a scalar tensor")
    return terms


def prepared(game: EngineGame, due: Sequence[RegularizerSlot]) -> EngineGame:
    """Return the game as the `prepare` of each due regularizer leaves it."""
    for slot in due:
        if prepare := getattr(slot.component, "prepare", None):
            game = prepare(game)
    return game


def accumulate(terms: dict[str, Tensor], parts: Mapping[str, Tensor], share: float) -> None:
    """Add a micro-batch's terms, detached and times its share of the rows, to the update's."""
    for name, value in parts.items():
        known = terms.get(name)
        value = value.detach() * share
        terms[name] = value if known is None else known + value


@contextmanager
def forward_context(
    required: RequiredGradients, device: torch.device, autocast: torch.dtype | None
) -> Iterator[None]:
    """Set up the numerics of a forward phase: attention kernels, and autocast's weight cache."""
    # The fused attention kernels cannot be differentiated twice; the mathematical form can.
    with sdpa_kernel(SDPBackend.MATH) if required.penalised else nullcontext():
        if autocast is None:
            yield
            return
        # The outer context keeps the weights that are cast once for the whole phase. It is switched
        # off again for losses in float32; `Networks.autocast` switches it on for each forward pass.
        with torch.autocast(device.type, autocast), torch.autocast(device.type, enabled=False):
            yield


def seed_default_generators(key: int, device: torch.device) -> None:
    """Seed what dropout and noise inside networks draw from, on the CPU and on the device."""
    # Not torch.manual_seed: it queues a request, with its stack trace, for every kind of device
    # that is not in use, which took a twelfth of the smallest recipes' steps.
    torch.default_generator.manual_seed(key)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(key)


@contextmanager
def frozen(player: Player) -> Iterator[None]:
    """Stop gradients into a player's parameters inside; they still flow through its network."""
    for parameter in player.parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in player.parameters:
            parameter.requires_grad_(True)
