"""Layers with an equalised learning rate, and the normalisation of latents that goes with them."""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional


class EqualisedLinear(nn.Module):
    """A linear layer whose weights are stored as N(0, 1) and scaled when they are used.

    All weights then have one size, so an optimizer such as Adam changes each by the same fraction.

    Args:
        bias_start: initial value of the biases.
        lr_factor: factor on the learning rate. Weights and biases are stored divided by it and used
            multiplied by it. Under Adam this equals a parameter group with this `lr_factor`.
        gain: factor on the weights: sqrt(2) keeps the size of activations before a ReLU.

    Source: Karras et al. 2018, arXiv:1710.10196, section 4.1.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias_start: float = 0.0,
        lr_factor: float = 1.0,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.scale, self.lr_factor = lr_factor * gain / sqrt(inputs), lr_factor
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_factor)
        self.bias = nn.Parameter(torch.full((outputs,), bias_start / lr_factor))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs)."""
        bias = self.bias if self.lr_factor == 1 else self.bias * self.lr_factor
        return functional.linear(x, self.weight * self.scale, bias)


class EqualisedConv2d(nn.Module):
    """A convolution whose weights are stored as N(0, 1) and scaled when they are used.

    Args:
        size: height and width of the kernel.
        padding: null means one that keeps the size, for odd kernels and stride 1.
        gain: factor on the weights.

    Source: Karras et al. 2018, arXiv:1710.10196, section 4.1.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.stride, self.padding = stride, size // 2 if padding is None else padding
        self.scale = gain / sqrt(inputs * size**2)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H', W')."""
        weight = self.weight * self.scale
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding)


def unit_norm(x: Tensor, eps: float = 1e-8) -> Tensor:
    """Divide x (B, C, …) by the root mean square over C: ProGAN's pixel norm."""
    return x * (x.square().mean(1, keepdim=True) + eps).rsqrt()
