"""The U-Net discriminator: counts of the authors' code, its logits, and CutMix.

Counts: boschresearch/unetgan at 37adcf0, without attention, measured there; a layer that it never
uses (65 parameters) is left out.
"""

import pytest
import torch
from ganzoo_zoo.networks.mlp import Generator
from ganzoo_zoo.networks.unet import Discriminator
from ganzoo_zoo.regularizers.pixel_cutmix import PixelCutMix, real_pixels
from torch import nn
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.api import SampleSpec
from ganzoo.testing import game

UNUSED = 65
PUBLISHED = {128: (31_481_667, 9_338_384_096), 256: (44_067_651, 36_173_804_768)}


@pytest.mark.parametrize("size", PUBLISHED)
def test_it_has_the_published_parameters_and_multiplications(size: int) -> None:
    parameters, macs = PUBLISHED[size]
    with torch.device("meta"):
        network = Discriminator(SampleSpec("image", (3, size, size)), width=64).eval()
        assert sum(p.numel() for p in network.parameters()) == parameters - UNUSED
        with FlopCounterMode(display=False) as counter:
            output = network(torch.zeros(2, 3, size, size))
    # The authors' count has a power iteration for the two images: W'u, Wv and uWv for each weight.
    normed = [m for m in network.modules() if parametrize.is_parametrized(m)]
    weights = [layer.weight for layer in normed]
    iteration = sum(3 * weight.numel() + len(weight) for weight in weights)
    assert (counter.get_total_flops() // 2 + iteration) // 2 == macs
    assert output.extra["map"].shape == (2, 1, size, size)
    assert not parametrize.is_parametrized(network.pixels)
    assert parametrize.is_parametrized(network.whole)


def test_half_of_the_logits_are_the_pixels_and_half_the_one_of_the_image() -> None:
    torch.manual_seed(0)
    network = Discriminator(SampleSpec("image", (1, 8, 12)), width=4)
    output = network(torch.randn(3, 1, 8, 12))
    pixels, whole = output.logits.chunk(2, 1)
    torch.testing.assert_close(pixels, output.extra["map"].flatten(1))
    torch.testing.assert_close(whole, output.extra["whole"][:, None].expand(3, 96))


def test_a_label_moves_the_logits_by_the_products_with_its_vectors() -> None:
    torch.manual_seed(0)
    spec = SampleSpec("image", (1, 8, 8), classes=3)
    network = Discriminator(spec, width=4, spectral_norm=False, conditional=True)
    assert network.of_pixels is not None
    inputs: list[torch.Tensor] = []
    network.pixels.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    x = torch.randn(2, 1, 8, 8)
    one, other = (network(x, torch.tensor(labels)).extra["map"] for labels in ([0, 1], [2, 2]))
    table = network.of_pixels.weight
    moved = (table[[2, 2]] - table[[0, 1]])[:, :, None, None]
    torch.testing.assert_close(other - one, (moved * inputs[0]).sum(1, keepdim=True))


def test_a_pixel_of_the_map_sees_its_own_surroundings_through_the_skips() -> None:
    torch.manual_seed(0)
    network = Discriminator(SampleSpec("image", (1, 32, 32)), width=4)
    x = torch.randn(1, 1, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(x).extra["map"][0, 0, 16, 16], x)
    near = gradient[0, 0, 12:21, 12:21].abs().mean()
    assert near > 3 * gradient.abs().mean()


def update_of(labels: torch.Tensor | None = None) -> object:
    torch.manual_seed(0)
    spec = SampleSpec("image", (1, 8, 8), classes=0 if labels is None else 3)
    return game(
        "discriminator",
        Generator(spec, width=8, latent_dim=4),
        Discriminator(spec, width=4),
        real=torch.randn(64, 1, 8, 8),
        latents=torch.randn(64, 4),
        spec=spec,
    )


def test_a_mask_is_a_box_of_a_uniform_share_or_all_but_one() -> None:
    mask = real_pixels(update_of(), 16, 16)  # type: ignore[arg-type]
    assert mask.shape == (64, 1, 16, 16)
    for each in mask[:, 0]:
        box = each if each[[0, 0, -1, -1], [0, -1, 0, -1]].sum() < 3 else ~each
        rows, columns = box.any(1), box.any(0)
        assert torch.equal(box, rows[:, None] & columns[None, :])
    shares = mask.float().mean((1, 2, 3))
    assert 0.35 < shares.mean() < 0.65
    assert shares.min() < 0.15
    assert shares.max() > 0.85


class Known(nn.Module):
    """D whose map is the image itself."""

    capabilities = frozenset({"zoo/pixel-map"})

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> object:
        from ganzoo.api import DiscriminatorOutput

        whole = x.mean((1, 2, 3)) * self.scale
        return DiscriminatorOutput(whole, extra={"map": x * self.scale, "whole": whole})


def test_the_terms_of_a_map_that_is_the_image_are_those_of_the_equations() -> None:
    spec = SampleSpec("image", (1, 8, 8))
    update = game(
        "discriminator",
        Generator(spec, width=8, latent_dim=4),
        Known(),
        real=torch.randn(6, 1, 8, 8),
        latents=torch.randn(6, 4),
        spec=spec,
    )
    found = PixelCutMix().discriminator(update)
    assert found["consistency"].item() == 0
    mask = real_pixels(update, 8, 8)
    mixed = torch.where(mask, update.real, update.fake)
    right = mixed.sigmoid().log() * mask + (1 - mixed.sigmoid()).log() * ~mask
    whole = (1 - mixed.mean((1, 2, 3)).sigmoid()).log().mean()
    assert found["mixed"].item() == pytest.approx(-(right.mean() + whole).item(), rel=1e-5)
