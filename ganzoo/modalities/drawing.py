"""What several previews draw with: PNG bytes, panels under each other, colours, a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from torch import Tensor

GENERATED = (200, 60, 40)
REAL = (190, 195, 205)
INK = (60, 66, 76)
RULE = (214, 218, 224)
CHANNELS = ((5, 80, 174), (179, 89, 0), (17, 99, 41), (164, 14, 38), (102, 57, 186))
"""Line colours of several channels, used in turn."""

_HEAT = np.array(
    [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], dtype=np.float64
)
"""Five colours of the perceptually uniform map "inferno", dark to light."""


def png(image: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def panel(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return a white picture and something to draw on it with."""
    image = Image.new("RGB", (width, height), "white")
    return image, ImageDraw.Draw(image)


def arranged(panels: Sequence[Image.Image], columns: int = 1, gap: int = 6) -> Image.Image:
    """Return panels of one size in rows of `columns`, `gap` pixels apart, on white."""
    width, height = panels[0].size
    rows = -(-len(panels) // columns)
    size = (columns * (width + gap) + gap, rows * (height + gap) + gap)
    sheet = Image.new("RGB", size, "white")
    for index, each in enumerate(panels):
        row, column = divmod(index, columns)
        sheet.paste(each, (gap + column * (width + gap), gap + row * (height + gap)))
    return sheet


def heat_map(values: Tensor, width: int, height: int) -> Image.Image:
    """Return values (rows, columns) from 0 to 1 as colours, the first row at the bottom."""
    positions = values.flip(0).clamp(0, 1).double().numpy() * (len(_HEAT) - 1)
    low = np.minimum(positions.astype(int), len(_HEAT) - 2)
    part = (positions - low)[..., None]
    colours = _HEAT[low] * (1 - part) + _HEAT[low + 1] * part
    image = Image.fromarray(colours.round().astype(np.uint8))
    return image.resize((width, height), Image.Resampling.BILINEAR)


def bars(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], heights: Tensor) -> None:
    """Draw a histogram of generated samples: filled bars of heights from 0 to 1 inside a box."""
    left, top, right, bottom = box
    step = (right - left) / len(heights)
    for index, height in enumerate(heights.tolist()):
        if height > 0:
            x = left + index * step
            up = bottom - height * (bottom - top)
            draw.rectangle((x, up, max(x, x + step - 2), bottom), fill=GENERATED)


def outline(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], heights: Tensor) -> None:
    """Draw a histogram of real samples over the bars: a stepped line inside a box."""
    left, top, right, bottom = box
    step = (right - left) / len(heights)
    points: list[tuple[float, float]] = [(left, bottom)]
    for index, height in enumerate(heights.tolist()):
        y = bottom - height * (bottom - top)
        points += [(left + index * step, y), (left + (index + 1) * step, y)]
    draw.line([*points, (right, bottom)], fill=INK, width=2)
