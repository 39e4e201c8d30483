"""Grids of samples as PNG files."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ganzoo.api import SampleSpec

SMALLEST_CELL = 32
"""Images are enlarged by whole factors until they are at least this wide, in pixels."""
PLOT_SIZE = 512
PLOT_INK = (200, 60, 40)
PLOT_REAL = (190, 195, 205)


def picture(spec: SampleSpec, samples: Tensor, real: Tensor | None = None) -> Image.Image | None:
    """Return a picture of a batch in stored form, or None for data that has none.

    Images become a grid; points in the plane a scatter plot over `real` points in grey.
    """
    if spec.modality == "image":
        return grid(samples)
    if spec.modality == "vector" and spec.shape == (2,):
        return scatter(samples, samples if real is None else real)
    return None


def save_picture(
    path: Path, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
) -> Path | None:
    """Write `picture` as a PNG; return its path, or None where there is nothing to draw."""
    image = picture(spec, samples, real)
    if image is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def grid(samples: Tensor, columns: int | None = None) -> Image.Image:
    """Return uint8 images (B, C, H, W) in a grid, 2 pixels apart, as near to square as can be.

    Grey and RGB are shown as they are; of any other number of channels the first is.
    """
    samples = samples if samples.shape[1] in (1, 3) else samples[:, :1]
    count, channels, height, width = samples.shape
    columns = columns or max(1, round((count * height / width) ** 0.5))
    rows = -(-count // columns)
    sheet = torch.full(
        (channels, rows * (height + 2) + 2, columns * (width + 2) + 2), 255, dtype=torch.uint8
    )
    for index, sample in enumerate(samples):
        top = 2 + index // columns * (height + 2)
        left = 2 + index % columns * (width + 2)
        sheet[:, top : top + height, left : left + width] = sample
    array = sheet.permute(1, 2, 0).numpy()
    image = Image.fromarray(np.ascontiguousarray(array[:, :, 0] if channels == 1 else array))
    factor = max(1, -(-SMALLEST_CELL // width))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def scatter(points: Tensor, real: Tensor) -> Image.Image:
    """Return a plot of points (B, 2) over `real` ones, on the real ones' own scale."""
    low, high = real.min(0).values, real.max(0).values
    margin = 0.1 * (high - low).clamp(min=1e-6)
    low, high = low - margin, high + margin
    image = Image.new("RGB", (PLOT_SIZE, PLOT_SIZE), "white")
    draw = ImageDraw.Draw(image)
    for cloud, colour in ((real, PLOT_REAL), (points, PLOT_INK)):
        places = (cloud - low) / (high - low) * (PLOT_SIZE - 1)
        for x, y in places.tolist():
            top = PLOT_SIZE - 1 - y
            draw.ellipse((x - 1.5, top - 1.5, x + 1.5, top + 1.5), fill=colour)
    return image
