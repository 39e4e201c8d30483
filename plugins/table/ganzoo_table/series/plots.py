"""Draw windows as lines over time."""

from __future__ import annotations

from collections.abc import Sequence

import PIL.Image
import PIL.ImageDraw
from torch import Tensor

from ganzoo.api import Column

WIDTH, LANE, TITLE, GAP, MARGIN = 420, 64, 18, 8, 6
SHOWN_CHANNELS = 6
"""A plot has a lane for each of the first channels."""
INK, RULE, GENERATED, REAL = (60, 66, 76), (214, 218, 224), (200, 60, 40), (60, 66, 76)


def compared(columns: Sequence[Column], samples: Tensor, real: Tensor | None) -> PIL.Image.Image:
    """Return plots of windows (B, C, T): generated ones, and real ones on their right.

    Each channel has a lane on the scale of its range, which is written beside its name. Without
    real windows there are two generated ones in a row.
    """
    panels = [("generated", GENERATED, window) for window in samples]
    if real is not None:
        pairs = zip(panels, (("real", REAL, window) for window in real), strict=False)
        panels = [panel for pair in pairs for panel in pair]
    shown = columns[:SHOWN_CHANNELS]
    height = TITLE + LANE * len(shown)
    rows = -(-len(panels) // 2)
    size = (2 * WIDTH + 3 * GAP, rows * (height + GAP) + GAP)
    sheet = PIL.Image.new("RGB", size, "white")
    draw = PIL.ImageDraw.Draw(sheet)
    for index, (words, colour, window) in enumerate(panels):
        row, column = divmod(index, 2)
        left, top = GAP + column * (WIDTH + GAP), GAP + row * (height + GAP)
        draw.text((left, top), words, fill=colour)
        for lane, (about, values) in enumerate(zip(shown, window, strict=False)):
            _lane(draw, (left, top + TITLE + lane * LANE), about, values.tolist(), colour)
    return sheet


def _lane(
    draw: PIL.ImageDraw.ImageDraw,
    corner: tuple[int, int],
    column: Column,
    values: list[float],
    colour: tuple[int, int, int],
) -> None:
    """Draw one channel inside a frame; values beyond the range are drawn at its ends."""
    assert column.range is not None
    (left, top), (low, high) = corner, column.range
    bottom = top + LANE - 2
    draw.rectangle((left, top, left + WIDTH, bottom), outline=RULE)
    across = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    points = []
    for step, value in enumerate(values):
        share = (min(max(value, low), high) - low) / (high - low) if high > low else 0.5
        y = bottom - MARGIN - share * (LANE - 2 - 2 * MARGIN)
        points.append((left + MARGIN + step * across, y))
    draw.line(points, fill=colour, width=2)
    draw.text((left + 3, top), f"{column.name[:24]}  {low:.4g} to {high:.4g}", fill=INK)
