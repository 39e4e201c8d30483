"""ADA's augmentation pipeline, with a probability that adapts to how much D overfits."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import Fraction, Noise, PositiveInt, SampleSpec
from ganzoo_zoo.blocks.adaptive import AdaptiveProbability

Group = Literal["blit", "geometry", "color", "filter", "noise", "cutout"]

# fmt: off
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)
SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)
# fmt: on
"""Low-pass filters of Daubechies' least asymmetric wavelets with 6 and 2 vanishing moments, whose
taps have the sum sqrt(2). Source: Daubechies 1992, Ten Lectures on Wavelets, table 6.3.
"""

BANDS = 4
EXPECTED_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""Power of natural images in each band, low frequencies first (1/f law), as the authors set it."""


class AdaptiveAugment(nn.Module):
    """Augment all that D sees, each operation with a probability p that follows D's overfitting.

    While r, the mean sign of D's real logits, is above `target`, p rises by 1 in `ada_samples` real
    samples; below it falls as fast. Each image draws each operation and its strength by itself. The
    operations of each group, in their order, with N normal and U uniform:

    * ``blit``: mirror left to right (half of the images that are chosen); turn by 0, 90, 180 or 270
      degrees; shift by whole pixels, up to 1/8 of each side.
    * ``geometry``: scale by 2^N(0, 0.2²); turn by U(-π, π), before or after scaling x by s and y by
      1/s with s = 2^N(0, 0.2²); shift by N(0, 1/8²) of each side. Both turns have the probability
      1 - sqrt(1 - p), so that p is the probability of any.
    * ``color``: add N(0, 0.2²); multiply by 2^N(0, 0.5²); reflect brightness (half of those
      chosen); turn the hue by U(-π, π); multiply saturation by 2^N(0, 1). Grey images have no hue
      and no saturation.
    * ``filter``: multiply each of four bands of frequencies by 2^N(0, 1), and divide by the
      expected change of power.
    * ``noise``: add noise of sd |N(0, 0.1²)|.
    * ``cutout``: a window of half of each side, with its centre anywhere in the image, becomes 0.

    The result may leave [-1, 1]. All geometry is one resampling: upsampling by 2 with the filter
    sym6, bilinear interpolation, and downsampling. Outside of it the image is reflected.

    Differences from the authors' code: an image for which no operation of a group is drawn stays as
    it is, exactly; the reflection goes on without end, where theirs ends one image away; p is at
    most 1.

    Args:
        pipe: groups of operations, always in the order above. The authors use blit, geometry and
            color ("bgc").
        p: probability at the start.
        target: of r; null keeps p constant.
        interval: updates of D between two changes of p.
        ada_samples: real samples in which p rises from 0 to 1.

    Raises:
        ValueError: ``color`` for images with neither 1 nor 3 channels; ``filter`` for images
            without 22 pixels in each direction; images of less than 4 pixels.

    Source: Karras et al. 2020, arXiv:2006.06676, appendix B.
    """

    capabilities = frozenset({"graph-safe"})

    up_rows: Tensor
    up_columns: Tensor
    down_rows: Tensor
    down_columns: Tensor
    bank: Tensor
    power: Tensor

    def __init__(
        self,
        spec: SampleSpec,
        *,
        pipe: tuple[Group, ...] = ("blit", "geometry", "color"),
        p: Fraction = 0.0,
        target: Fraction | None = 0.6,
        interval: PositiveInt = 4,
        ada_samples: PositiveInt = 500_000,
    ) -> None:
        super().__init__()
        shorter = min(spec.height, spec.width)
        if "color" in pipe and spec.channels not in (1, 3):
            raise ValueError(f"pipe: color needs grey or RGB images, not {spec}")
        if "filter" in pipe and shorter < len(filter_bank()[0]) // 2 + 1:
            raise ValueError(f"pipe: filter needs images of 22 or more pixels, not {spec}")
        if shorter <= MARGIN:
            raise ValueError(f"images of {MARGIN + 1} or more pixels are needed, not {spec}")
        self.size = spec.height, spec.width
        self.channels = spec.channels
        self.pipe = frozenset(pipe)
        self.adaptive = AdaptiveProbability(p, target, interval, ada_samples)
        for axis, size in zip(("rows", "columns"), self.size, strict=True):
            self.register_buffer(f"up_{axis}", upsampling(size), persistent=False)
            self.register_buffer(f"down_{axis}", downsampling(size), persistent=False)
        self.register_buffer("bank", filter_bank().float(), persistent=False)
        self.register_buffer("power", torch.tensor(EXPECTED_POWER), persistent=False)

    @property
    def p(self) -> Tensor:
        """Probability of each operation, ()."""
        return self.adaptive.p

    def observe(self, statistics: Mapping[str, Any]) -> None:
        self.adaptive.observe(statistics)

    def forward(self, x: Tensor, noise: Noise) -> Tensor:
        """Return float (B, C, H, W), twice differentiable with respect to x."""
        if self.pipe & {"blit", "geometry"}:
            x = self.moved(x, noise)
        if "color" in self.pipe:
            x = self.recoloured(x, noise)
        if "filter" in self.pipe:
            x = self.filtered(x, noise)
        if "noise" in self.pipe:
            x = self.noisy(x, noise)
        if "cutout" in self.pipe:
            x = self.cut(x, noise)
        return x

    # --- geometry ------------------------------------------------------------------------------

    def moved(self, x: Tensor, noise: Noise) -> Tensor:
        """Apply ``blit`` and ``geometry``, as one resampling."""
        inverse = torch.eye(3, device=x.device).expand(len(x), 3, 3)
        touched = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        if "blit" in self.pipe:
            inverse, touched = self._blit(inverse, touched, noise)
        if "geometry" in self.pipe:
            inverse, touched = self._geometry(inverse, touched, noise)
        with torch.autocast(x.device.type, enabled=False):
            resampled = self._resampled(x.float(), inverse).to(x.dtype)
        return torch.where(touched.view(-1, 1, 1, 1), resampled, x)

    def _blit(self, inverse: Tensor, touched: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        height, width = self.size
        chosen = noise.uniform("blit chosen", 3) < self.p  # (B, 3)
        u = noise.uniform("blit", 4)  # (B, 4)
        flip = chosen[:, 0] & (u[:, 0] < 0.5)
        inverse = inverse @ scaling(torch.where(flip, -1.0, 1.0), torch.ones_like(u[:, 0]))
        turns = torch.where(chosen[:, 1], (4 * u[:, 1]).floor(), 0)
        inverse = inverse @ quarter_turns(turns)
        right = (width / 8 * (2 * u[:, 2] - 1)).round()
        down = (height / 8 * (2 * u[:, 3] - 1)).round()
        right, down = (torch.where(chosen[:, 2], each, 0) for each in (right, down))
        inverse = inverse @ translation(-right, -down)
        return inverse, touched | flip | (turns > 0) | (right != 0) | (down != 0)

    def _geometry(self, inverse: Tensor, touched: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        height, width = self.size
        either = 1 - (1 - self.p).sqrt()
        chances = torch.stack([self.p, either, self.p, either, self.p])
        chosen = noise.uniform("geometry chosen", 5) < chances  # (B, 5)
        n = noise.normal("geometry", 4)  # (B, 4)
        angles = torch.where(
            chosen[:, 1:4:2], math.pi * (2 * noise.uniform("turn", 2) - 1), 0
        )  # (B, 2)
        scale = torch.where(chosen[:, 0], 0.2 * n[:, 0], 0).exp2()
        stretch = torch.where(chosen[:, 2], 0.2 * n[:, 1], 0).exp2()
        inverse = inverse @ scaling(1 / scale, 1 / scale)
        inverse = inverse @ rotation(-angles[:, 0])
        inverse = inverse @ scaling(1 / stretch, stretch)
        inverse = inverse @ rotation(-angles[:, 1])
        right = torch.where(chosen[:, 4], width / 8 * n[:, 2], 0)
        down = torch.where(chosen[:, 4], height / 8 * n[:, 3], 0)
        return inverse @ translation(-right, -down), touched | chosen.any(1)

    def _resampled(self, x: Tensor, inverse: Tensor) -> Tensor:
        """Return the image whose pixel at q is that of x at `inverse` q.

        Args:
            x: float32 (B, C, H, W).
            inverse: (B, 3, 3), of coordinates (right, down, 1) in pixels from the image's centre.
        """
        height, width = self.size
        fine = self.up_rows @ x @ self.up_columns.T
        rows, columns = (fine_places(size, x.device) for size in self.size)
        # (B, 2, 1, 1) terms of an affine map, evaluated on the grid of rows and columns
        by_column, by_row, constant = inverse[:, :2, :, None, None].unbind(2)
        places = by_column * columns + by_row * rows[:, None] + constant
        at_row, at_column = (
            in_frame(places[:, axis] + (size - 1) / 2, size)
            for axis, size in ((1, height), (0, width))
        )
        grid = torch.stack([at_column, at_row], -1)  # (B, 2H + 10, 2W + 10, 2)
        moved = functional.grid_sample(
            fine, grid, mode="bilinear", padding_mode="border", align_corners=True
        )
        return self.down_rows @ moved @ self.down_columns.T

    # --- colour --------------------------------------------------------------------------------

    def recoloured(self, x: Tensor, noise: Noise) -> Tensor:
        """Apply ``color``: one affine map of the colour of each pixel."""
        chosen = noise.uniform("color chosen", 5) < self.p  # (B, 5)
        n = noise.normal("color", 3)  # (B, 3): brightness, contrast, saturation
        u = noise.uniform("reflection and hue", 2)  # (B, 2)
        shift = torch.where(chosen[:, 0], 0.2 * n[:, 0], 0)
        gain = torch.where(chosen[:, 1], 0.5 * n[:, 1], 0).exp2()
        flip = chosen[:, 2] & (u[:, 0] < 0.5)
        sign = torch.where(flip, -1.0, 1.0)
        touched = (chosen[:, :2].any(1) | flip).view(-1, 1, 1, 1)
        gain, shift, sign = (each.view(-1, 1, 1, 1) for each in (gain, shift, sign))
        changed = gain * (x + shift)
        if self.channels == 1:  # all of a grey image lies on the axis of brightness
            return torch.where(touched, sign * changed, x)
        angle = torch.where(chosen[:, 3], math.pi * (2 * u[:, 1] - 1), 0)
        saturation = torch.where(chosen[:, 4], n[:, 2], 0).exp2()
        grey = changed.mean(1, keepdim=True)
        colour = changed - grey
        matrix = saturation.view(-1, 1, 1) * hue_rotation(angle)  # (B, 3, 3)
        colour = torch.einsum("bij,bjhw->bihw", matrix, colour)
        touched = touched | chosen[:, 3:].any(1).view(-1, 1, 1, 1)
        return torch.where(touched, sign * grey + colour, x)

    # --- filter, noise, cutout -----------------------------------------------------------------

    def filtered(self, x: Tensor, noise: Noise) -> Tensor:
        """Apply ``filter``: another gain for each band of frequencies."""
        chosen = noise.uniform("filter chosen", BANDS) < self.p  # (B, 4)
        gains = torch.where(chosen, noise.normal("filter", BANDS), 0).exp2()
        total = torch.ones_like(gains)
        for band in range(BANDS):
            t = torch.ones_like(gains)
            t[:, band] = gains[:, band]
            total = total * t / (self.power * t.square()).sum(1, keepdim=True).sqrt()
        taps = (
            (total[..., None] * self.bank).sum(1).repeat_interleave(self.channels, 0)
        )  # (B C, 43)
        around, count = taps.shape[1] // 2, len(taps)
        flat = functional.pad(x.float(), (around,) * 4, mode="reflect").flatten(0, 1)[None]
        with torch.autocast(x.device.type, enabled=False):
            flat = functional.conv2d(flat, taps.view(count, 1, -1, 1), groups=count)
            flat = functional.conv2d(flat, taps.view(count, 1, 1, -1), groups=count)
        return torch.where(chosen.any(1).view(-1, 1, 1, 1), flat.view(x.shape).to(x.dtype), x)

    def noisy(self, x: Tensor, noise: Noise) -> Tensor:
        """Apply ``noise``."""
        chosen = noise.uniform("noise chosen", 1, 1, 1) < self.p
        sd = torch.where(chosen, 0.1 * noise.normal("noise sd", 1, 1, 1).abs(), 0)
        return x + sd * noise.normal("noise", *x.shape[1:])

    def cut(self, x: Tensor, noise: Noise) -> Tensor:
        """Apply ``cutout``."""
        chosen = noise.uniform("cutout chosen", 1, 1, 1) < self.p
        centres = noise.uniform("cutout", 2, 1)  # (B, 2, 1), in image sides
        inside = [
            (((torch.arange(size, device=x.device) + 0.5) / size) - centres[:, axis]).abs() < 0.25
            for axis, size in enumerate(self.size)
        ]
        window = (inside[0][:, :, None] & inside[1][:, None])[:, None]
        return x.masked_fill(window & chosen, 0)


MARGIN = 3
"""Pixels that the upsampling filter reads on each side of a place."""

CENTRE = 5
"""The tap of the filter for the place itself."""


def sym6() -> Tensor:
    """Return the filter with the sum 1, (12,) float64."""
    taps = torch.tensor(SYM6, dtype=torch.float64)
    return taps / taps.sum()


def upsampling(size: int) -> Tensor:
    """Return the matrix that upsamples an axis with its frame, (2 (size + 2 frame) - 1, size).

    Output 2i is the place of pixel i of the frame and the image. As a matrix this is faster than
    convolutions of one channel, and needs no copy of the image with its frame.
    """
    pixels = torch.eye(size, dtype=torch.float64)[:, None]
    around = frame(size) + MARGIN
    framed = functional.pad(pixels, (around, around), mode="reflect")
    taps = 2 * sym6()  # zeros between the samples take half of the sum
    fine = functional.conv_transpose1d(framed, taps.view(1, 1, -1), stride=2)
    first = 2 * MARGIN + CENTRE
    return fine[:, 0, first : first + 2 * (size + 2 * frame(size)) - 1].T.float().contiguous()


def downsampling(size: int) -> Tensor:
    """Return the matrix that downsamples an axis, (size, 2 size + 10), by the filter backwards."""
    places = torch.eye(2 * size + 10, dtype=torch.float64)[:, None]
    return functional.conv1d(places, sym6().view(1, 1, -1), stride=2)[:, 0].T.float().contiguous()


def fine_places(size: int, device: torch.device) -> Tensor:
    """Return what `downsampling` reads, (2 size + 10,), in pixels from the image's centre."""
    return (torch.arange(2 * size + 10, device=device) - CENTRE) / 2 - (size - 1) / 2


def frame(size: int) -> int:
    """Return how many reflected pixels lie around the upsampled image on each side.

    Shifts by whole pixels and turns read nothing beyond them.
    """
    return min(size // 4 + MARGIN, size - 1 - MARGIN)


def in_frame(places: Tensor, size: int) -> Tensor:
    """Return where to read pixels, -1 to 1 over the framed image; beyond the frame reflected."""
    period, around = 2 * (size - 1), frame(size)
    folded = places - period * (places / period).floor()
    folded = (size - 1) - (folded - (size - 1)).abs()
    outside = (places < -around) | (places > size - 1 + around)
    read = torch.where(outside, folded, places)
    return (2 * read - (size - 1)) / (size - 1 + 2 * around)


def matrix(rows: list[list[Tensor | float]], like: Tensor) -> Tensor:
    """Return (B, 3, 3) of entries that are numbers or (B,)."""
    entries = [[torch.as_tensor(each).to(like).expand_as(like) for each in row] for row in rows]
    return torch.stack([torch.stack(row, -1) for row in entries], -2)


def translation(right: Tensor, down: Tensor) -> Tensor:
    return matrix([[1, 0, right], [0, 1, down], [0, 0, 1]], right)


def scaling(x: Tensor, y: Tensor) -> Tensor:
    return matrix([[x, 0, 0], [0, y, 0], [0, 0, 1]], x)


def rotation(angle: Tensor) -> Tensor:
    c, s = angle.cos(), angle.sin()
    return matrix([[c, -s, 0], [s, c, 0], [0, 0, 1]], c)


def quarter_turns(turns: Tensor) -> Tensor:
    """Return the inverse of counter-clockwise quarter turns, exactly: cos and sin are 0 or ±1."""
    c = torch.where(turns == 0, 1.0, torch.where(turns == 2, -1.0, 0.0))
    s = torch.where(turns == 1, 1.0, torch.where(turns == 3, -1.0, 0.0))
    return matrix([[c, -s, 0], [s, c, 0], [0, 0, 1]], c)


def hue_rotation(angle: Tensor) -> Tensor:
    """Return rotations (B, 3, 3) of RGB about the axis of greys (Rodrigues' formula)."""
    c, s = angle.cos(), angle.sin() / math.sqrt(3)
    same, after, before = (1 + 2 * c) / 3, (1 - c) / 3 + s, (1 - c) / 3 - s
    return matrix([[same, before, after], [after, same, before], [before, after, same]], c)


def filter_bank() -> Tensor:
    """Return the taps of four band-pass filters, (4, 43) float64, low frequencies first.

    Together they are the unit impulse. From the low-pass H(z) H(1/z) / 2 of sym2 and its
    complement, by the dyadic scheme of wavelets: each level spreads the bands by 2, filters them by
    the low-pass and adds the high-pass as the next band.
    """
    taps = torch.tensor(SYM2, dtype=torch.float64)
    low = functional.conv1d(taps.view(1, 1, -1), taps.view(1, 1, -1), padding=3).flatten() / 2
    high = -low
    high[3] += 1
    bank = torch.zeros(BANDS, 1, dtype=torch.float64)
    bank[0] = 1
    for band in range(1, BANDS):
        spread = torch.zeros(BANDS, 2 * bank.shape[1] - 1, dtype=torch.float64)
        spread[:, ::2] = bank
        bank = functional.conv1d(spread[:, None], low.view(1, 1, -1), padding=6)[:, 0]
        middle = bank.shape[1] // 2
        bank[band, middle - 3 : middle + 4] += high
    return bank
