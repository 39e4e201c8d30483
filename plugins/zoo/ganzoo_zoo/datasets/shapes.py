"""Procedural RGB images of ten shapes, at any size: data without a file.

An image is a shape with random radius, position, rotation and colour on a background with a soft
gradient of brightness. Edges are antialiased by the signed distance to the outline. Everything is
computed from (split, index) in float64, so an image is the same in any order and on any machine.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.api import Ge, Gt, Le, PositiveInt, SampleSpec, SourceFile
from ganzoo_zoo.datasets.counter import uniforms
from ganzoo_zoo.datasets.splits import require_index, require_split

SPLITS = ("train", "test", "extractor")
Size = Annotated[int, Ge(8)]
Radius = Annotated[float, Gt(0), Le(1)]
Array = NDArray[np.float64]
IMAGES_AT_ONCE = 256
RADIUS = (0.5, 0.9)
"""Smallest and largest radius of a shape; the shorter side of an image is 2."""


# --- outlines: signed distance to each shape of about radius 1; negative inside ------------------


def disc(x: Array, y: Array) -> Array:
    return np.sqrt(x * x + y * y) - 0.8


def ring(x: Array, y: Array) -> Array:
    return np.abs(np.sqrt(x * x + y * y) - 0.68) - 0.2


def box(x: Array, y: Array, half_width: float, half_height: float) -> Array:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def square(x: Array, y: Array) -> Array:
    return box(x, y, 0.68, 0.68)


def triangle(x: Array, y: Array) -> Array:
    sides = np.maximum(np.abs(x) * 0.75**0.5 - y * 0.5, y)
    return sides - 0.5


def cross(x: Array, y: Array) -> Array:
    return np.minimum(box(x, y, 0.92, 0.25), box(x, y, 0.25, 0.92))


def bars(x: Array, y: Array) -> Array:
    """Three parallel bars; |y| maps the two outer ones onto each other."""
    return np.minimum(box(x, y, 0.7, 0.15), box(x, np.abs(y) - 0.55, 0.7, 0.15))


def star(x: Array, y: Array) -> Array:
    """Five points: distance to the edge between the nearest tip and the notch next to it."""
    turns = np.arange(5) * (2 * np.pi / 5)
    up = np.max([x * np.sin(turn) + y * np.cos(turn) for turn in turns], axis=0)
    aside = np.sqrt(np.maximum(x * x + y * y - up * up, 0))
    edge_x, edge_y = 0.42 * np.sin(np.pi / 5), 0.42 * np.cos(np.pi / 5) - 1
    return (edge_x * (up - 1) - edge_y * aside) / np.hypot(edge_x, edge_y)


def heart(x: Array, y: Array) -> Array:
    """A square standing on a corner, with a disc on each of its two upper edges."""
    x, y, half = np.abs(x), y + 0.15, 0.47
    u, v = (x + y) * 0.5**0.5, (y - x) * 0.5**0.5
    lobe = np.sqrt((u - half) ** 2 + v * v) - half
    return np.minimum(box(u, v, half, half), lobe)


def crescent(x: Array, y: Array) -> Array:
    bite = np.sqrt((x - 0.45) ** 2 + y * y) - 0.62
    return np.maximum(np.sqrt(x * x + y * y) - 0.88, -bite)


def hourglass(x: Array, y: Array) -> Array:
    return np.maximum((np.abs(x) - np.abs(y)) * 0.5**0.5 - 0.06, np.abs(y) - 0.66)


OUTLINES: tuple[Callable[[Array, Array], Array], ...] = (
    disc,
    ring,
    square,
    triangle,
    cross,
    bars,
    star,
    heart,
    crescent,
    hourglass,
)


# --- pictures ------------------------------------------------------------------------------------


def rgb(hue: Array, saturation: Array, lightness: Array) -> Array:
    """Return (n, 3) colours in [0, 1] from HSL coordinates in [0, 1], each (n,)."""
    k = (np.array([0.0, 8.0, 4.0]) + hue[:, None] * 12) % 12
    chroma = (saturation * np.minimum(lightness, 1 - lightness))[:, None]
    return lightness[:, None] - chroma * np.clip(np.minimum(k - 3, 9 - k), -1, 1)


def draw(
    stream: str,
    indices: NDArray[np.int64],
    height: int,
    width: int,
    radius: tuple[float, float],
    rotate: bool,
) -> NDArray[np.uint8]:
    """Return the images with these indices, uint8 (n, 3, height, width)."""
    u = uniforms(stream, indices, 12).T[..., None, None]
    if not rotate:
        u[3] = 0
    rows = (np.arange(height)[:, None] + 0.5) * 2 - height
    columns = (np.arange(width)[None, :] + 0.5) * 2 - width
    y, x = rows / min(height, width), columns / min(height, width)
    foreground, background = colours(u[5:10, :, 0, 0])
    light = 0.12 * (np.cos(2 * np.pi * u[4]) * x + np.sin(2 * np.pi * u[4]) * y)[:, None]
    behind = background[..., None, None] + light
    covered = coverage(u[:4], indices % len(OUTLINES), x, y, radius)[:, None]
    picture = behind + covered * (foreground[..., None, None] - behind)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def coverage(
    u: Array,
    labels: NDArray[np.int64],
    x: Array,
    y: Array,
    radius: tuple[float, float] = RADIUS,
) -> Array:
    """Return the fraction of each pixel that the shapes cover, (n, height, width) in [0, 1].

    `u` (4, n, 1, 1) sets the radius, between the two values of `radius`, the position in x and y,
    and the rotation. `x` and `y` are pixel centres; the shorter side of the image runs from -1 to
    1.
    """
    smallest, largest = radius
    pixel = 2 / min(x.shape[-1], y.shape[-2])
    r = smallest + (largest - smallest) * u[0]
    x = x - (2 * u[1] - 1) * (np.abs(x).max() + pixel / 2 - r)
    y = y - (2 * u[2] - 1) * (np.abs(y).max() + pixel / 2 - r)
    c, s = np.cos(2 * np.pi * u[3]) / r, np.sin(2 * np.pi * u[3]) / r
    x, y = c * x + s * y, c * y - s * x
    distance = np.empty(x.shape)
    for label, outline in enumerate(OUTLINES):
        these = labels == label
        distance[these] = outline(x[these], y[these])
    return np.clip(0.5 - distance * r / pixel, 0, 1)


def colours(u: Array) -> tuple[Array, Array]:
    """Return foreground and background, (n, 3) each: a strong colour on a dark or a pale one.

    Their hues differ by at least a fifth of the colour wheel. `u` is (5, n).
    """
    dark = u[0] < 0.5
    shade = np.where(dark, 0.1 + 0.4 * u[0], 0.59 + 0.22 * u[0])
    background = rgb(u[1], 0.15 + 0.5 * u[2], shade)
    foreground = rgb(u[1] + 0.2 + 0.6 * u[3], 0.65 + 0.35 * u[4], np.where(dark, 0.58, 0.45))
    return foreground, background


class Shapes:
    """Procedural RGB shapes of ten classes, at any size.

    Classes: disc, ring, square, triangle, cross, bars, star, heart, crescent, hourglass. The label
    of an image is its index modulo 10, in this order.

    Args:
        split: train, test, or extractor, on which `toy-cnn` was trained.
        size: side in pixels, or height and width.
        length: number of images.
        radius: smallest and largest radius of a shape; 1 is half of the shorter side.
        rotate: turn each shape by a random angle; false leaves all upright.

    Raises:
        DataError: no such split.
        ValueError: the smallest radius is above the largest.
    """

    def __init__(
        self,
        split: str,
        *,
        size: Size | tuple[Size, Size] = 32,
        length: PositiveInt = 5000,
        radius: tuple[Radius, Radius] = RADIUS,
        rotate: bool = True,
    ) -> None:
        require_split("shapes", split, SPLITS)
        if radius[0] > radius[1]:
            raise ValueError(
                f"radius: {list(radius)} has the largest first; the smallest comes first"
            )
        height, width = (size, size) if isinstance(size, int) else size
        self.split = split
        self.length = length
        self.radius, self.rotate = radius, rotate
        self.spec = SampleSpec("image", (3, height, width), classes=len(OUTLINES))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        index = require_index(index, self.length)
        return self._draw(np.array([index]))[0], index % len(OUTLINES)

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        chosen = [require_index(index, self.length) for index in indices]
        parts = np.split(np.array(chosen), range(IMAGES_AT_ONCE, len(chosen), IMAGES_AT_ONCE))
        images = (image for part in parts for image in self._draw(part))
        return [(image, i % len(OUTLINES)) for image, i in zip(images, chosen, strict=True)]

    @property
    def labels(self) -> Tensor:
        """The classes of all images, int64 (length,)."""
        return torch.arange(self.length) % len(OUTLINES)

    def source_files(self) -> dict[str, SourceFile]:
        """Return nothing: the samples depend on the parameters alone."""
        return {}

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return uint8 (length, 3, height, width) and int64 (length,)."""
        blocks = np.split(
            np.arange(self.length), range(IMAGES_AT_ONCE, self.length, IMAGES_AT_ONCE)
        )
        return torch.cat([self._draw(block) for block in blocks]), self.labels

    def _draw(self, indices: NDArray[np.int64]) -> Tensor:
        stream = f"shapes/{self.split}"
        size = self.spec.height, self.spec.width
        return torch.from_numpy(draw(stream, indices, *size, self.radius, self.rotate))
