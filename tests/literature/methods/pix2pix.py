"""pix2pix: a U-Net translates one image into another, a critic of patches judges the pair.

Paper: arXiv:1611.07004. Here it fills the outlines of ellipses.

Shows: data with a condition, pairs of `fake` and `real`, dropout from `noise`.
"""

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from ganzoo.api import Game, Noise, PositiveInt, SampleSpec, Terms, hookimpl

SPECS = [SampleSpec("image", (3, 16, 16), condition=SampleSpec("image", (1, 16, 16)))]
INSIDE, OUTSIDE = (torch.tensor(each).view(3, 1, 1) for each in ((255, 160, 0), (0, 40, 120)))


@hookimpl
def register_datasets(register):
    register("shapes", "local:Shapes", splits=("train", "test"))


@hookimpl
def register_generators(register):
    register("unet", "local:UNet")


@hookimpl
def register_discriminators(register):
    register("patches", "local:Patches")


@hookimpl
def register_regularizers(register):
    register("l1", "local:L1")


class Shapes(TensorDataset):
    """Filled ellipses; the condition of each is its outline."""

    spec = SPECS[0]

    def __init__(self, split: str) -> None:
        random = torch.Generator().manual_seed(int(split == "test"))
        centres, radii = torch.rand(2, 512, 2, 1, 1, generator=random)
        places = torch.cartesian_prod(*[torch.arange(16.0)] * 2).T.view(2, 16, 16)
        distance = ((places - 6 - 4 * centres) / (3 + 4 * radii)).norm(dim=1, keepdim=True)
        samples = torch.where(distance < 1, INSIDE, OUTSIDE).byte()
        super().__init__(samples, 255 * ((distance - 1).abs() < 0.15).byte())


def channels(spec: SampleSpec) -> tuple[int, int]:
    if spec.condition is None or spec.condition.shape[1:] != spec.shape[1:]:
        raise ValueError(f"this network is for pairs of images of one size, not {spec}")
    return spec.condition.channels, spec.channels


class UNet(nn.Module):
    """G: two halvings, then two doublings, the first with a skip. Its z is dropout alone."""

    latent_dim = 1
    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 32) -> None:
        super().__init__()
        given, made = channels(spec)
        self.down1 = nn.Conv2d(given, width, 4, 2, 1)
        self.down2 = nn.Conv2d(width, 2 * width, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(2 * width, width, 4, 2, 1)
        self.up1 = nn.ConvTranspose2d(2 * width, made, 4, 2, 1)

    def forward(self, z: Tensor, y: Tensor, *, noise: Noise) -> Tensor:
        large = self.down1(y).relu()
        small = self.down2(large).relu()
        kept = noise.uniform("dropout", small.shape[1], 1, 1) < 0.5
        x = self.up2(2 * small * kept).relu()
        return self.up1(torch.cat([x, large], 1)).tanh()


class Patches(nn.Sequential):
    """D: one logit for each patch of the sample and its condition."""

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 32) -> None:
        first, last = nn.Conv2d(sum(channels(spec)), width, 4, 2, 1), nn.Conv2d(width, 1, 4, 2, 1)
        super().__init__(first, nn.LeakyReLU(0.2), last, nn.Flatten())

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return super().forward(torch.cat([x, y], 1))


class L1:
    """E |G(z, y) - x|: the generated image in a row has the condition of the real one."""

    capabilities = frozenset({"graph-safe"})

    def generator(self, game: Game) -> Terms:
        return {"l1": (game.fake - game.real).abs().mean()}
