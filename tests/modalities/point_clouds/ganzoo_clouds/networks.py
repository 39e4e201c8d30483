"""A perceptron that makes all points at once, and a small PointNet (arXiv:1612.00593)."""

from torch import Tensor, nn

from ganzoo.api import PositiveInt, SampleSpec


class Generator(nn.Module):
    def __init__(
        self, spec: SampleSpec, *, latent_dim: PositiveInt = 32, width: PositiveInt = 128
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, width),
            nn.ReLU(),
            nn.Linear(width, spec.size),
            nn.Unflatten(1, spec.shape),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return clouds (B, N, 3)."""
        return self.layers(z)


class Discriminator(nn.Module):
    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 64) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, width))
        self.all = nn.Sequential(nn.ReLU(), nn.Linear(width, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return logits (B,) of clouds (B, N, 3)."""
        return self.all(self.each(x).amax(1))[:, 0]
