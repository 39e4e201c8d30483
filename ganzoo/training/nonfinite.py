"""Updates that gave something not finite: what is known of one, and how a skipped one is undone."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ganzoo.components.build import Components
from ganzoo.errors import Diverged
from ganzoo.training.processes import mean_over_ranks
from ganzoo.training.state import networks_of

if TYPE_CHECKING:
    from ganzoo.training.player import Player
    from ganzoo.training.step import GanStep

SHOWN_WEIGHTS = 3


@dataclass(frozen=True)
class Accident:
    """What a term, a gradient or a weight that is not finite leaves behind, for whoever debugs it.

    The batch and all noise of the update follow from `batch` and `noise`.
    """

    what: str
    """In words: which term, gradient or weight."""
    step: int
    """Generator updates made before."""
    samples_seen: int
    player: str | None = None
    """Whose update it was; None where weights were found so between two updates."""
    repeat: int = 0
    """Which of the player's updates of this step, from 0."""
    skipped: int = 0
    """Updates of this player in a row that were not made, this one included."""
    terms: Mapping[str, float] = field(default_factory=dict)
    """Means over all ranks."""
    gradient_norms: Mapping[str, float] = field(default_factory=dict)
    """By parameter, before clipping."""
    weights: tuple[str, ...] = ()
    """Weights and buffers that are not finite."""
    batch: tuple[int, ...] = ()
    """Indices of the real samples, over all ranks."""
    noise: Mapping[str, int | str] = field(default_factory=dict)
    """Seed, rollbacks and stream, as `RandomStreams.key` takes them."""

    def record(self) -> dict[str, Any]:
        """Return it for a file, with NaN and infinity in words: JSON knows neither."""
        fields = asdict(self)
        for name in ("terms", "gradient_norms"):
            fields[name] = {key: _in_words(value) for key, value in fields[name].items()}
        return fields


class NotFinite(Diverged):
    """An update, or weights, that a run cannot go on from as it is."""

    def __init__(self, accident: Accident) -> None:
        super().__init__(accident.what)
        self.accident = accident


@dataclass(frozen=True)
class Attempt:
    """An update, with what it takes to say what was wrong with it."""

    player: str
    repeat: int
    step: int
    samples_seen: int
    position: int
    """Of its batch in the order of the run."""
    terms: Mapping[str, Tensor]
    """This rank's, by name."""
    norms: Tensor
    """Of each parameter's gradient, before clipping, in the order of the player's `names`."""


def accident_in(step: GanStep, attempt: Attempt) -> Accident:
    """Return what is known of an update that was not made. All ranks call this together."""
    player: Player = getattr(step, attempt.player)
    means = mean_over_ranks(torch.stack(list(attempt.terms.values()))).tolist()
    named = dict(zip(attempt.terms, means, strict=True))
    norms = dict(zip(player.names, attempt.norms.tolist(), strict=True))
    weights = not_finite(_both(step))
    indices = step.feed.order.indices(attempt.position, step.rules.batch_size)
    return Accident(
        what=_what(player.name, attempt.step, named, norms, weights),
        step=attempt.step,
        samples_seen=attempt.samples_seen,
        player=player.name,
        repeat=attempt.repeat,
        skipped=player.skipped,
        terms=named,
        gradient_norms=norms,
        weights=weights,
        batch=tuple(indices.tolist()),
        noise={
            "seed": step.noise.seed,
            "rollbacks": step.rollbacks,
            "stream": f"{player.name}{attempt.repeat}",
        },
    )


def check_finite(step: GanStep) -> None:
    """Look at the updates that the guard decided on, then at every weight and buffer of both
    networks and of G's average, on all ranks.

    Raises:
        NotFinite: one of them is not finite.
    """
    step.look()
    weights = not_finite(networks_of(step))
    if step.processes.any(bool(weights)):
        what = _about_weights(weights) if weights else "a weight on another rank is"
        raise NotFinite(
            Accident(
                what=f"{what} not finite after step {step.step}",
                step=step.step,
                samples_seen=step.samples_seen,
                weights=weights,
            )
        )


def not_finite(networks: Mapping[str, nn.Module]) -> tuple[str, ...]:
    """Return the weights and buffers that are not finite, as ``network.name``."""
    named = {
        f"{network}.{name}": value
        for network, module in networks.items()
        for name, value in module.state_dict().items()
        if value.is_floating_point() and value.numel()
    }
    if not named:
        return ()
    largest = torch.stack(torch._foreach_norm(list(named.values()), math.inf))
    finite = torch.isfinite(largest).tolist()
    return tuple(name for name, is_finite in zip(named, finite, strict=True) if not is_finite)


class Undo:
    """What an update changes whether or not weights move: buffers of the networks (batch norm's
    statistics, spectral norm's vectors) and the state of components. A skipped update puts it back.
    """

    def __init__(self, parts: Components) -> None:
        self.parts = parts
        networks = (parts.generator, parts.discriminator)
        self.buffers = [buffer for network in networks for buffer in network.buffers()]
        self.before: list[Tensor] = []
        self.states: dict[str, Any] = {}

    def remember(self) -> None:
        """Note how everything is now."""
        self.before = [buffer.clone() for buffer in self.buffers]
        stateful = self.parts.stateful()
        self.states = {name: copy.deepcopy(part.state_dict()) for name, part in stateful.items()}

    @torch.no_grad()
    def put_back(self) -> None:
        """Make everything as it was when last remembered."""
        for buffer, before in zip(self.buffers, self.before, strict=True):
            buffer.copy_(before)
        for name, part in self.parts.stateful().items():
            part.load_state_dict(self.states[name])


def _both(step: GanStep) -> dict[str, nn.Module]:
    return {"generator": step.parts.generator, "discriminator": step.parts.discriminator}


def _what(
    player: str,
    step: int,
    terms: Mapping[str, float],
    norms: Mapping[str, float],
    weights: tuple[str, ...],
) -> str:
    """Return what to say of an update: of weights first, since they would explain the rest."""
    where = f"not finite in the {player}'s update at step {step}"
    if weights:
        return f"{_about_weights(weights)} {where}"
    if bad := [name for name, value in terms.items() if not math.isfinite(value)]:
        return f"the term {bad[0]!r} is {where}"
    if bad := [name for name, value in norms.items() if not math.isfinite(value)]:
        return f"the gradient of {bad[0]} is {where}"
    return f"the gradient's norm is {where}"


def _about_weights(weights: tuple[str, ...]) -> str:
    more = ", …" if len(weights) > SHOWN_WEIGHTS else ""
    return f"{', '.join(weights[:SHOWN_WEIGHTS])}{more} {'is' if len(weights) == 1 else 'are'}"


def _in_words(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
