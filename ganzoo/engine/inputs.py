"""What one update is given from outside: a real batch and noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.engine.feed import Lazy
from ganzoo.engine.noise import BatchNoise, NoiseLaw, Rows


@dataclass(frozen=True)
class Inputs:
    """The batch and the noise of one update, read and drawn when somebody asks.

    Args:
        prefix: of the names of its noise: the player and which of its updates in this step.
        rows: of the global batch, those that this process holds.
    """

    batch: Lazy
    law: NoiseLaw
    prefix: str
    step: int
    rows: Rows
    device: torch.device

    def real(self, part: Rows) -> tuple[Tensor, Tensor | None]:
        """Return (samples in model form, labels or None) of rows `part` of this process."""
        return self.batch.part(part)

    def noise(self, part: Rows) -> BatchNoise:
        """Return the noise of rows `part` of this process."""
        rows = Rows(self.rows.first + part.first, part.count)
        return BatchNoise(self.law, self.prefix, self.step, rows, self.device)
