"""Pieces of BigGAN: truncated z, standing statistics, orthogonal regularization, skip-z.

Paper: arXiv:1809.11096, sections 3 and 4, appendix B.
Shows: a latent for `eval.latent`, `prepare_sampling`, a penalty on G's weights.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from ganzoo.api import Game, PositiveFloat, PositiveInt, SampleSpec, Terms, hookimpl
from ganzoo.nn import centred, growth, label_classes


@hookimpl
def register_generators(register):
    register("biggan", "local:Generator", modalities={"image"}, paper="arXiv:1809.11096")


@hookimpl
def register_latents(register):
    register("truncated", "local:Truncated", paper="arXiv:1809.11096")


@hookimpl
def register_regularizers(register):
    register("orthogonal", "local:Orthogonal", paper="arXiv:1809.11096")


class Block(nn.Module):
    """Batch norm whose gain and bias are linear in the condition, ReLU, 2x, 3x3 convolution."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.affine = nn.Linear(condition, 2 * width)
        self.convolution = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain, bias = self.affine(condition)[:, :, None, None].chunk(2, 1)
        x = relu(self.norm(x) * (1 + gain) + bias)
        return self.convolution(interpolate(x, scale_factor=2))


class Generator(nn.Module):
    """Every block is conditioned on the label's shared embedding and on its own part of z."""

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16, part: PositiveInt = 8) -> None:
        super().__init__()
        doublings, self.base, _ = growth(spec)
        self.latent_dim = part * (doublings + 1)
        self.part, self.size = part, (spec.height, spec.width)
        self.shared = nn.Embedding(label_classes(spec, True), part)
        self.first = nn.Linear(part, width * self.base[0] * self.base[1])
        self.blocks = nn.ModuleList(Block(width, 2 * part) for _ in range(doublings))
        self.image = nn.Conv2d(width, spec.channels, 3, padding=1)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        first, *parts = z.split(self.part, 1)
        x = self.first(first).unflatten(1, (-1, *self.base))
        for block, part in zip(self.blocks, parts, strict=True):
            x = block(x, torch.cat([self.shared(y), part], 1))
        return torch.tanh(centred(self.image(relu(x)), self.size))

    def prepare_sampling(self, draw) -> None:
        """Replace the running statistics by their mean over 16 batches."""
        for block in self.blocks:
            block.norm.reset_running_stats()
            block.norm.momentum = None  # a cumulative average
        self.train()
        for _ in range(16):
            self(*draw(64)[:2])
        self.eval()


class Truncated:
    """Standard normal numbers; one outside [-threshold, threshold] is drawn again."""

    def __init__(self, dim: int, *, threshold: PositiveFloat = 0.5) -> None:
        self.dim, self.tail = dim, torch.special.ndtr(torch.tensor(-threshold)).item()

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        u = torch.rand(n, self.dim, generator=generator, device=generator.device)
        return torch.special.ndtri(self.tail + (1 - 2 * self.tail) * u)


class Orthogonal:
    """beta |W W^T * (1 - I)|_F^2 over the weights W (outputs, inputs) of G; eq. 3."""

    def __init__(self, *, beta: PositiveFloat = 1e-4) -> None:
        self.beta = beta

    def generator(self, game: Game) -> Terms:
        named = game.generator_module.named_parameters()
        weights = [w.flatten(1) for name, w in named if w.dim() > 1 and "shared" not in name]
        grams = [w @ w.T for w in weights]
        return {"orthogonal": self.beta * sum((g - g.diag().diag()).square().sum() for g in grams)}
