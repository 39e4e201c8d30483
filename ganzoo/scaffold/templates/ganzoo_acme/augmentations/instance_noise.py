"""Instance noise, which makes real and generated samples overlap."""

from torch import Tensor

from ganzoo.api import Noise, NonNegativeFloat, SampleSpec


class InstanceNoise:
    """Gaussian noise on everything that D sees.

    x + strength * n, with n standard normal and independent for every sample.

    At strength 0 every sample is returned unchanged.

    Args:
        strength: standard deviation of the noise, in units of the model form; for images, whose
            range is [-1, 1], 0.1 is visible and 1 hides most of the image.

    Source: Sønderby et al. 2017, arXiv:1610.04490 (instance noise).
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(self, spec: SampleSpec, *, strength: NonNegativeFloat = 0.1) -> None:
        self.strength = strength

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Return float (B, *model_shape), like x."""
        return x + self.strength * noise.normal("instance-noise", *x.shape[1:])
