"""Tensor helpers for plugin authors: between stored and model form, and parts of networks.

For metrics: `Moments.of(features)`, and `frechet_distance` between two of them.
"""

from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from ganzoo.api import SampleSpec
from ganzoo.moments import Moments as Moments
from ganzoo.moments import frechet_distance as frechet_distance

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


# --- image sizes ---------------------------------------------------------------------------------


class Growth(NamedTuple):
    """How an image is reached by doubling: from `base`, `doublings` times, to `full`.

    `full` covers the image; where it is larger, a generator crops and a discriminator pads
    (`centred`). Both are (height, width) in pixels.
    """

    doublings: int
    base: tuple[int, int]
    full: tuple[int, int]


def growth(spec: SampleSpec, *, smallest: int = 4, fewest: int = 1) -> Growth:
    """Return how to grow to an image from a base whose shorter side is smallest … 2 smallest - 1.

    32x32 grows from 4x4, 28x28 from 7x7, 12x20 from 6x10, 31x33 from 4x5 (to 32x40). Where that
    takes fewer than `fewest` doublings, the base is smaller: 8x8 grows from 2x2 if asked for two.

    Raises:
        ValueError: not an image, or one too small to be doubled once from `smallest`.
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

    Cropping back what was padded gives x again.
    """
    rows, columns = size[0] - x.shape[-2], size[1] - x.shape[-1]
    if rows == columns == 0:
        return x
    top, left = int(rows / 2), int(columns / 2)
    return functional.pad(x, (left, columns - left, top, rows - top))


# --- parts of networks ---------------------------------------------------------------------------


def label_classes(spec: SampleSpec, conditional: bool) -> int:
    """Return how many classes a network is to know: those of the data, or 0 if unconditional.

    Raises:
        ValueError: a conditional network for data without labels.
    """
    if conditional and not spec.classes:
        raise ValueError(f"conditional: true needs labelled data, and {spec} has no classes")
    return spec.classes if conditional else 0


def required_labels(y: Tensor | None) -> Tensor:
    """Return y, or raise ValueError: a conditional network was called without labels."""
    if y is None:
        raise ValueError("a conditional network needs labels: it was called with y=None")
    return y


class ConditionalBatchNorm2d(nn.Module):
    """Batch norm whose gain and shift are looked up by label; a plain one where `classes` is 0.

    Gains start as N(1, 0.02), shifts at 0. de Vries et al. 2017, arXiv:1707.00683, in the form of
    Miyato & Koyama 2018, arXiv:1802.05637: one row of gains and shifts a class.
    """

    def __init__(self, channels: int, classes: int = 0) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not classes)
        self.rows = nn.Embedding(classes, 2 * channels) if classes else None
        if self.rows is not None:
            nn.init.normal_(self.rows.weight[:, :channels], 1, 0.02)
            nn.init.zeros_(self.rows.weight[:, channels:])

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Normalise x (B, C, H, W) over the batch; y is (B,) int64, ignored where classes is 0."""
        x = self.norm(x)
        if self.rows is None:
            return x
        gain, shift = self.rows(required_labels(y)).to(x.dtype)[..., None, None].chunk(2, dim=1)
        return torch.addcmul(shift, gain, x)


class Projection(nn.Embedding):
    """The inner product of a learned vector of the label with features, added to D's logit.

    Miyato & Koyama 2018, arXiv:1802.05637, eq. 3.
    """

    def __init__(self, classes: int, features: int) -> None:
        super().__init__(classes, features)
        nn.init.xavier_uniform_(self.weight)

    def forward(self, features: Tensor, y: Tensor | None) -> Tensor:  # type: ignore[override]
        """Return <v_y, features>, (B,), of features (B, features) and labels (B,) int64."""
        return (super().forward(required_labels(y)) * features).sum(1)


def add_spectral_norm(network: nn.Module, eps: float = 1e-12) -> None:
    """Divide each weight of convolutions, linear layers and projections by its spectral norm.

    One step of power iteration a forward pass in training mode. Initialise the weights before:
    the first estimate (15 steps) is of the weights as they are now, and evaluation mode keeps it.

    Args:
        eps: floor of the norms that the power iteration divides by; peers use 1e-12 or 1e-6.

    Source: Miyato et al. 2018, arXiv:1802.05957, algorithm 1.
    """
    weighted = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, Projection)
    for layer in [module for module in network.modules() if isinstance(module, weighted)]:
        parametrizations.spectral_norm(layer, eps=eps)
