"""Tables: rows of float64 (D,) by their columns. Histograms beside the real ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import PIL.Image

from ganzoo.errors import DataError
from ganzoo.modalities import (
    COLUMN_KINDS,
    Column,
    Modality,
    ReadDataset,
    SampleSpec,
    codec,
    table_files,
)
from ganzoo.modalities.codec import options as _options
from ganzoo.modalities.drawing import INK, arranged, bars, outline, panel, png
from ganzoo.modalities.vector import histograms

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SHOWN_ROWS = 8
SHOWN_COLUMNS = 24
"""A preview has this many rows as csv, and a histogram of each of the first columns."""

WIDTH, HEIGHT, BINS = 224, 128, 24


class Table(Modality):
    """Rows whose columns are numbers, booleans, points in time and categories."""

    axes = 1
    stored_dtype = "float64"
    preview_samples = 2048

    def specs(self) -> tuple[SampleSpec, ...]:
        columns = (
            Column("height", missing=True, modes=((0.7, 0.0, 1.0), (0.3, 9.0, 2.0)), points=(5.0,)),
            Column("age", "integer"),
            Column("member", "boolean"),
            Column("colour", "category", ("red", "green", "blue")),
        )
        return (SampleSpec("table", (4,), classes=2, columns=columns),)

    def check(self, spec: SampleSpec) -> None:
        if len(spec.columns) != spec.shape[0]:
            raise ValueError(
                f"rows of {spec.shape[0]} values need as many columns, not {len(spec.columns)}"
            )
        if len({column.name for column in spec.columns}) != len(spec.columns):
            raise ValueError("two columns have the same name")
        if len(spec.separator) > 1:
            raise ValueError(f"a separator of cells is one character, not {spec.separator!r}")
        for column in spec.columns:
            if column.kind not in COLUMN_KINDS:
                known = ", ".join(COLUMN_KINDS)
                raise ValueError(f"column {column.name!r}: unknown kind {column.kind!r}; {known}")
            if (column.kind == "category") != bool(column.categories):
                raise ValueError(f"column {column.name!r}: categories are for the kind 'category'")

    def model_shape(self, spec: SampleSpec) -> tuple[int, ...]:
        return (sum(block.size for block in codec.blocks(spec.columns)),)

    def encode(self, spec: SampleSpec, stored: Tensor) -> Tensor:
        return codec.encode(spec.columns, stored)

    def decode(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        """Return rows as float64; integers come back as integers, everything within its range."""
        return codec.decode(spec.columns, samples)

    def unrounded(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        return self.decode(spec, samples).float()

    def random(self, spec: SampleSpec, count: int, generator: torch.Generator) -> Tensor:
        """Return valid rows in model form: places within modes, one-hot choices."""
        import torch

        parts = []
        for block in codec.blocks(spec.columns):
            drawn = torch.randn(count, block.size, generator=generator)
            if block.kind == "choice":
                drawn = torch.nn.functional.one_hot(drawn.argmax(1), block.size).float()
            elif spec.columns[block.column].modes:
                drawn = drawn.tanh()
            parts.append(drawn)
        return self.encode(spec, self.decode(spec, torch.cat(parts, 1)))

    def finite(self, spec: SampleSpec, stored: Tensor) -> Tensor:
        """Return which rows miss no value but in columns that may miss some."""
        import torch

        may_miss = torch.tensor([column.missing for column in spec.columns])
        return (stored.isfinite() | (stored.isnan() & may_miss)).all(1)

    def invalid(self, spec: SampleSpec, sample: Tensor) -> str | None:
        if not bool(self.finite(spec, sample[None])):
            return "values that are not finite"
        for column, value in zip(spec.columns, sample.tolist(), strict=True):
            if math.isnan(value):
                continue
            options = _options(column)
            whole = column.kind == "float" or value == round(value)
            if not whole or (options and not 0 <= value < len(options)):
                return f"{value:g} in the column {column.name!r}, of the kind {column.kind}"
        return None

    # --- previews and files ---

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Draw a histogram of each column beside the real one, and bring the first rows as csv."""
        reference = samples if real is None else real
        panels = [
            _histogram(column, samples[:, index], reference[:, index])
            for index, column in enumerate(spec.columns[:SHOWN_COLUMNS])
        ]
        rows = table_files.text_of(spec.columns, samples[:SHOWN_ROWS], digits=6)
        return {".png": png(arranged(panels, min(3, len(panels)))), "-rows.csv": rows.encode()}

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        return (".csv", ".tsv", ".parquet", ".npz", ".png")

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write a csv, tsv or parquet file by the columns' names, an npz, or histograms as PNG."""
        suffix = path.suffix.lower()
        if suffix in table_files.SEPARATORS:
            text = table_files.text_of(spec.columns, samples, _separator(spec, suffix))
            path.write_text(text, encoding="utf-8")
        elif suffix == ".parquet":
            table_files.write_parquet(spec.columns, samples, path)
        else:
            super().write(spec, path, samples)

    def read(self, spec: SampleSpec, path: Path, read_dataset: ReadDataset) -> Tensor:
        """Read a csv or tsv file whose first row names the columns, or parquet; in any order."""
        suffix = path.suffix.lower()
        if not path.is_file() or suffix not in (*table_files.SEPARATORS, ".parquet"):
            what = f"{path} is none of csv, tsv, parquet and npz"
            raise DataError(what, hint="save the rows as csv")
        if suffix == ".parquet":
            return table_files.read_parquet(spec.columns, path)
        return table_files.read_text_file(spec.columns, path, _separator(spec, suffix))


def _separator(spec: SampleSpec, suffix: str) -> str:
    """Return what separates the cells of a text file."""
    return table_files.SEPARATORS[suffix] or spec.separator or ","


def _histogram(column: Column, samples: Tensor, real: Tensor) -> PIL.Image.Image:
    """Draw a column's histogram under its name: filled for generated, outlined for real."""
    image, draw = panel(WIDTH, HEIGHT)
    bins = min(BINS, len(_options(column))) or BINS
    samples, real = samples[samples.isfinite()], real[real.isfinite()]
    draw.text((4, 2), column.name[:32], fill=INK)
    if len(samples) and len(real):
        box = (4, 20, WIDTH - 4, HEIGHT - 4)
        found, wanted = histograms(samples, real, bins)
        bars(draw, box, found)
        outline(draw, box, wanted)
    return image
