"""Features without weights: the power of an image at each spatial frequency."""

import torch
from torch import Tensor, nn

SIZE = 32


class Spectrum(nn.Module):
    """Log power by spatial frequency.

    log(1 + power) of the Fourier transform of the mean over the channels, averaged over each ring
    of one frequency. These features see the traces that upsampling leaves at high frequencies, but
    not where anything is in the image.

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
        """Return float32 (B, 17) for float32 images (B, 3, 32, 32) in [0, 255]."""
        power = torch.fft.fft2(x.mean(1) / 255, norm="ortho").abs().square()
        return torch.log1p(power.flatten(1) @ self.rings)
