"""Draw windows as lines over time."""

from __future__ import annotations

from collections.abc import Sequence

import PIL.Image
import PIL.ImageDraw
import torch
from torch import Tensor

from ganzoo.api import Column

WIDTH, LANE, TITLE, GAP, MARGIN = 420, 64, 18, 8, 6
SHOWN_CHANNELS = 6
"""A plot has a lane for each of the first channels."""
INK, RULE, GENERATED = (60, 66, 76), (214, 218, 224), (200, 60, 40)


def compared(columns: Sequence[Column], samples: Tensor, real: Tensor | None) -> PIL.Image.Image:
    """Return plots of windows (B, C, T): generated ones, and real ones on their right.

    Each channel has a lane, on the scale of the windows that are shown, which is written beside its
    name. Without real windows, which `samples` may be themselves, there are two in a row.
    """
    lows, highs = _extent(samples if real is None else torch.cat([samples, real]))
    panels = [("", INK, window) for window in samples]
    if real is not None:
        panels = [("generated", GENERATED, window) for window in samples]
        pairs = zip(panels, (("real", INK, window) for window in real), strict=False)
        panels = [panel for pair in pairs for panel in pair]
    shown = columns[:SHOWN_CHANNELS]
    title = TITLE if real is not None else 0
    height = title + LANE * len(shown)
    rows = -(-len(panels) // 2)
    size = (2 * WIDTH + 3 * GAP, rows * (height + GAP) + GAP)
    sheet = PIL.Image.new("RGB", size, "white")
    draw = PIL.ImageDraw.Draw(sheet)
    for index, (words, colour, window) in enumerate(panels):
        row, column = divmod(index, 2)
        left, top = GAP + column * (WIDTH + GAP), GAP + row * (height + GAP)
        draw.text((left, top), words, fill=colour)
        for lane, about in enumerate(shown):
            corner, scale = (left, top + title + lane * LANE), (lows[lane], highs[lane])
            _lane(draw, corner, about.name, scale, window[lane].tolist(), colour)
    return sheet


def _extent(windows: Tensor) -> tuple[list[float], list[float]]:
    """Return the smallest and the largest value of each channel."""
    return windows.amin((0, 2)).tolist(), windows.amax((0, 2)).tolist()


def _lane(
    draw: PIL.ImageDraw.ImageDraw,
    corner: tuple[int, int],
    name: str,
    scale: tuple[float, float],
    values: list[float],
    colour: tuple[int, int, int],
) -> None:
    """Draw one channel inside a frame, from the lowest to the highest value of the scale."""
    (left, top), (low, high) = corner, scale
    bottom = top + LANE - 2
    draw.rectangle((left, top, left + WIDTH, bottom), outline=RULE)
    across = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    points = []
    for step, value in enumerate(values):
        share = (value - low) / (high - low) if high > low else 0.5
        y = bottom - MARGIN - share * (LANE - 2 - 2 * MARGIN)
        points.append((left + MARGIN + step * across, y))
    draw.line(points, fill=colour, width=2, joint="curve")
    draw.text((left + 3, top), f"{name[:24]}  {low:.4g} to {high:.4g}", fill=INK)
