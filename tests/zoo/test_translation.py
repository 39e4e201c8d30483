"""Generators of images from images: counts of the authors' code, what they read, what they make.

Counts: junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py at 7891385.
"""

from itertools import pairwise
from typing import Any

import pytest
import torch
from ganzoo_zoo.networks import resnet_translation, unet
from ganzoo_zoo.networks.patch import Discriminator
from ganzoo_zoo.regularizers.translation import Cycle, Pixel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.api import SampleSpec
from ganzoo.registry.registry import Registry
from ganzoo.testing import game
from ganzoo.testing.arguments import PAIRED
from ganzoo.testing.component import Component


class Noise:
    """Uniform numbers from torch's default generator."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.asked: dict[str, tuple[int, ...]] = {}

    def uniform(self, name: str, *shape: int) -> Tensor:
        self.asked[name] = shape
        return torch.rand(self.rows, *shape)

    def normal(self, name: str, *shape: int) -> Tensor:
        raise AssertionError("the only noise is dropout")


def pair(size: int, channels: int = 3) -> SampleSpec:
    picture = SampleSpec("image", (channels, size, size))
    return SampleSpec("image", picture.shape, condition=picture)


def seconds(size: int) -> SampleSpec:
    both = SampleSpec("image", (3, size, 2 * size))
    return SampleSpec("image", both.shape, condition=both)


def macs(network: nn.Module, *inputs: Tensor, **keywords: Any) -> float:
    with FlopCounterMode(display=False) as counter:
        network(*inputs, **keywords)
    return counter.get_total_flops() / 4


@pytest.mark.parametrize(
    ("size", "parameters", "expected"),
    [
        (256, 54_413_955, 6_048_186_368),
        (128, 41_828_995, 1_505_755_136),
        (64, 29_244_035, 370_147_328),
    ],
)
def test_the_unet_has_the_published_counts(size: int, parameters: int, expected: int) -> None:
    with torch.device("meta"):
        network = unet.Generator(pair(size))
        z, y = torch.zeros(2, 1), torch.zeros(2, 3, size, size)
        assert sum(p.numel() for p in network.parameters()) == parameters
        assert macs(network, z, y, noise=Noise(2)) == expected


@pytest.mark.parametrize(
    ("size", "width", "parameters", "expected"),
    [
        (256, 64, 11_378_179, 49_551_507_456),
        (128, 64, 7_837_699, 8_763_998_208),
        (64, 32, 1_965_059, 567_017_472),
    ],
)
def test_the_residual_generator_has_the_published_counts(
    size: int, width: int, parameters: int, expected: int
) -> None:
    with torch.device("meta"):
        network = resnet_translation.Generator(pair(size), width=width)
        z, y = torch.zeros(2, 1), torch.zeros(2, 3, size, size)
        assert sum(p.numel() for p in network.parameters()) == parameters
        assert macs(network, z, y) == expected


def test_dropout_is_in_the_published_number_of_inner_layers_and_in_eval_mode() -> None:
    for size, levels in ((256, [4, 5, 6]), (128, [4, 5]), (64, [4]), (32, [3]), (16, [2])):
        network = unet.Generator(pair(size), width=2).eval()
        noise = Noise(1)
        y = torch.randn(1, 3, size, size)
        with torch.no_grad():
            one = network(torch.zeros(1, 1), y, noise=noise)
            other = network(torch.zeros(1, 1), y, noise=Noise(1))
        assert sorted(noise.asked) == [f"dropout/{level}" for level in levels]
        assert not torch.equal(one, other)
        still = unet.Generator(pair(size), width=2, dropout=0.0).eval()
        assert not Noise(1).asked
        silent = Noise(1)
        still(torch.zeros(1, 1), y, noise=silent)
        assert not silent.asked


def test_dropout_sets_half_of_the_values_to_0_and_doubles_the_others() -> None:
    network = unet.Generator(pair(16), width=2)
    inputs = []
    network.ups[1].register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    outputs = []
    network.ups[2].register_forward_hook(lambda _, __, made: outputs.append(made))
    network(torch.zeros(4, 1), torch.randn(4, 3, 16, 16), noise=Noise(4))
    made, dropped = outputs[0], inputs[0][:, -outputs[0].shape[1] :]
    zero = dropped == 0
    assert 0.4 < zero.float().mean() < 0.6
    torch.testing.assert_close(dropped[~zero], 2 * made[~zero])


def test_the_unet_is_the_plain_stack_of_layers_with_skips() -> None:
    torch.manual_seed(0)
    network = unet.Generator(pair(8), width=2, dropout=0.0, norm="none")
    y = torch.randn(2, 3, 8, 8)
    downs = [layer for layer in network.downs.modules() if isinstance(layer, nn.Conv2d)]
    ups = [layer for layer in network.ups.modules() if isinstance(layer, nn.ConvTranspose2d)]
    a = downs[0](y)
    b = downs[1](nn.functional.leaky_relu(a, 0.2))
    c = downs[2](nn.functional.leaky_relu(b, 0.2))
    up = ups[2](c.relu())
    up = ups[1](torch.cat([b, up], 1).relu())
    expected = ups[0](torch.cat([a, up], 1).relu()).tanh()
    torch.testing.assert_close(network(torch.zeros(2, 1), y, noise=Noise(2)), expected)
    for layer in (*downs, *ups):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.4)


def test_a_condition_of_another_size_and_other_channels_is_resized() -> None:
    given = SampleSpec("image", (1, 4, 4))
    spec = SampleSpec("image", (3, 16, 16), condition=given)
    y = torch.randn(2, 1, 4, 4)
    large = nn.functional.interpolate(y, (16, 16), mode="bilinear")
    network = unet.Generator(spec, width=2, dropout=0.0)
    z = torch.zeros(2, 1)
    torch.testing.assert_close(
        network(z, y, noise=Noise(2)), network(z, large, noise=Noise(2)), atol=1e-5, rtol=1e-5
    )
    other = resnet_translation.Generator(spec, width=2, blocks=1)
    torch.testing.assert_close(other(z, y), other(z, large))
    critic = Discriminator(spec, width=2, conditional=True)
    x = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(critic(x, y), critic(x, large))


def test_both_ways_gives_each_half_of_what_the_other_half_was() -> None:
    torch.manual_seed(0)
    network = resnet_translation.BothWays(seconds(12), width=2, blocks=1)
    y, z = torch.randn(2, 3, 12, 24), torch.zeros(2, 1)
    a, b = y.chunk(2, 3)
    torch.testing.assert_close(network(z, y), torch.cat([network.to_a(b), network.to_b(a)], 3))
    kinds = [type(m) for m in network.to_a.layers]
    assert kinds.count(resnet_translation.ResidualBlock) == 1
    for one, other in pairwise([network.to_a, network.to_b]):
        assert not torch.equal(one.layers[1].weight, other.layers[1].weight)


class Halves(nn.Module):
    """G of pairs: F(b) = 0.5 b, G(a) = a + 0.25."""

    latent_dim = 1
    capabilities = frozenset({"conditional", "zoo/both-ways"})

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        a, b = y.chunk(2, dim=3)
        return torch.cat([0.5 * b, a + 0.25], 3) + self.unused


def test_the_cycle_and_the_identity_are_those_of_two_known_functions() -> None:
    spec = seconds(8)
    y = torch.randn(3, 3, 8, 16)
    a, b = y.chunk(2, 3)
    update = game(
        "generator",
        Halves(),
        Discriminator(spec, width=2, halves=True),
        real=y,
        latents=torch.zeros(3, 1),
        labels=y,
        fake_labels=y,
        spec=spec,
        capabilities=Cycle.capabilities,
    )
    found = Cycle(lambda_cycle=8.0, identity=0.25).generator(update)
    a_again, b_again = 0.5 * (a + 0.25), 0.5 * b + 0.25
    cycle = ((a_again - a).abs().mean() + (b_again - b).abs().mean()) / 2
    identity = ((0.5 * a - a).abs().mean() + 0.25) / 2
    assert found["cycle"].item() == pytest.approx(8 * cycle.item(), rel=1e-5)
    assert found["identity"].item() == pytest.approx(2 * identity.item(), rel=1e-5)
    assert Cycle(identity=0.0).generator(update).keys() == {"cycle"}


def test_the_pixel_distance_is_the_mean_over_all_values() -> None:
    spec = seconds(8)
    y = torch.randn(3, 3, 8, 16)
    update = game(
        "generator",
        Halves(),
        Discriminator(spec, width=2, halves=True),
        real=y,
        latents=torch.zeros(3, 1),
        labels=y,
        fake_labels=y,
        spec=spec,
        capabilities=Pixel.capabilities,
    )
    found = Pixel(lambda_pixel=2.0).generator(update)["pixel"]
    expected = 2 * (Halves()(update.latents, y) - y).abs().mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_data_without_images_as_conditions_is_refused() -> None:
    for spec in (
        SampleSpec("image", (3, 16, 16), classes=2),
        SampleSpec("image", (3, 16, 16), condition=SampleSpec("vector", (4,))),
    ):
        for network in (unet.Generator, resnet_translation.Generator):
            with pytest.raises(ValueError, match="whose condition is an image"):
                network(spec)
    with pytest.raises(ValueError, match="two images side by side"):
        resnet_translation.BothWays(SampleSpec("image", (3, 16, 16), classes=2))
    with pytest.raises(ValueError, match="at least 5 pixels"):
        resnet_translation.Generator(pair(4))


def test_the_conformance_kit_tries_networks_for_conditions_with_pairs_of_pictures() -> None:
    registry = Registry()
    for kind, name in (("generator", "unet"), ("generator", "cyclegan"), ("regularizer", "cycle")):
        component = Component(registry, registry.get(kind, f"zoo/{name}"))
        assert component.cases[-1].spec == PAIRED
    other = Component(registry, registry.get("generator", "zoo/mlp"))
    assert PAIRED not in [case.spec for case in other.cases]
