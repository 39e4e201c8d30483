"""Residual blocks of SNGAN, SAGAN and BigGAN."""

from collections.abc import Callable
from math import sqrt
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

Upsampling = Literal["bilinear", "nearest"]
Hidden = Literal["input", "output"]


class UpBlock(nn.Module):
    """Double the size: norm, ReLU, upsampling and two convolutions, plus a 1x1 shortcut.

    Args:
        norm: returns the norm of a number of channels, which is called with x and the condition.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        norm: Callable[[int], nn.Module],
        upsampling: Upsampling = "bilinear",
    ) -> None:
        super().__init__()
        self.upsampling: Upsampling = upsampling
        self.norm1 = norm(inputs)
        self.convolution1 = convolution(inputs, outputs, 3, gain=sqrt(2))
        self.norm2 = norm(outputs)
        self.convolution2 = convolution(outputs, outputs, 3, gain=sqrt(2))
        self.shortcut = convolution(inputs, outputs, 1)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        h = doubled(functional.relu(self.norm1(x, condition)), self.upsampling)
        h = self.convolution1(h)
        h = self.convolution2(functional.relu(self.norm2(h, condition)))
        return h + self.shortcut(doubled(x, self.upsampling))


class DownBlock(nn.Module):
    """Halve or keep the size: ReLU and convolution twice, plus a shortcut.

    The shortcut is a 1x1 convolution if the size or the channels change. The first block of D has
    no ReLU before its first convolution, because its input is an image, and its shortcut pools
    before the 1x1 convolution instead of after it.

    Args:
        hidden: which of the block's ends has as many channels as its inside; that of the first
            block has as many as its output.
        batch_norm: before each ReLU and before the shortcut's convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        halve: bool,
        first: bool,
        hidden: Hidden = "input",
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.halve, self.first = halve, first
        inside = outputs if first or hidden == "output" else inputs
        self.convolution1 = convolution(inputs, inside, 3, gain=sqrt(2))
        self.convolution2 = convolution(inside, outputs, 3, gain=sqrt(2))
        changes = halve or inputs != outputs
        self.shortcut = convolution(inputs, outputs, 1) if changes else nn.Identity()
        self.norm1 = norm_of(inputs, batch_norm and not first)
        self.norm2 = norm_of(inside, batch_norm)
        self.norm_shortcut = norm_of(inputs, batch_norm and changes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.convolution1(x if self.first else functional.relu(self.norm1(x)))
        h = self.convolution2(functional.relu(self.norm2(h)))
        if not self.halve:
            return h + self.shortcut(self.norm_shortcut(x))
        if self.first:
            return halved(h) + self.shortcut(self.norm_shortcut(halved(x)))
        return halved(h) + halved(self.shortcut(self.norm_shortcut(x)))


def norm_of(channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


def widths(width: int, max_width: int | None, levels: int) -> list[int]:
    """Return the number of channels at `levels` sizes, the full size first."""
    if max_width is not None and max_width < width:
        raise ValueError(f"max_width: {max_width} is below width: {width}")
    return [min(width * 2**level, max_width or width) for level in range(levels)]


def convolution(inputs: int, outputs: int, size: int, gain: float = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size, with Xavier-uniform weights of this gain."""
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2)
    nn.init.xavier_uniform_(layer.weight, gain)
    return layer


def doubled(x: Tensor, upsampling: Upsampling = "bilinear") -> Tensor:
    if upsampling == "nearest":
        return functional.interpolate(x, scale_factor=2, mode="nearest")
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def halved(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 2)
