"""Updates that are not finite: detection, the report for diagnosis, and ``train.on_nonfinite``."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.components.build import Components
from ganzoo.components.plan import Plan
from ganzoo.errors import Diverged
from ganzoo.runs import records
from ganzoo.runs.checkpoints import Checkpoint
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.random_streams import RandomStreams
from ganzoo.scoring.collectives import mean_over_ranks
from ganzoo.training.callbacks import Reporters
from ganzoo.training.ending import hint_lower_lr
from ganzoo.training.player import Player
from ganzoo.training.processes import Processes

SHOWN_WEIGHTS = 3

MAX_ROLLBACKS = 3
"""Maximum number of rollbacks of a run; the next update that is not finite ends it."""


@dataclass(frozen=True)
class NonFiniteReport:
    """What is known of an update, or of weights, that are not finite.

    The batch and all noise of the update can be reproduced from `batch` and `noise`.
    """

    what: str
    """One line: which term, gradient or weight."""
    step: int
    """Steps done before."""
    samples_seen: int
    player: str | None = None
    """The player that was updated; None for weights found between two updates."""
    repeat: int = 0
    """Which of the player's updates of this step, from 0."""
    skipped: int = 0
    """Skipped updates of this player in a row, this one included."""
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
        """Return it for a file, with NaN and infinity as text: JSON has neither."""
        fields = asdict(self)
        for name in ("terms", "gradient_norms"):
            numbers = fields[name].items()
            fields[name] = {key: n if math.isfinite(n) else str(n) for key, n in numbers}
        return fields


class NotFinite(Diverged):
    """An update, or weights, with which a run cannot simply continue."""

    def __init__(self, report: NonFiniteReport) -> None:
        super().__init__(report.what)
        self.report = report


@dataclass(frozen=True)
class UpdateRecord:
    """Record of one attempted update, kept for diagnosis."""

    player: str
    repeat: int
    step: int
    samples_seen: int
    position: int
    """Position of its batch in the order of the run."""
    terms: Mapping[str, Tensor]
    """This rank's terms, by name."""
    norms: Tensor
    """float32 (parameters,): gradient norms before clipping, ordered as `Player.names`."""


def report_update(
    record: UpdateRecord,
    player: Player,
    networks: Mapping[str, nn.Module],
    batch: Tensor,
    noise: RandomStreams,
) -> NonFiniteReport:
    """Return what is known of an update that was not made. All ranks call this together.

    Args:
        batch: int64 indices of the real samples, over all ranks.
    """
    means = mean_over_ranks(torch.stack(list(record.terms.values()))).tolist()
    terms = dict(zip(record.terms, means, strict=True))
    norms = dict(zip(player.names, record.norms.tolist(), strict=True))
    weights = not_finite(networks)
    return NonFiniteReport(
        what=_summary(record, terms, norms, weights),
        step=record.step,
        samples_seen=record.samples_seen,
        player=player.name,
        repeat=record.repeat,
        skipped=player.skipped,
        terms=terms,
        gradient_norms=norms,
        weights=weights,
        batch=tuple(batch.tolist()),
        noise={
            "seed": noise.seed,
            "rollbacks": noise.rollbacks,
            "stream": f"{player.name}{record.repeat}",
        },
    )


def report_weights(weights: tuple[str, ...], step: int, samples_seen: int) -> NonFiniteReport:
    """Return the report of weights found between two updates; none means on another rank."""
    subject = _weights_are(weights) if weights else "a weight on another rank is"
    what = f"{subject} not finite after step {step}"
    return NonFiniteReport(what, step, samples_seen, weights=weights)


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
    # The largest absolute value of each, in few kernels and with one transfer to the host.
    largest = torch.stack(torch._foreach_norm(list(named.values()), math.inf))
    finite = torch.isfinite(largest).tolist()
    return tuple(name for name, is_finite in zip(named, finite, strict=True) if not is_finite)


def _summary(
    record: UpdateRecord,
    terms: Mapping[str, float],
    norms: Mapping[str, float],
    weights: tuple[str, ...],
) -> str:
    """Return one line about an update. Weights come first, since they explain the rest."""
    where = f"not finite in the {record.player}'s update at step {record.step}"
    if weights:
        return f"{_weights_are(weights)} {where}"
    if bad := [name for name, value in terms.items() if not math.isfinite(value)]:
        return f"the term {bad[0]!r} is {where}"
    if bad := [name for name, value in norms.items() if not math.isfinite(value)]:
        return f"the gradient of {bad[0]} is {where}"
    return f"the gradient's norm is {where}"


