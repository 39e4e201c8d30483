"""Objects on black that move with constant velocity and bounce off walls: a law that is known."""

from dataclasses import dataclass

import numpy as np
from ganzoo_zoo.datasets.counter import uniforms
from numpy.typing import NDArray

Array = NDArray[np.float64]

OBJECT = 3 / 8
"""Side of an object, of that of a frame."""

MARGIN = 0.65
"""Least distance of a centre of mass from the edge, in sides of the object, which is then whole."""

SLOWEST = 0.25
"""Shortest path of a clip, of the side of the room in which centres move; the longest is 1."""

DIRECTIONS = ("right", "down-right", "down", "down-left", "left", "up-left", "up", "up-right")
"""Eighths of the circle around these directions, in the order of the angle; y points down."""

CLIPS_AT_ONCE = 256


@dataclass(frozen=True)
class Law:
    """Of the centre of mass of an object, in pixels; the edge of a frame is at 0 and at `size`.

    The start is uniform in a square. The velocity has a uniform direction and a uniform length,
    with which a clip is 1/4 to 1 side of the square long; walls reflect it. A clip whose first step
    would cross a wall starts in the mirrored direction, so that the first step is the velocity.
    That changes no marginal law, because as many are mirrored either way.

    Args:
        size: height and width of a frame.
        frames: of a clip, 2 at least.
    """

    size: int
    frames: int

    @property
    def side(self) -> int:
        """Height and width of the object's picture."""
        return round(OBJECT * self.size)

    @property
    def room(self) -> tuple[float, float]:
        """Least and largest coordinate of a centre."""
        return MARGIN * self.side, self.size - MARGIN * self.side

    @property
    def speeds(self) -> tuple[float, float]:
        """Least and largest speed, in pixels a frame."""
        low, high = self.room
        fastest = (high - low) / (self.frames - 1)
        return SLOWEST * fastest, fastest

    def draw(self, stream: str, indices: NDArray[np.int64]) -> tuple[Array, Array]:
        """Return starts and velocities, (n, 2) each, as (x, y)."""
        u = uniforms(stream, indices, 4)
        (low, high), (slowest, fastest) = self.room, self.speeds
        start = low + (high - low) * u[:, :2]
        angle, speed = 2 * np.pi * u[:, 2], slowest + (fastest - slowest) * u[:, 3]
        velocity = speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        inside = (start + velocity >= low) & (start + velocity <= high)
        return start, np.where(inside, velocity, -velocity)

    def paths(self, start: Array, velocity: Array) -> Array:
        """Return the centres in each frame, (n, frames, 2)."""
        low, high = self.room
        times = np.arange(self.frames)[:, None]
        straight = start[:, None] - low + times * velocity[:, None]
        folded = np.mod(straight, 2 * (high - low))
        return low + np.minimum(folded, 2 * (high - low) - folded)


def directions(velocity: Array) -> NDArray[np.int64]:
    """Return the places in `DIRECTIONS` of velocities (n, 2)."""
    eighths = np.arctan2(velocity[:, 1], velocity[:, 0]) * 4 / np.pi
    return np.mod(np.rint(eighths), 8).astype(np.int64)


def clips(objects: Array, paths: Array, size: int) -> NDArray[np.uint8]:
    """Return clips of objects on black, uint8 (n, T, C, size, size).

    Objects are moved by linear interpolation, which keeps their centre of mass exactly.

    Args:
        objects: (n, C, side, side), levels from 0 to 255.
        paths: centres of mass, (n, T, 2), as (x, y).
    """
    side = objects.shape[-1]
    mass, pixels = objects.sum(1), np.arange(side) + 0.5
    total = mass.sum((1, 2))
    centre = np.stack([mass.sum(1) @ pixels, mass.sum(2) @ pixels], 1) / total[:, None]
    corner = (paths - centre[:, None])[..., None, None]  # (n, T, 2, 1, 1)
    apart = np.arange(size)[:, None] - np.arange(side) - corner
    weights = np.maximum(0, 1 - np.abs(apart))  # (n, T, 2, size, side)
    across, down = weights[:, :, 0], weights[:, :, 1]
    moved = down[:, :, None] @ objects[:, None] @ across[:, :, None].swapaxes(-1, -2)
    return np.rint(moved.clip(0, 255)).astype(np.uint8)
