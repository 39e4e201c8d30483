"""MHGAN: D classifies into K + 1 classes, of which the last is "generated", by a multi-hinge loss.

Paper: arXiv:1912.04216, with the authors' feature matching.

Shows: a conditional loss on a head of D, features in both updates, `mean` over processes.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from ganzoo.api import (
    DiscriminatorOutput,
    Game,
    NonNegativeFloat,
    PositiveInt,
    SampleSpec,
    Terms,
    hookimpl,
)


@hookimpl
def register_discriminators(register):
    register("multi-hinge", "local:Discriminator", paper="arXiv:1912.04216")


@hookimpl
def register_losses(register):
    register("multi-hinge", "local:MultiHinge", paper="arXiv:1912.04216")


class Discriminator(nn.Module):
    """A multilayer perceptron with K + 1 outputs o. The logit is max_{k < K} o_k - o_K.

    Raises:
        ValueError: data without classes.
    """

    capabilities = frozenset({"features", "local/multi-hinge"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16) -> None:
        super().__init__()
        if not spec.classes:
            raise ValueError(f"this D classifies, and {spec} has no classes")
        sizes = (spec.size, width, width)
        self.hidden = nn.ModuleList(nn.Linear(*each) for each in pairwise(sizes))
        self.o = nn.Linear(width, spec.classes + 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        h = x.flatten(1)
        for layer in self.hidden:
            h = leaky_relu(layer(h), 0.2)
        o = self.o(h)
        real = o[:, :-1].amax(1) - o[:, -1]
        return DiscriminatorOutput(real, (h,), extra={"multi_hinge": o})


class MultiHinge:
    """D: MH(x, y) + MH(G(z), K), G: lambda_fake MH(G(z), y) + mean |E h(G(z)) - E h(x)|.

    MH(x, y) = E max(0, 1 + max_{k != y} o_k - o_y), and h are D's last features.
    """

    capabilities = frozenset({"batch-coupled", "conditional"})
    requires = {"discriminator": {"features", "local/multi-hinge"}}

    def __init__(self, *, lambda_fake: NonNegativeFloat = 0.05) -> None:
        self.lambda_fake = lambda_fake

    def discriminator(self, game: Game) -> Terms:
        generated = torch.full_like(
            game.fake_labels, game.fake_output.extra["multi_hinge"].shape[1] - 1
        )
        return {
            "real": multi_hinge(game.real_output, game.labels),
            "fake": multi_hinge(game.fake_output, generated),
        }

    def generator(self, game: Game) -> Terms:
        fake, real = (
            game.mean(output.features[-1].float().mean(0))
            for output in (game.fake_output, game.real_output)
        )
        return {
            "fake": self.lambda_fake * multi_hinge(game.fake_output, game.fake_labels),
            "features": (fake - real).abs().mean(),
        }


def multi_hinge(output: DiscriminatorOutput, y: Tensor) -> Tensor:
    o = output.extra["multi_hinge"]
    o_y = o.gather(1, y[:, None])[:, 0]
    others = o.scatter(1, y[:, None], -torch.inf).amax(1)
    return relu(1 + others - o_y).mean()
