"""Vectors: float32 (D,), without a range. Scatter plots; npz and csv files."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import PIL.Image

from ganzoo.errors import DataError
from ganzoo.modalities import Modality, ReadDataset, SampleSpec
from ganzoo.modalities.drawing import GENERATED, REAL, bars, outline, panel, png
from ganzoo.untrusted import read_text, reading

if TYPE_CHECKING:
    from torch import Tensor

PLOT_SIZE = 512
BINS = 64


class Vector(Modality):
    """Points in a space of D dimensions."""

    axes = 1
    preview_samples = 2048
    plain_extractors = ("pixels",)

    def specs(self) -> tuple[SampleSpec, ...]:
        return (SampleSpec("vector", (2,), classes=8),)

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Plot the samples over real ones: in the plane, or on the two principal axes of the data.

        One dimension becomes a histogram.
        """
        reference = samples if real is None else real
        if spec.shape[0] == 1:
            return {".png": png(_histogram(samples, reference))}
        if spec.shape[0] > 2:
            middle, axes = principal_axes(reference)
            samples, reference = (samples - middle) @ axes, (reference - middle) @ axes
        return {".png": png(scatter(samples, reference))}

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        return (".png", ".npz", ".csv")

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write a plot, an npz, or a csv with one sample a row under the heading x0, x1, …"""
        if path.suffix.lower() == ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(f"x{index}" for index in range(spec.shape[0]))
                writer.writerows(samples.numpy())  # float32 prints with the digits that it has
        else:
            super().write(spec, path, samples)

    def read(self, spec: SampleSpec, path: Path, read_dataset: ReadDataset) -> Tensor:
        """Read a csv of numbers; a first row of words is a heading."""
        import torch

        if path.suffix.lower() != ".csv" or not path.is_file():
            raise DataError(f"{path} is neither csv nor npz", hint="np.savez(FILE, samples=ARRAY)")
        rows = []
        text = read_text(path)
        with reading(path, "save it as UTF-8"):
            for number, row in enumerate(csv.reader(StringIO(text, newline="")), start=1):
                try:
                    rows.append([float(cell) for cell in row])
                except ValueError:
                    if number > 1:
                        raise DataError(
                            f"{path}:{number}  a cell is not a number",
                            hint="one sample a row, one number a cell",
                        ) from None
        if any(len(row) != len(rows[0]) for row in rows):
            raise DataError(
                f"{path}: its rows have different lengths", hint="one number a cell, no gaps"
            )
        width = len(rows[0]) if rows else spec.shape[0]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(rows), width)


def scatter(points: Tensor, real: Tensor) -> PIL.Image.Image:
    """Return a plot of points (B, 2) over real ones, on the scale of the real ones."""
    low, high = real.min(0).values, real.max(0).values
    margin = 0.1 * (high - low).clamp(min=1e-6)
    low, high = low - margin, high + margin
    image, draw = panel(PLOT_SIZE, PLOT_SIZE)
    for cloud, colour in ((real, REAL), (points, GENERATED)):
        places = (cloud - low) / (high - low) * (PLOT_SIZE - 1)
        for x, y in places.tolist():
            top = PLOT_SIZE - 1 - y
            draw.ellipse((x - 1.5, top - 1.5, x + 1.5, top + 1.5), fill=colour)
    return image


def principal_axes(real: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean (D,) of the samples and their two principal axes (D, 2)."""
    import torch

    middle = real.mean(0)
    axes = torch.linalg.svd(real - middle, full_matrices=False).Vh.T[:, :2]
    return middle, axes


def _histogram(samples: Tensor, real: Tensor) -> PIL.Image.Image:
    image, draw = panel(PLOT_SIZE, PLOT_SIZE // 2)
    box = (8, 8, PLOT_SIZE - 8, PLOT_SIZE // 2 - 8)
    found, wanted = histograms(samples[:, 0].double(), real[:, 0].double(), BINS)
    bars(draw, box, found)
    outline(draw, box, wanted)
    return image


def histograms(samples: Tensor, real: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Return the shares of values (N,) in equal bins over the real range, each from 0 to 1.

    Values outside count in the first and the last bin. The largest share of both is 1.
    """
    import torch

    low, high = real.min().item(), real.max().item()
    if not low < high:
        low, high = low - 0.5, high + 0.5
    both = []
    for values in (samples, real):
        counted = torch.histc(values.clamp(low, high), bins, low, high)
        both.append(counted / max(1, len(values)))
    largest = max(each.max().item() for each in both) or 1.0
    return both[0] / largest, both[1] / largest
