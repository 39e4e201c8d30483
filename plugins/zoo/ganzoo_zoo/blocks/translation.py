"""What the networks of pix2pix and CycleGAN share: norms, initial weights, images as conditions."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import SampleSpec

Norm = Literal["batch", "instance", "none"]


def norm_layer(norm: Norm, channels: int) -> list[nn.Module]:
    """Return the norm of a layer, in a list; an empty one without a norm.

    Instance norm has no gain and shift, as in the authors' code.
    """
    if norm == "none":
        return []
    return [nn.BatchNorm2d(channels) if norm == "batch" else nn.InstanceNorm2d(channels)]


def initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02) and gains of batch norm from N(1, 0.02); set biases to 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)


def shape_of_condition(spec: SampleSpec) -> tuple[int, int, int]:
    """Return (channels, height, width) of the condition.

    Raises:
        ValueError: the data has no images as condition.
    """
    if spec.condition is None or len(spec.condition.shape) != 3:
        raise ValueError(f"this network is for data whose condition is an image, not {spec}")
    return spec.condition.channels, spec.condition.height, spec.condition.width


def as_input(y: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a condition (B, C, H, W) resized to `size` (height, width), bilinear."""
    if y.shape[-2:] == size:
        return y
    return functional.interpolate(y, size, mode="bilinear")
