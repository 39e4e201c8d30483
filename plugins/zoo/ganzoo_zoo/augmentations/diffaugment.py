"""DiffAugment of Zhao et al. 2020, arXiv:2006.10738."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

from ganzoo.api import Fraction, Noise, SampleSpec

Policy = Literal["color", "translation", "cutout"]


class DiffAugment:
    """Differentiable colour, translation and cutout of everything that D sees.

    Each image draws its own numbers. At strength s, with u uniform in [0, 1):

    * ``color``: add s (u - 1/2); scale by 1 + s (2u - 1) about the mean over the channels of each
      pixel (nothing changes where there is one channel); scale by 1 + s (u - 1/2) about the mean of
      the image. The result may leave [-1, 1].
    * ``translation``: by up to s/8 of the height and of the width, filled up with zeros (grey).
    * ``cutout``: a window of s/2 of the height and of the width becomes zero. Its centre is uniform
      in the image, so the window may extend over an edge.

    Translation and cutout are rounded to whole pixels, so a weak `strength` does not move a small
    image. At strength 0 every image is returned unchanged.

    Args:
        policy: which of the three to apply, always in the order above.
        strength: scales every range; 1 is the paper's value.

    Source: Zhao et al. 2020, arXiv:2006.10738, ranges as in the authors' code
    (mit-han-lab/data-efficient-gans).
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        policy: tuple[Policy, ...] = ("color", "translation", "cutout"),
        strength: Fraction = 1.0,
    ) -> None:
        self.size = spec.height, spec.width
        self.policy = frozenset(policy)
        self.strength = strength

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Return float (B, C, H, W), twice differentiable with respect to x."""
        if "color" in self.policy:
            x = self.color(x, noise)
        if "translation" in self.policy:
            x = self.translation(x, noise)
        if "cutout" in self.policy:
            x = self.cutout(x, noise)
        return x

    def color(self, x: Tensor, noise: Noise) -> Tensor:
        brightness, saturation, contrast = noise.uniform("color", 3, 1, 1, 1).unbind(1)
        x = x + self.strength * (brightness - 0.5)
        x = x + self.strength * (2 * saturation - 1) * (x - x.mean(1, keepdim=True))
        return x + self.strength * (contrast - 0.5) * (x - x.mean((1, 2, 3), keepdim=True))

    def translation(self, x: Tensor, noise: Noise) -> Tensor:
        (height, width), (most_down, most_right) = self.size, self._pixels(1 / 8)
        u = noise.uniform("translation", 2, 1, 1)
        down = _integer(u[:, 0], 2 * most_down + 1) - most_down
        right = _integer(u[:, 1], 2 * most_right + 1) - most_right
        rows = torch.arange(height, device=x.device)[:, None] + most_down - down
        columns = torch.arange(width, device=x.device) + most_right - right
        # One gather with flat indices takes half the time of two, one for each axis.
        source = (rows * (width + 2 * most_right) + columns).flatten(1)[:, None]
        framed = pad(x, (most_right, most_right, most_down, most_down)).flatten(2)
        return framed.gather(2, source.expand(-1, x.shape[1], -1)).view_as(x)

    def cutout(self, x: Tensor, noise: Noise) -> Tensor:
        u, (height, width) = noise.uniform("cutout", 2, 1, 1), self._pixels(1 / 2)
        rows = _in_window(self.size[0], height, u[:, 0])
        columns = _in_window(self.size[1], width, u[:, 1])
        return x.masked_fill((rows.mT & columns)[:, None], 0)

    def _pixels(self, fraction: float) -> tuple[int, int]:
        """Return that fraction of the height and of the width at this strength, rounded half up."""
        height, width = (int(size * fraction * self.strength + 0.5) for size in self.size)
        return height, width


def _integer(u: Tensor, n: int) -> Tensor:
    """Return int64 uniform in [0, n) from u uniform in [0, 1)."""
    return (u * n).long()


def _in_window(size: int, window: int, u: Tensor) -> Tensor:
    """Return a mask (B, 1, size) of the pixels in a window whose centre is drawn by u.

    The centre of a window of even length lies between two pixels, which gives one more position.
    """
    first = _integer(u, size + 1 - window % 2) - window // 2
    place = torch.arange(size, device=u.device)
    return (place >= first) & (place < first + window)
