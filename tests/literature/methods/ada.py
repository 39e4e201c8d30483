"""ADA: augment all that D sees, with a probability that follows how much D overfits.

Paper: arXiv:2006.06676; the pixel blitting and two colour operations of its pipeline.

Shows: an augmentation that adapts by `observe`, and stays `graph-safe`.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Fraction, Noise, PositiveInt, SampleSpec, hookimpl


@hookimpl
def register_augmentations(register):
    register("ada", "local:AdaptiveAugmentation", modalities={"image"}, paper="arXiv:2006.06676")


class AdaptiveAugmentation(nn.Module):
    """Apply each operation to each image with probability p.

    While the mean sign of D's real logits, r, is above `target`, p rises by 1 in `ada_samples`
    real samples; below it falls as fast. The authors do this every 4 updates, here it is in each.

    Args:
        p: the first p.

    Raises:
        ValueError: images that are not square, which quarter turns would not fit.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        p: Fraction = 0.0,
        target: Fraction = 0.6,
        ada_samples: PositiveInt = 500_000,
    ) -> None:
        super().__init__()
        if spec.height != spec.width:
            raise ValueError(f"quarter turns need square images, not {spec}")
        self.register_buffer("p", torch.tensor(float(p)))
        self.target = target
        self.ada_samples = ada_samples

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        def chosen(name: str) -> Tensor:
            return noise.uniform(name, 1, 1, 1) < self.p

        x = torch.where(chosen("x-flip") & (noise.uniform("flip", 1, 1, 1) < 0.5), x.flip(3), x)
        turns = torch.where(chosen("rotate"), (4 * noise.uniform("turns", 1, 1, 1)).floor(), 0)
        for quarters in (1, 2, 3):
            x = torch.where(turns == quarters, x.rot90(quarters, (2, 3)), x)
        for axis in (2, 3):
            widest = 0.125 * x.shape[axis]
            shift = (widest * (2 * noise.uniform(f"shift{axis}", 1, 1, 1) - 1)).round()
            x = shifted(x, torch.where(chosen("integer-shift"), shift, 0).long(), axis)
        brightness = 0.2 * noise.normal("b", 1, 1, 1)
        x = x + torch.where(chosen("brightness"), brightness, 0)
        return x * torch.where(chosen("contrast"), 2 ** (0.5 * noise.normal("c", 1, 1, 1)), 1)

    def observe(self, statistics: Mapping[str, Any]) -> None:
        direction = (statistics["real_logits_sign"].to(self.p) - self.target).sign()
        self.p += direction * statistics["samples"] / self.ada_samples
        self.p.clamp_(0, 1)


def shifted(x: Tensor, shift: Tensor, axis: int) -> Tensor:
    """Return x (B, C, H, W) moved along an axis by `shift` (B, 1, 1, 1) pixels, reflected."""
    size = x.shape[axis]
    places = torch.arange(size, device=x.device).view((-1, 1) if axis == 2 else (1, -1)) - shift
    places = places.abs()
    return x.take_along_dim(torch.minimum(places, 2 * (size - 1) - places), axis)
