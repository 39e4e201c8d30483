"""CutMix for a discriminator that judges every pixel."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import softplus

from ganzoo.api import Game, NonNegativeFloat, Terms


class PixelCutMix:
    """D: says of images put together from real and generated ones which pixels are which.

    A box of a real image is replaced by the generated one of its row, or the reverse. The term
    `mixed` is the cross entropy of D's map with the mask, plus that of the whole image as a
    generated one. `consistency` is E |D(mix) - mix of D(x) and D(G(z))|^2 of the maps. Use it
    without an augmentation that moves pixels; with labels, give both sides the same ones by
    `paired-labels`.

    Args:
        lambda_consistency: weight of `consistency`, beside a weight of 1 of `mixed`.

    Source: Schönfeld et al. 2020, arXiv:2002.12655, eq. 5 to 7; boxes as in Yun et al. 2019,
    arXiv:1905.04899.
    """

    capabilities = frozenset({"graph-safe"})
    requires = {"discriminator": {"zoo/pixel-map"}}

    def __init__(self, *, lambda_consistency: NonNegativeFloat = 1.0) -> None:
        self.lambda_consistency = lambda_consistency

    def discriminator(self, game: Game) -> Terms:
        mask = real_pixels(game, *game.real.shape[2:])
        mixed = torch.where(mask, game.real, game.fake)
        found = game.discriminate(mixed, game.labels, augment=False).extra
        real, fake = (each.extra["map"].float() for each in (game.real_output, game.fake_output))
        pixels = found["map"].float()
        wrong = cross_entropy(pixels, mask.to(pixels)) + softplus(found["whole"].float()).mean()
        difference = (pixels - torch.where(mask, real, fake)).square().mean()
        return {"mixed": wrong, "consistency": self.lambda_consistency * difference}


def real_pixels(game: Game, height: int, width: int) -> Tensor:
    """Return which pixels are real ones, bool (B, 1, height, width).

    The share lambda outside of the box is uniform, its sides are sqrt(1 - lambda) of the image's,
    and its centre is uniform; half of the boxes are of real pixels.
    """
    share, top, left, inside = (
        game.uniform(f"cutmix/{name}", 1, 1, 1) for name in ("share", "top", "left", "inside")
    )
    side = (1 - share).sqrt()
    rows = (torch.arange(height, device=share.device) + 0.5)[:, None] / height
    columns = (torch.arange(width, device=share.device) + 0.5) / width
    box = ((rows - top).abs() < side / 2) & ((columns - left).abs() < side / 2)
    return box ^ (inside < 0.5)
