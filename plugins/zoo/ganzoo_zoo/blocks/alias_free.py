"""Low-pass filters that let a non-linearity act without aliasing, as in StyleGAN3."""

from math import pi

import torch
from torch import Tensor
from torch.nn import functional


def kaiser_beta(taps: int, transition: float, rate: float) -> float:
    """Return the shape of the Kaiser window for a transition band of this width.

    Source: Kaiser's formulas, as in Oppenheim & Schafer, Discrete-Time Signal Processing, ch. 7.
    """
    attenuation = 2.285 * (taps - 1) * pi * transition / (rate / 2) + 7.95
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    return 0.0


def low_pass(
    taps: int, cutoff: float, transition: float, rate: float, *, radial: bool = False
) -> Tensor:
    """Return a low-pass filter of sum 1, float32 (taps,), or (taps, taps) if radial.

    Args:
        cutoff: first frequency that is not passed at full size, for a canvas of side 1.
        transition: width of the transition band.
        rate: pixels a side of the canvas.
        radial: a filter that is the same in all directions (a jinc in a square window), instead
            of one for each axis.

    Source: Karras et al. 2021, arXiv:2106.12423, appendix C.
    """
    beta = kaiser_beta(taps, transition, rate)
    window = torch.kaiser_window(taps, periodic=False, beta=beta, dtype=torch.float64)
    place = (torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2) / rate
    if radial:
        distance = torch.hypot(place[:, None], place[None])
        jinc = torch.special.bessel_j1(2 * pi * cutoff * distance) / (pi * distance)
        kernel = jinc * torch.outer(window, window)
    else:
        kernel = torch.sinc(2 * cutoff * place) * window
    return (kernel / kernel.sum()).float()


def upsampled(x: Tensor, kernel: Tensor, factor: int, padding: tuple[int, int]) -> Tensor:
    """Insert zeros between the pixels of x (B, C, H, W), pad, and filter each axis.

    Args:
        kernel: (taps,), symmetric.
        padding: zeros before and after the pixels and inserted zeros of an axis; negative: cut off.

    Returns:
        (B, C, H', W') with H' = factor H + sum(padding) - taps + 1.
    """
    channels, taps = x.shape[1], kernel.shape[0]
    weight = (factor * kernel).expand(channels, 1, -1)[..., None]  # (C, 1, taps, 1)
    before = padding[0] + 1 - taps
    for axis in (2, 3):
        stride = (factor, 1) if axis == 2 else (1, factor)
        length = factor * x.shape[axis] + sum(padding) - taps + 1
        x = functional.conv_transpose2d(x, weight, stride=stride, groups=channels)
        after = length - before - x.shape[axis]
        x = functional.pad(x, (0, 0, before, after) if axis == 2 else (before, after))
        weight = weight.transpose(2, 3)
    return x


def downsampled(x: Tensor, kernel: Tensor, factor: int) -> Tensor:
    """Filter x (B, C, H, W) without padding and keep every pixel at a multiple of `factor`.

    Args:
        kernel: (taps,) for both axes, or (taps, taps), symmetric.
    """
    channels = x.shape[1]
    if kernel.dim() == 2:
        weight = kernel.expand(channels, 1, -1, -1)
        return functional.conv2d(x, weight, stride=factor, groups=channels)
    weight = kernel.expand(channels, 1, -1)[..., None]
    x = functional.conv2d(x, weight, stride=(factor, 1), groups=channels)
    return functional.conv2d(x, weight.transpose(2, 3), stride=(1, factor), groups=channels)
