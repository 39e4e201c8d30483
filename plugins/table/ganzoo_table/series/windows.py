"""Windows of equal length over long series, in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.api import Column, SampleSpec

Values = NDArray[np.float64]


class Windows:
    """A data set of windows. They share the memory of the series where they overlap.

    Args:
        columns: the channels, with their ranges.
        values: float64 (L, C), the steps of all series, one after the other.
        starts: int64 (N,), the first step of each window.
        length: steps of a window.
        separator: of the cells in a file of such windows.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        values: Values,
        starts: NDArray[np.int64],
        length: int,
        separator: str = ",",
    ) -> None:
        self.values = torch.from_numpy(np.ascontiguousarray(values))
        self.starts = torch.from_numpy(starts)
        self.steps = torch.arange(length)
        self.spec = SampleSpec(
            "table/series",
            (len(columns), length),
            columns=tuple(columns),
            separator="" if separator == "," else separator,
        )

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> tuple[Tensor, None]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._at(self.starts[index : index + 1])[0], None

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, None]]:
        return [(window, None) for window in self._at(self.starts[indices])]

    def tensors(self) -> tuple[Tensor, None]:
        return self._at(self.starts), None

    def _at(self, starts: Tensor) -> Tensor:
        return self.values[starts[:, None] + self.steps].transpose(1, 2).contiguous()


def in_a_row(windows: Values) -> tuple[Values, NDArray[np.int64]]:
    """Return windows (N, T, C) that share nothing as one series (N T, C), and their starts."""
    count, length, channels = windows.shape
    return windows.reshape(-1, channels), np.arange(count) * length


def with_range(column: Column, values: Values) -> Column:
    """Return a column with the range of its values, which are those of the training split."""
    return column._replace(range=(float(values.min()), float(values.max())))
