"""Helpers for plugin authors: stored and model form, image sizes, labels, lines of text, moments.

For metrics: `Moments.of(features)`, and `frechet_distance` between two of them; `blocks_of_rows` to
read features block by block, and `RowsOnDisk` for other numbers of each sample. For sound:
`mel_filters`.
"""

from math import ceil
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from ganzoo.api import DataError, Evaluated, SampleSpec
from ganzoo.modalities.audio import mel_filters as mel_filters
from ganzoo.modalities.codec import MISSING as MISSING
from ganzoo.modalities.codec import Block as Block
from ganzoo.modalities.codec import blocks as blocks_of
from ganzoo.modalities.codec import options as options
from ganzoo.modalities.lines import END as END
from ganzoo.modalities.lines import FIELD as FIELD
from ganzoo.modalities.lines import UNKNOWN as UNKNOWN
from ganzoo.modalities.lines import Vocabulary as Vocabulary
from ganzoo.modalities.lines import lines_of as lines_of
from ganzoo.modalities.table_files import written_cell as written_cell
from ganzoo.moments import Moments as Moments
from ganzoo.moments import blocks_of_rows as blocks_of_rows
from ganzoo.moments import frechet_distance as frechet_distance
from ganzoo.rows import RowsOnDisk as RowsOnDisk
from ganzoo.rows import ordered_hash as ordered_hash

# --- stored and model form -----------------------------------------------------------------------


def encode(spec: SampleSpec, stored: Tensor) -> Tensor:
    """Return the float32 model form (B, *model_shape) of a batch in stored form.

    Images and video go from uint8 to [-1, 1], text from int64 (B, L) to one-hot (B, L, V).
    """
    return spec.kind.encode(spec, stored)


def decode(spec: SampleSpec, samples: Tensor) -> Tensor:
    """Return the stored form of a batch in model form: clamped, then rounded to the nearest.

    Text takes the most likely token. The inverse of `encode` on anything that `encode` returns.
    """
    return spec.kind.decode(spec, samples)


def blocks(spec: SampleSpec) -> tuple[Block, ...]:
    """Return which neighbouring values of a table's row in model form belong together."""
    return blocks_of(spec.columns)


# --- image sizes ---------------------------------------------------------------------------------


class Growth(NamedTuple):
    """Sizes of an image that grows from `base` to `full` by `doublings` doublings.

    Sizes are (height, width) in pixels. `full` is at least as large as the image; if it is larger,
    a generator crops its output and a discriminator pads its input with `centred`.
    """

    doublings: int
    base: tuple[int, int]
    full: tuple[int, int]


def growth(spec: SampleSpec, *, smallest: int = 4, fewest: int = 1) -> Growth:
    """Return the sizes by which a network grows to (or shrinks from) an image.

    The shorter side of the base has from `smallest` to 2 `smallest` - 1 pixels: 32x32 grows from
    4x4, 28x28 from 7x7, 12x20 from 6x10, 31x33 from 4x5 (to 32x40). If that takes less than
    `fewest` doublings, the base is smaller: with `fewest` 2, 8x8 grows from 2x2.

    Raises:
        ValueError: not an image, or one with a side below 2 `smallest`.
    """
    if len(spec.shape) != 3:
        raise ValueError(f"this network makes images, not {spec}")
    height, width, shorter = spec.height, spec.width, min(spec.height, spec.width)
    if shorter < 2 * smallest:
        raise ValueError(
            f"this network needs images of at least {2 * smallest}x{2 * smallest} pixels, "
            f"not {height}x{width}"
        )
    doublings = fewest
    while ceil(shorter / 2**doublings) >= 2 * smallest:
        doublings += 1
    base = (ceil(height / 2**doublings), ceil(width / 2**doublings))
    return Growth(doublings, base, (base[0] * 2**doublings, base[1] * 2**doublings))


def centred(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return x (..., H, W) cropped or zero-padded around its centre to `size` (height, width).

    Padding and then cropping to the first size gives x again.
    """
    rows, columns = size[0] - x.shape[-2], size[1] - x.shape[-1]
    if rows == columns == 0:
        return x
    top, left = int(rows / 2), int(columns / 2)
    return functional.pad(x, (left, columns - left, top, rows - top))


# --- labels --------------------------------------------------------------------------------------


def label_classes(spec: SampleSpec, conditional: bool) -> int:
    """Return the number of classes for a network: that of the data, or 0 if not conditional.

    Raises:
        ValueError: the network is conditional and the data has no classes.
    """
    if conditional and spec.condition:
        raise ValueError(f"this network takes classes, and the condition is {spec.condition}")
    if conditional and not spec.classes:
        raise ValueError(f"conditional: true needs labelled data, and {spec} has no classes")
    return spec.classes if conditional else 0


def required_labels(y: Tensor | None) -> Tensor:
    """Return y, or raise ValueError if a conditional network was called without labels."""
    if y is None:
        raise ValueError("a conditional network needs labels: it was called with y=None")
    return y


def class_labels(metric: str, side: Evaluated, otherwise: str) -> Tensor:
    """Return the classes of a side's samples, int64 (N,), for a metric that needs them.

    Args:
        metric: its name.
        otherwise: what the error says of samples without labels: "the reference has none".

    Raises:
        DataError: the samples have no labels, or conditions instead.
    """
    labels, hint = side.labels, f"remove {metric} from eval.metrics"
    if labels is None:
        raise DataError(f"the metric {metric!r} needs labels, and {otherwise}", hint=hint)
    if labels.dim() != 1:
        raise DataError(
            f"the metric {metric!r} needs classes, and the samples have conditions of shape "
            f"{tuple(labels.shape[1:])}",
            hint=hint,
        )
    return labels
