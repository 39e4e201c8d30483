"""Windows of time series: float64 (C, T) in the units of the data. Line plots; csv, npz files."""

from __future__ import annotations

import csv
import math
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.api import Column, Modality, SampleSpec
from ganzoo.nn import written_cell
from ganzoo_table.series.files import read_windows
from ganzoo_table.series.plots import compared

WINDOW, STEP = "window", "step"
"""Columns of a csv beside the channels: numbers of the window and of the step, from 0."""
CSV_WINDOWS = 2
"""A preview has this many windows as csv."""


class Series(Modality):
    """Windows of one or several channels. Networks see each channel scaled to [-1, 1].

    The columns of the spec are the channels, of the kind ``float`` or ``integer``. The `range` of a
    column is that of the training windows: its ends are -1 and 1 in model form. Real values outside
    of it, in held-out windows, keep their place beyond -1 and 1; generated ones are clamped to it.
    """

    axes = 2
    stored_dtype = "float64"
    value_range = (-1.0, 1.0)
    preview_samples = 6

    def specs(self) -> tuple[SampleSpec, ...]:
        level = Column("level", range=(-2.0, 6.0), digits=3)
        count = Column("count", "integer", range=(0.0, 40.0))
        return (
            SampleSpec("table/series", (2, 24), columns=(level, count)),
            SampleSpec("table/series", (1, 17), columns=(level,)),
        )

    def check(self, spec: SampleSpec) -> None:
        """Raise ValueError unless each channel has a column of numbers with a range."""
        if len(spec.columns) != spec.shape[0]:
            raise ValueError(f"{spec.shape[0]} channels need as many columns")
        names = [column.name for column in spec.columns]
        if len({*names, WINDOW, STEP}) != len(names) + 2:
            raise ValueError(f"channels need different names, other than {WINDOW} and {STEP}")
        for column in spec.columns:
            if column.kind not in ("float", "integer"):
                raise ValueError(f"channel {column.name!r}: {column.kind!r} is no kind of number")
            if (
                column.range is None
                or not -math.inf < column.range[0] <= column.range[1] < math.inf
            ):
                raise ValueError(f"channel {column.name!r} has no finite range")

    def encode(self, spec: SampleSpec, stored: Tensor) -> Tensor:
        middle, half = _scale(spec, stored.device)
        return ((stored - middle) / torch.where(half > 0, half, 1)).float()

    def decode(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        """Return float64 (B, C, T), clamped to the range; integers are rounded."""
        middle, half = _scale(spec, samples.device)
        values = samples.double().clamp(-1, 1) * half + middle
        whole = torch.tensor([column.kind == "integer" for column in spec.columns])
        return torch.where(whole[:, None].to(values.device), values.round(), values)

    def unrounded(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        middle, half = _scale(spec, samples.device)
        return (samples.double().clamp(-1, 1) * half + middle).float()

    # --- previews and files ---

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Draw windows as lines, real ones on the right; the first windows also as csv."""
        buffer = BytesIO()
        compared(spec.columns, samples, real).save(buffer, format="PNG")
        rows = _csv(spec, samples[:CSV_WINDOWS], digits=6)
        return {".png": buffer.getvalue(), "-windows.csv": rows.encode()}

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        return (".csv", ".npz", ".png")

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write a csv with a row a step, an npz, or line plots as PNG."""
        if path.suffix.lower() == ".csv":
            path.write_text(_csv(spec, samples), encoding="utf-8")
        else:
            super().write(spec, path, samples)

    def read(self, spec: SampleSpec, path: Path, read_dataset: Any) -> Tensor:
        """Read a csv, tsv or parquet as `write` makes it; its columns and rows in any order."""
        names = [column.name for column in spec.columns]
        return read_windows(path, WINDOW, STEP, names, spec.shape[1])


def _scale(spec: SampleSpec, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the middle and the half of each channel's range, float64 (C, 1)."""
    ranges = torch.tensor([column.range for column in spec.columns], dtype=torch.float64)
    low, high = ranges.to(device).split(1, dim=1)
    return (low + high) / 2, (high - low) / 2


def _csv(spec: SampleSpec, samples: Tensor, digits: int | None = None) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n", delimiter=spec.separator or ",")
    writer.writerow([WINDOW, STEP, *(column.name for column in spec.columns)])
    for window, sample in enumerate(samples):
        for step, values in enumerate(sample.T.tolist()):
            cells = zip(spec.columns, values, strict=True)
            writer.writerow([window, step, *(written_cell(*cell, digits) for cell in cells)])
    return text.getvalue()
