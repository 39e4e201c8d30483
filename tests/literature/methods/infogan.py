"""InfoGAN: the first numbers of z are a code, which a head of D reads back from G(z).

Paper: arXiv:1606.03657, equation 6.

Shows: a latent with a capability of its own, a head in D's `extra`, `requires` by role.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, Game, PositiveInt, SampleSpec, Terms, hookimpl

CATEGORIES, NUMBERS = 4, 2
"""The code c: one of 4 categories, one-hot, then 2 numbers in [-1, 1]."""

LATENTS = ["local/code"]  # what the conformance kit plays the regularizer with


@hookimpl
def register_latents(register):
    register("code", "local:Code", paper="arXiv:1606.03657")


@hookimpl
def register_discriminators(register):
    register("code", "local:Discriminator", paper="arXiv:1606.03657")


@hookimpl
def register_regularizers(register):
    register("information", "local:Information", paper="arXiv:1606.03657")


class Code:
    """The code c, then standard normal numbers."""

    capabilities = frozenset({"local/code"})

    def __init__(self, dim: int) -> None:
        if dim < CATEGORIES + NUMBERS:
            raise ValueError(f"the code has {CATEGORIES + NUMBERS} numbers, z only {dim}")
        self.dim = dim

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        z = torch.randn(n, self.dim, generator=generator)
        category, numbers = code_of(z)
        category.copy_(functional.one_hot(category.argmax(1), CATEGORIES))
        numbers.copy_(torch.rand(n, NUMBERS, generator=generator) * 2 - 1)
        return z


def code_of(z: Tensor) -> tuple[Tensor, Tensor]:
    """Return the category (B, CATEGORIES) and the numbers (B, NUMBERS) of z, as views."""
    return z[:, :CATEGORIES], z[:, CATEGORIES : CATEGORIES + NUMBERS]


class Discriminator(nn.Module):
    """A multilayer perceptron. The logit and Q share all but their last layer."""

    capabilities = frozenset({"local/code-head"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(spec.size, width), nn.LeakyReLU(0.2))
        self.logit = nn.Linear(width, 1)
        self.Q = nn.Linear(width, CATEGORIES + 2 * NUMBERS)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        h = self.body(x.flatten(1))
        return DiscriminatorOutput(self.logit(h).squeeze(1), extra={"code": self.Q(h)})


class Information:
    """-E log Q(c | G(z)): cross entropy of the category, Gaussian likelihood of the numbers.

    Both players minimise it. D's weights, and Q's, are fixed in G's update.
    """

    requires = {"discriminator": {"local/code-head"}, "latent": {"local/code"}}

    def discriminator(self, game: Game) -> Terms:
        category, c = code_of(game.latents)
        sizes = (CATEGORIES, NUMBERS, NUMBERS)
        logits, mean, log_variance = game.fake_output.extra["code"].split(sizes, 1)
        likelihood = functional.gaussian_nll_loss(
            mean, c, log_variance.exp(), full=True, reduction="none"
        )
        return {
            "category": functional.cross_entropy(logits, category.argmax(1)),
            "numbers": likelihood.sum(1).mean(),
        }

    generator = discriminator
