"""CycleGAN: two generators translate between two kinds of images, without pairs of them.

Paper: arXiv:1703.10593, equation 2 and the identity loss of section 5.2. The authors have least
squares as the loss, and show D some older fakes as well.

Shows: a player of two networks, a condition of the samples' own form, `generate` from a `fake`.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ganzoo.api import Game, PositiveInt, SampleSpec, Terms, hookimpl

SIDE_BY_SIDE = SampleSpec("image", (1, 8, 16))
SPECS = [SampleSpec("image", (1, 8, 16), condition=SIDE_BY_SIDE)]


@hookimpl
def register_datasets(register):
    register("discs", "local:Discs", modalities={"image"}, splits=("train", "test"))


@hookimpl
def register_generators(register):
    register("translators", "local:Translators", modalities={"image"}, paper="arXiv:1703.10593")


@hookimpl
def register_discriminators(register):
    register("two-critics", "local:TwoCritics", modalities={"image"}, paper="arXiv:1703.10593")


@hookimpl
def register_regularizers(register):
    register("cycle", "local:Cycle", paper="arXiv:1703.10593")


class Discs(list):
    """A white disc on black, a, beside a black one on white, b. The condition is the same."""

    spec = SPECS[0]

    def __init__(self, split: str) -> None:
        random = torch.Generator().manual_seed(int(split == "test"))
        rows, columns = 2 + 4 * torch.rand(2, 256, 2, 1, 1, generator=random)
        y, x = torch.arange(8.0)[:, None], torch.arange(8.0)
        a, b = ((y - rows) ** 2 + (x - columns) ** 2 < 4).split(1, dim=1)
        both = 255 * torch.cat([a, ~b], 3).byte()
        super().__init__(zip(both, both, strict=True))


def network(spec: SampleSpec, width: int, *end: nn.Module) -> nn.Sequential:
    first = nn.Conv2d(spec.channels, width, 3, padding=1)
    return nn.Sequential(first, nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 3, padding=1), *end)


class Translators(nn.Module):
    """From (a, b) to (F(b), G(a)). There is no chance in it: z is not used."""

    latent_dim = 1
    capabilities = frozenset({"conditional", "graph-safe", "local/translators"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16) -> None:
        super().__init__()
        if spec.condition is None or spec.condition.shape != spec.shape:
            raise ValueError(f"the condition of {spec} must be two images as well")
        self.F, self.G = (network(spec, width, nn.Tanh()) for _ in "FG")

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        a, b = y.chunk(2, dim=3)
        return torch.cat([self.F(b), self.G(a)], 3)


class TwoCritics(nn.Module):
    """The logits of one critic for a and one for b, a logit for each patch: (B, 2K)."""

    capabilities = frozenset({"graph-safe"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16) -> None:
        super().__init__()
        self.critics = nn.ModuleList(network(spec, width, nn.Flatten()) for _ in "ab")

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        halves = zip(self.critics, x.chunk(2, dim=3), strict=True)
        return torch.cat([critic(half) for critic, half in halves], 1)


class Cycle:
    """E |F(G(a)) - a| + E |G(F(b)) - b|, and half of E |F(a) - a| + E |G(b) - b|."""

    capabilities = frozenset({"conditional"})
    requires = {"generator": {"local/translators"}}

    def generator(self, game: Game) -> Terms:
        a, b = (given := game.fake_labels).chunk(2, dim=3)
        again = game.generate(game.latents, game.fake)
        same = game.generate(game.latents, torch.cat([b, a], 3))
        return {"cycle": 2 * l1_loss(again, given), "identity": l1_loss(same, given)}
