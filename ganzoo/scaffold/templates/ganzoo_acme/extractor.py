"""Features without weights: how strong each spatial frequency is in an image."""

import torch
from torch import Tensor, nn

SIZE = 32


class Spectrum(nn.Module):
    """log(1 + power) of an image's Fourier transform, the mean over each ring of one frequency.

    Upsampling leaves traces at high frequencies, and these features see them. They are blind to
    where anything is. Colour images count by the mean of their channels.

    Source: Durall et al. 2020, arXiv:2003.01826 (azimuthal integration).
    """

    input_shape = (3, SIZE, SIZE)
    num_features = SIZE // 2 + 1
    layer = "spectrum"
    weights_sha256 = None

    rings: Tensor

    def __init__(self) -> None:
        super().__init__()
        frequencies = torch.fft.fftfreq(SIZE, 1 / SIZE)
        radius = torch.hypot(frequencies[:, None], frequencies[None, :]).round().long()
        inside = nn.functional.one_hot(radius.flatten())[:, : self.num_features].float()
        self.register_buffer("rings", inside / inside.sum(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return float32 (B, 17) of float32 images (B, 3, 32, 32) in [0, 255]."""
        power = torch.fft.fft2(x.mean(1) / 255, norm="ortho").abs().square()
        return torch.log1p(power.flatten(1) @ self.rings)
