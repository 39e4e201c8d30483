"""What one update is given from outside: a real batch and noise, live or held for a graph."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows, Sample
from ganzoo.training.feed import Batch


@dataclass(frozen=True)
class Inputs:
    """The batch and the noise of one update, read and drawn when somebody asks.

    Args:
        prefix: of the names of its noise: the player and which of its updates in this step.
        rows: of the global batch, those that this process holds.
    """

    batch: Batch
    law: RandomStreams
    prefix: str
    step: int
    samples_seen: int
    rows: Rows
    device: torch.device

    def real(self, part: Rows) -> tuple[Tensor, Tensor | None]:
        """Return (samples in model form, labels or None) of rows `part` of this process."""
        return self.batch.part(part)

    def noise(self, part: Rows) -> BatchNoise:
        """Return the noise of rows `part` of this process."""
        rows = Rows(self.rows.first + part.first, part.count)
        return BatchNoise(self.law, self.prefix, self.step, rows, self.device)


class HeldInputs:
    """Inputs in tensors that stay where they are.

    What an update asks for the first time is read or drawn, and kept; `fill` puts the numbers of
    another update of the same kind into the same tensors.
    """

    def __init__(self, live: Inputs) -> None:
        self.live = live
        self._real: dict[Rows, tuple[Tensor, Tensor | None]] = {}
        self._drawn: dict[tuple[str, Rows], tuple[Sample, Tensor]] = {}

    @property
    def step(self) -> int:
        """The step that is played, or captured."""
        return self.live.step

    @property
    def samples_seen(self) -> int:
        """Real images seen before it."""
        return self.live.samples_seen

    def real(self, part: Rows) -> tuple[Tensor, Tensor | None]:
        """Return what `Inputs.real` does."""
        if part not in self._real:
            samples, labels = self.live.real(part)
            self._real[part] = samples.clone(), None if labels is None else labels.clone()
        return self._real[part]

    def noise(self, part: Rows) -> BatchNoise:
        """Return noise as `Inputs.noise` does, drawn by `draw` below."""
        return replace(self.live.noise(part), law=self)

    def draw(self, stream: str, step: int, rows: Rows, sample: Sample) -> Tensor:
        """Return what `RandomStreams.draw` does, on the device."""
        key = stream.removeprefix(self.live.prefix), rows
        if key not in self._drawn:
            drawn = self.live.law.draw(stream, step, rows, sample)
            self._drawn[key] = sample, drawn.to(self.live.device)
        return self._drawn[key][1]

    def fill(self, live: Inputs) -> None:
        """Put the batch and the noise of another update in the place of the last one's."""
        self.live = live
        for part, (samples, labels) in self._real.items():
            fresh, fresh_labels = live.real(part)
            samples.copy_(fresh)
            if labels is not None and fresh_labels is not None:
                labels.copy_(fresh_labels)
        for (name, rows), (sample, kept) in self._drawn.items():
            drawn = live.law.draw(live.prefix + name, live.step, rows, sample)
            kept.copy_(drawn, non_blocking=True)
