"""Path length regularization of Karras et al. 2020, arXiv:1912.04958."""

from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Fraction, Game, Terms


class PathLength(nn.Module):
    """E (|J^T y| - a)^2 with J = dG/dw, y normal, and a the moving mean of |J^T y|.

    A step in w should change the image by the same amount everywhere. y has a standard deviation of
    1/sqrt(pixels), so the length does not depend on the size of the image. The squares are averaged
    over the layers that a style goes to. The authors' weight is 2, with ``every_steps: 4``: give
    them as `weight` and `every_steps` in the recipe.

    The latents are those of a batch, where the authors' code takes half as many. a includes the
    mean length of this update, and its gradient, as in that code. With micro-batches, each uses its
    own mean, and a is updated once, by the mean of all.

    Args:
        decay: of a.
        style_mixing: probability that a sample has a second style from a random layer on.

    Source: Karras et al. 2020, arXiv:1912.04958, eq. 4.
    """

    capabilities = frozenset({"graph-safe"})
    requires = {"generator": frozenset({"styles"})}
    a: Tensor
    total: Tensor
    parts: Tensor

    def __init__(self, *, decay: Fraction = 0.99, style_mixing: Fraction = 0.9) -> None:
        super().__init__()
        self.decay, self.style_mixing = decay, style_mixing
        self.register_buffer("a", torch.zeros(()))
        self.register_buffer("total", torch.zeros(()))  # of the mean lengths of this update
        self.register_buffer("parts", torch.zeros(()))

    def generator(self, game: Game) -> Terms:
        network: Any = game.generator_module
        w = self.styles(game)
        w = w if w.requires_grad else w.requires_grad_()  # of a mapping without weights
        x = network.from_styles(w, noise=game)
        pixels = x[0, 0].numel()
        y = game.normal("path-length", *x.shape[1:]) / pixels**0.5
        (gradient,) = torch.autograd.grad((x * y).sum(), w, create_graph=True)
        lengths = gradient.square().sum(2).mean(1).sqrt()  # |J^T y|, (B,)
        mean = game.mean(lengths.mean())
        self.total += mean.detach()
        self.parts += 1
        a = self.a.lerp(mean, 1 - self.decay)
        return {"path_length": (lengths - a).square().mean()}

    def styles(self, game: Game) -> Tensor:
        """Return w (B, layers, d) of new latents, some with a second style."""
        network: Any = game.generator_module
        y = game.fake_labels
        w: Tensor = network.styles(game.latent("path-length"), y)
        if not self.style_mixing or w.shape[1] < 2:
            return w
        other = network.styles(game.latent("path-length second"), y)
        cut = 1 + game.uniform("path-length cut", 1, 1) * (w.shape[1] - 1)
        is_mixed = game.uniform("path-length mixing", 1, 1) < self.style_mixing
        layer = torch.arange(1, w.shape[1] + 1, device=w.device)[:, None]
        return torch.where(is_mixed & (layer > cut), other, w)

    def after_step(self, game: Game) -> None:
        if game.player == "generator":
            self.a.lerp_(self.total / self.parts.clamp(min=1), 1 - self.decay)
            self.total.zero_()
            self.parts.zero_()
