"""ProGAN's networks compute known numbers at each level."""

from math import sqrt
from typing import Any

import pytest
import torch
from ganzoo_zoo.networks.progan import Discriminator, Generator
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu

from ganzoo.api import SampleSpec
from ganzoo.sampling.program import program_of
from ganzoo.training.ema import Ema

SPEC = SampleSpec("image", (3, 16, 16))
SMALL: dict[str, Any] = {"channel_base": 64, "channel_max": 8}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def generator(level: float | None = None) -> Generator:
    return Generator(SPEC, **SMALL, latent_dim=6, level=level)


def pixel_norm(x: Tensor) -> Tensor:
    x = leaky_relu(x, 0.2)
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


@torch.no_grad()
def test_the_generator_is_that_of_the_paper() -> None:
    network, z = generator(), torch.randn(2, 6)

    def layer(x: Tensor, convolution: Any) -> Tensor:
        weight = convolution.weight * sqrt(2) / sqrt(convolution.weight[0].numel())
        return pixel_norm(conv2d(x, weight, convolution.bias, padding=1))

    unit = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    h = unit @ network.base.weight.T * (sqrt(2) / 4 / sqrt(6))
    h = layer(pixel_norm(h.view(2, 8, 4, 4)), network.convolution)
    for first, second in network.blocks:
        h = layer(layer(interpolate(h, scale_factor=2), first), second)
    last = network.images[-1]
    expected = conv2d(h, last.weight / sqrt(last.weight.shape[1]), last.bias)
    torch.testing.assert_close(network(z), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_at_a_whole_level_images_have_the_size_of_that_level() -> None:
    network, z = generator(), torch.randn(2, 6)
    for level, pixels in enumerate((4, 4, 4)):
        network.level.fill_(level)
        block = 2 ** (2 - level)
        image = network(z)
        small = avg_pool2d(image, block)
        torch.testing.assert_close(interpolate(small, scale_factor=block), image)
        assert small.shape[-1] == pixels * 2**level


@torch.no_grad()
def test_between_two_levels_both_images_are_mixed() -> None:
    network, z = generator(), torch.randn(2, 6)
    images = []
    for level in (1.0, 2.0, 1.25):
        network.level.fill_(level)
        images.append(network(z))
    torch.testing.assert_close(images[2], 0.75 * images[0] + 0.25 * images[1])


@torch.no_grad()
def test_a_discriminator_sees_no_more_than_its_level() -> None:
    network, x = Discriminator(SPEC, **SMALL), torch.randn(4, 3, 16, 16)
    for level in (0, 1):
        network.level.fill_(level)
        block = 4 // 2**level
        coarse = interpolate(avg_pool2d(x, block), scale_factor=block)
        torch.testing.assert_close(network(x).logits, network(coarse).logits)
    network.level.fill_(1.01)
    assert not torch.allclose(network(x).logits, network(coarse).logits, rtol=1e-6)


def test_layers_above_the_level_have_gradients_of_0() -> None:
    for network, given in (
        (generator(1.0), torch.randn(4, 6)),
        (Discriminator(SPEC, **SMALL, level=1.0), torch.randn(4, 3, 16, 16)),
    ):
        output: Any = network(given)
        (output if isinstance(output, Tensor) else output.logits).square().sum().backward()
        above = network.blocks[1] if isinstance(network, Generator) else network.blocks[0]
        used = network.blocks[0] if isinstance(network, Generator) else network.blocks[1]
        assert all(not each.grad.any() for each in above.parameters())  # type: ignore[union-attr]
        assert all(each.grad.any() for each in used.parameters())  # type: ignore[union-attr]


@torch.no_grad()
def test_activations_of_a_new_network_keep_their_size() -> None:
    spec = SampleSpec("image", (3, 16, 16))
    network, z = Generator(spec, channel_max=64), torch.randn(16, 512)
    assert network(z).square().mean().sqrt().item() == pytest.approx(1, abs=0.4)


def test_the_average_of_g_copies_the_level() -> None:
    network = generator(0.0)
    average = Ema(network, half_life_samples=1000)
    network.level.fill_(1.5)
    average.update(samples=1, samples_seen=1)
    assert average.module.level.item() == 1.5


@torch.no_grad()
def test_a_program_has_the_level_of_its_generator() -> None:
    network = generator(1.5).eval()
    program: Any = program_of(network, torch.randn(2, 6), None).module()
    z = torch.randn(3, 6)
    torch.testing.assert_close(program(z), network(z))


def test_a_level_above_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"level: 2.5 is above the 2 doublings"):
        generator(2.5)
