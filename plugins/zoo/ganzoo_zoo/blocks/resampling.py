"""Doubling and halving of images by a low-pass filter, as in StyleGAN2."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Resampling(nn.Module):
    """The separable low-pass filter [1, 3, 3, 1], which doubles and halves images.

    Borders are padded with zeros. Everything here can be differentiated twice.

    Source: Karras et al. 2020, arXiv:1912.04958, appendix B; Zhang 2019, arXiv:1904.11486.
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        kernel = torch.outer(taps, taps)
        self.register_buffer("kernel", kernel / kernel.sum(), persistent=False)

    def filtered(self, x: Tensor, padding: int, gain: float = 1.0, stride: int = 1) -> Tensor:
        """Filter x (B, C, H, W), padded with zeros on all sides."""
        weight = (gain * self.kernel).expand(x.shape[1], 1, -1, -1)
        return functional.conv2d(x, weight, stride=stride, padding=padding, groups=x.shape[1])

    def doubled(self, x: Tensor) -> Tensor:
        """Return (B, C, 2H, 2W): each pixel, then zeros between them, then the filter."""
        weight = (4 * self.kernel).expand(x.shape[1], 1, -1, -1)
        return functional.conv_transpose2d(x, weight, stride=2, padding=1, groups=x.shape[1])

    def halved(self, x: Tensor) -> Tensor:
        """Return (B, C, H/2, W/2): the filter, of which every second pixel is computed."""
        return self.filtered(x, padding=1, stride=2)
