"""Read windows from a file with one row a step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import DataError
from ganzoo_table.reading import read_source
from ganzoo_table.series.times import channel_of


def read_windows(path: Path, window: str, step: str, names: list[str], steps: int) -> Tensor:
    """Return windows in the order of their numbers, float64 (N, C, T).

    Args:
        window: name of the column of window numbers.
        step: name of the column of step numbers, 0 to T - 1 in each window.
        names: of the channels.
        steps: T.

    Raises:
        DataError: a column is missing or holds something else, or a window has other steps.
    """
    source = read_source(path)
    wanted = [window, step, *names]
    if sorted(source.columns) != sorted(wanted):
        found = ", ".join(source.columns)
        raise DataError(
            f"{path} has the columns {found[:300]}", hint=f"the columns are {', '.join(wanted)}"
        )
    cells = np.empty((source.rows, len(wanted)))
    for index, name in enumerate(wanted):
        stored = channel_of(source, name, "float")
        cells[:, index] = stored.values
        if np.isnan(stored.values).any():
            row = int(np.isnan(stored.values).argmax())
            raise DataError(f"{source.where(row)} has no {name}", hint="fill the cell")
    cells = cells[np.lexsort((cells[:, 1], cells[:, 0]))]
    numbers, starts, counts = np.unique(cells[:, 0], return_index=True, return_counts=True)
    for number, start, count in zip(numbers, starts, counts, strict=True):
        if count != steps or not np.array_equal(cells[start : start + count, 1], np.arange(steps)):
            raise DataError(
                f"{path}: the window {number:g} does not have the steps 0 to {steps - 1} once each",
                hint=f"a row for each of the {steps} steps of a window",
            )
    windows = cells[:, 2:].reshape(len(numbers), steps, len(names))
    return torch.from_numpy(np.ascontiguousarray(windows.transpose(0, 2, 1)))
