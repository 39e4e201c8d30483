"""StyleGAN2: style mixing, noise inputs, path length regularization, truncation in w.

Papers: arXiv:1912.04958, sections 2 and 3; truncation: arXiv:1812.04948, appendix B.
Shows: `noise` and a sampling parameter in `forward`, `prepare_sampling`, `styles`, `game.latent`.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, leaky_relu, rms_norm

from ganzoo.api import Fraction, Game, Noise, PositiveInt, SampleSpec, Terms, hookimpl
from ganzoo.nn import centred, growth


@hookimpl
def register_generators(register):
    register("stylegan2", "local:Generator", modalities={"image"}, paper="arXiv:1912.04958")


@hookimpl
def register_regularizers(register):
    register("path-length", "local:PathLength", paper="arXiv:1912.04958")


class Block(nn.Module):
    """3x3 convolution, modulated by w and demodulated, then noise, bias and leaky ReLU."""

    def __init__(self, width: int, colours: int) -> None:
        super().__init__()
        self.affine = nn.Linear(width, width)
        self.weight = nn.Parameter(torch.randn(width, width, 3, 3))
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(width, 1, 1))
        self.to_image = nn.Conv2d(width, colours, 1)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        s = 1 + self.affine(w)
        x = conv2d(x * s[:, :, None, None], self.weight, padding=1)
        norm = (s.square() @ self.weight.square().sum((2, 3)).T + 1e-8).sqrt()
        x = x / norm[:, :, None, None] + self.strength * noise + self.bias
        return 2**0.5 * leaky_relu(x, 0.2)


class Generator(nn.Module):
    """A mapping network; a learned constant and one block for each resolution."""

    capabilities = frozenset({"graph-safe", "styles", "unbounded"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16) -> None:
        super().__init__()
        self.latent_dim, self.size = width, (spec.height, spec.width)
        doublings, base, _ = growth(spec)
        self.mapping = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(0.2))
        self.constant = nn.Parameter(torch.randn(width, *base))
        self.blocks = nn.ModuleList(Block(width, spec.channels) for _ in range(doublings + 1))
        self.register_buffer("w_mean", torch.zeros(width))

    def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        w = self.mapping(rms_norm(z, z.shape[1:]))
        return w[:, None].repeat(1, len(self.blocks), 1)  # (B, blocks, width)

    def from_styles(self, w: Tensor, *, noise: Noise) -> Tensor:
        x, image = self.constant.expand(w.shape[0], -1, -1, -1), 0
        for index, block in enumerate(self.blocks):
            if index:
                x, image = interpolate(x, scale_factor=2), interpolate(image, scale_factor=2)
            x = block(x, w[:, index], noise.normal(f"block{index}", 1, *x.shape[2:]))
            image = image + block.to_image(x)
        return centred(image, self.size)

    def forward(self, z, y=None, *, noise: Noise, truncation: Fraction = 1.0) -> Tensor:
        w = self.styles(z)
        if self.training:  # in 90 % of the samples, blocks from a random one on have another style
            last = noise.uniform("last", 1, 1) * (len(self.blocks) - 1) / 0.9  # of the first style
            mixed = torch.arange(len(self.blocks), device=z.device)[:, None] > last
            w = torch.where(mixed, self.styles(noise.normal("mixed", self.latent_dim)), w)
        return self.from_styles(self.w_mean.to(w).lerp(w, truncation), noise=noise)

    def prepare_sampling(self, draw) -> None:
        self.w_mean.copy_(self.styles(draw(4096).z)[:, 0].mean(0))


class PathLength(nn.Module):
    """2 E (|J^T y| - a)^2 with J = dG/dw, y normal, and a the moving mean of |J^T y|; eq. 4."""

    requires = {"generator": frozenset({"styles"})}

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("a", torch.zeros(()))

    def generator(self, game: Game) -> Terms:
        w = game.generator_module.styles(game.latent("path-length"), game.fake_labels)
        x = game.generator_module.from_styles(w, noise=game)
        y = game.normal("path-length", *x.shape[1:]) / (x.shape[-1] * x.shape[-2]) ** 0.5
        (gradient,) = torch.autograd.grad((x * y).sum(), w, create_graph=True)
        length = gradient.square().sum(2).mean(1).sqrt()
        self.a.lerp_(game.mean(length.detach().mean()), 0.01)
        return {"path_length": 2 * (length - self.a).square().mean()}