def _weights_are(weights: tuple[str, ...]) -> str:
    more = ", …" if len(weights) > SHOWN_WEIGHTS else ""
    return f"{', '.join(weights[:SHOWN_WEIGHTS])}{more} {'is' if len(weights) == 1 else 'are'}"


class UpdateSnapshot:
    """What an update changes even if no weight moves, so that a skipped update can be undone.

    These are the buffers of the networks (batch statistics, spectral norm's vectors) and the state
    of components.
    """

    def __init__(self, parts: Components) -> None:
        self.parts = parts
        self.before: list[tuple[nn.Module, str, Tensor]] = []
        self.states: dict[str, Any] = {}

    def take(self) -> None:
        """Copy the present state."""
        # A forward pass may replace a buffer, so they are looked up at each call.
        self.before = [
            (owner, name, buffer.clone())
            for network in self.parts.modules.values()
            for owner in network.modules()
            for name, buffer in owner.named_buffers(recurse=False)
        ]
        stateful = self.parts.stateful()
        self.states = {name: copy.deepcopy(part.state_dict()) for name, part in stateful.items()}

    @torch.no_grad()
    def restore(self) -> None:
        """Put back the state of the last `take`."""
        for owner, name, before in self.before:
            getattr(owner, name).copy_(before)
        for name, part in self.parts.stateful().items():
            part.load_state_dict(self.states[name])


@dataclass
class NonFinitePolicy:
    """Records every report, and applies the recipe's ``train.on_nonfinite``."""

    plan: Plan
    directory: RunDirectory
    processes: Processes
    reporters: Reporters

    @property
    def policy(self) -> str:
        """``stop``, ``skip`` or ``rollback``."""
        return self.plan.recipe.settings.train.on_nonfinite

    @property
    def file(self) -> Path:
        """The file of all reports."""
        return self.directory.nonfinite_file

    def record_skipped(self, reports: Iterable[NonFiniteReport]) -> None:
        """Record skipped updates: the first of every row."""
        for report in reports:
            self._record(report, "skipped")
            self.reporters.notify("noted", f"{report.what}: the update is skipped; see {self.file}")

    def handle(
        self, report: NonFiniteReport, rollbacks: int, go_back: Callable[[], Checkpoint | None]
    ) -> None:
        """Go back to the newest whole checkpoint, if the recipe allows it and it may still help.

        Args:
            rollbacks: of the run so far.
            go_back: restores a checkpoint and returns it, or returns None.

        Raises:
            Diverged: the run ends here.
        """
        allowed = self.policy == "rollback" and rollbacks < MAX_ROLLBACKS
        checkpoint = go_back() if allowed else None
        if checkpoint is None:
            self._record(report, "stopped")
            raise self._diverged(report, rollbacks) from None
        self._record(report, "rolled back")
        if self.processes.is_main:
            self.directory.append_event(
                "rolled back",
                step=report.step,
                to=checkpoint.step,
                rollbacks=rollbacks + 1,
                what=report.what,
            )
        self.reporters.notify(
            "noted",
            f"{report.what}: back to step {checkpoint.step}, with other noise from there "
            f"(rollback {rollbacks + 1} of {MAX_ROLLBACKS}); see {self.file}",
        )

    def _record(self, report: NonFiniteReport, outcome: str) -> None:
        """Append to the file on rank 0."""
        if self.processes.is_main:
            stamp = {"time": records.utc_now(), "attempt": self.directory.attempt}
            row = stamp | {"outcome": outcome} | report.record()
            records.append(self.file, row, durable=True)

    def _diverged(self, report: NonFiniteReport, rollbacks: int) -> Diverged:
        tried = ""
        if report.skipped > 1:
            tried = f", after {report.skipped - 1} skipped updates in a row"
        elif self.policy == "skip" and report.weights:
            tried = ", which skipping an update does not mend"
        elif rollbacks:
            tried = f", after {rollbacks} rollbacks"
        return Diverged(
            f"{report.what}{tried}; all that is known of it is in {self.file}",
            hint=hint_lower_lr(self.plan, self.directory, ("discriminator", "generator")),
        )
