"""Consistency regularization: Zhang et al. 2020, arXiv:1910.12027; Zhao et al. 2021."""

import torch
from torch import Tensor

from ganzoo.api import Fraction, Game, Noise, NonNegativeFloat, Terms


class Consistency:
    """D says the same of an image and of a flipped and shifted one (CR and bCR).

    lambda_real E (D(x) - D(T(x)))^2 + lambda_fake E (D(G(z)) - D(T(G(z))))^2. The defaults are CR;
    with `lambda_fake: 10` it is bCR. T flips half of the images left to right and shifts each by a
    whole number of pixels; pixels beyond the border are reflected. The recipe's augmentation, if
    there is one, applies to both images: leave it out.

    Args:
        lambda_real: factor of the term of real images.
        lambda_fake: factor of the term of generated images; 0 leaves it out.
        flip: whether T flips images; false for digits and letters.
        shift: the largest shift, as a share of each side.

    Source: Zhang et al. 2020, arXiv:1910.12027, eq. 4 (CR); Zhao et al. 2021, arXiv:2002.04724,
    algorithm 1 (bCR).
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        *,
        lambda_real: NonNegativeFloat = 10.0,
        lambda_fake: NonNegativeFloat = 0.0,
        flip: bool = True,
        shift: Fraction = 0.125,
    ) -> None:
        self.lambda_real = lambda_real
        self.lambda_fake = lambda_fake
        self.flip = flip
        self.shift = shift

    def discriminator(self, game: Game) -> Terms:
        terms = {}
        if self.lambda_real:
            x = self.changed(game.real.detach(), game, "real")
            changed = game.discriminate(x, game.labels).logits
            terms["real"] = self.lambda_real * (game.real_logits - changed).square().mean()
        if self.lambda_fake:
            x = self.changed(game.fake.detach(), game, "fake")
            changed = game.discriminate(x, game.fake_labels).logits
            terms["fake"] = self.lambda_fake * (game.fake_logits - changed).square().mean()
        return terms

    def changed(self, x: Tensor, noise: Noise, name: str) -> Tensor:
        """Return T(x) of images (B, C, H, W)."""
        if self.flip:
            chosen = noise.uniform(f"consistency/{name}/flip", 1, 1, 1) < 0.5
            x = torch.where(chosen, x, x.flip(-1))
        for axis in (2, 3):
            limit = int(self.shift * x.shape[axis])
            drawn = noise.uniform(f"consistency/{name}/shift{axis}", 1)
            x = shifted(x, (drawn * (2 * limit + 1)).floor().long() - limit, axis)
        return x


def shifted(x: Tensor, shift: Tensor, axis: int) -> Tensor:
    """Return images whose row or column i is i + shift of x, reflected at the borders.

    Args:
        x: (B, C, H, W).
        shift: int64 (B, 1), less than the size of the axis.
        axis: 2 or 3.
    """
    last = x.shape[axis] - 1
    places = torch.arange(last + 1, device=x.device) + shift  # (B, size)
    places = last - (last - places.abs()).abs()
    return x.take_along_dim(places.view(len(x), 1, *((-1, 1) if axis == 2 else (1, -1))), axis)
