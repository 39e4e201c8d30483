"""SSGAN: a head of D tells by which quarter turn an image was rotated.

Paper: arXiv:1811.11212.

Shows: `augment` before a change of one's own, `discriminate` of a longer batch.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

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
    facts = {"modalities": {"image"}, "paper": "arXiv:1811.11212"}
    register("rotation", "local:Discriminator", **facts)


@hookimpl
def register_regularizers(register):
    register("rotation", "local:Rotation", modalities={"image"}, paper="arXiv:1811.11212")


class Discriminator(nn.Module):
    """Two strided convolutions; a logit and the logits of the four rotations from their output.

    Raises:
        ValueError: an image that is not square, or of less than 4 pixels.
    """

    capabilities = frozenset({"local/rotation"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 8) -> None:
        super().__init__()
        if spec.height != spec.width or spec.height < 4:
            raise ValueError(
                f"a rotated image must fit: this needs squares from 4x4 on, not {spec}"
            )
        self.body = nn.Sequential(
            nn.Conv2d(spec.channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.logit = nn.Linear(8 * width, 1)
        self.rotation = nn.Linear(8 * width, 4)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        h = self.body(x)
        return DiscriminatorOutput(self.logit(h)[:, 0], extra={"rotation": self.rotation(h)})


class Rotation:
    """D: -beta E log Q(r | x turned by r), G: -alpha E log Q(r | G(z) turned by r)."""

    requires = {"discriminator": {"local/rotation"}}

    def __init__(self, *, alpha: NonNegativeFloat = 0.2, beta: NonNegativeFloat = 1.0) -> None:
        self.alpha = alpha
        self.beta = beta

    def discriminator(self, game: Game) -> Terms:
        return {"rotation": self.beta * self.minus_log_Q(game, game.real, game.labels)}

    def generator(self, game: Game) -> Terms:
        return {"rotation": self.alpha * self.minus_log_Q(game, game.fake, game.fake_labels)}

    def minus_log_Q(self, game: Game, x: Tensor, y: Tensor | None) -> Tensor:
        x = game.augment(x)
        turned = torch.cat([x.rot90(quarters, (2, 3)) for quarters in range(4)])  # (4B, C, H, W)
        y = None if y is None else y.repeat(4)
        guesses = game.discriminate(turned, y, augment=False).extra["rotation"]
        return cross_entropy(guesses, torch.arange(4, device=x.device).repeat_interleave(len(x)))
