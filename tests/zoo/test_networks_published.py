"""Counts, shapes and the order of layers against public implementations (networks.json)."""

import json
import runpy
from collections import Counter
from functools import cache
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from ganzoo_zoo.blocks.labels import ConditionalBatchNorm2d
from ganzoo_zoo.blocks.residual import doubled
from ganzoo_zoo.networks import dcgan, resnet
from torch import Tensor, nn, relu
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.api import SampleSpec

layers_of = runpy.run_path(str(Path(__file__).with_name("layers_in_words.py")))["layers_of"]
PUBLISHED = json.loads((Path(__file__).parent / "networks.json").read_text())
GROWING: dict[str, Any] = {"width": 64, "max_width": 1024}

PARAMETERS: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    "pytorch_gan_zoo/dcgan_64": (64, {}, {}),
    "mimicry/sngan_32": (32, {}, {}),
    "mimicry/cgan_pd_32": (32, {"conditional": True}, {"conditional": True}),
    "mimicry/sngan_48": (
        48,
        {"width": 64, "max_width": 512},
        GROWING | {"blocks": 5, "downsamplings": 5},
    ),
    "mimicry/sngan_64": (64, GROWING, GROWING | {"downsamplings": 5}),
    "mimicry/sngan_128": (128, GROWING, GROWING | {"downsamplings": 5}),
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@cache
def published_pair(name: str) -> list[tuple[nn.Module, tuple[Tensor, ...], dict[str, Any]]]:
    """Return (network, inputs, facts) of G and of D, on the meta device: shapes without numbers."""
    size, of_generator, of_discriminator = PARAMETERS[name]
    module = dcgan if "dcgan" in name else resnet
    if module is resnet:
        of_discriminator = of_discriminator | {"spectral_norm": True}
    conditional = of_generator.get("conditional", False)
    spec = SampleSpec("image", (3, size, size), classes=10 if conditional else 0)
    with torch.device("meta"):
        generator = module.Generator(spec, **of_generator).eval()
        discriminator = module.Discriminator(spec, **of_discriminator).eval()
        labels = (torch.zeros(2, dtype=torch.long),) if conditional else ()
        latents, images = torch.zeros(2, generator.latent_dim), torch.zeros(2, *spec.shape)
    facts = PUBLISHED[name]
    return [
        (generator, (latents, *labels), facts["G"]),
        (discriminator, (images, *labels), facts["D"]),
    ]


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_have_the_published_number_and_shapes(name: str) -> None:
    for network, _, facts in published_pair(name):
        assert sum(p.numel() for p in network.parameters()) == facts["parameters"]
        shapes = Counter("x".join(map(str, p.shape)) for p in network.parameters())
        assert shapes == facts["parameter_shapes"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_forward_pass_takes_the_published_number_of_multiplications(name: str) -> None:
    for network, inputs, facts in published_pair(name):
        with FlopCounterMode(display=False) as counter:
            network(*inputs)
        assert counter.get_total_flops() / 2 / 2 == facts["macs"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_layers_run_in_the_published_order_at_the_published_sizes(name: str) -> None:
    for network, inputs, facts in published_pair(name):
        assert layers_of(network, inputs) == facts["layers_in_forward_order"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_spectral_norm_is_on_the_published_number_of_layers(name: str) -> None:
    for network, _, facts in published_pair(name):
        count = sum(parametrize.is_parametrized(module) for module in network.modules())
        assert count == facts["spectral_norms"]


def raw_weight(layer: nn.Module) -> Tensor:
    """Return a layer's parameter, before spectral norm."""
    parametrized = parametrize.is_parametrized(layer)
    return layer.parametrizations.weight.original if parametrized else layer.weight


def test_residual_weights_are_xavier_uniform_with_gain_sqrt_2_in_blocks_and_1_elsewhere() -> None:
    spec = SampleSpec("image", (3, 32, 32), classes=10)
    for network in (
        resnet.Generator(spec, width=64),
        resnet.Discriminator(spec, width=64, spectral_norm=True, conditional=True),
    ):
        for name, layer in network.named_modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | nn.Embedding):
                weight = raw_weight(layer).detach()
                gain = sqrt(2) if ".convolution" in name else 1
                fan = sum(weight.shape[:2]) * weight[0, 0].numel()
                bound = gain * sqrt(6 / fan)
                assert weight.abs().max() == pytest.approx(bound, rel=0.05), name
                assert weight.square().mean() == pytest.approx(bound**2 / 3, rel=0.2), name


def test_dcgan_weights_are_normal_with_sd_0_02_and_gains_are_about_1() -> None:
    spec = SampleSpec("image", (3, 64, 64))
    for network in (dcgan.Generator(spec), dcgan.Discriminator(spec)):
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
                assert layer.weight.mean().item() == pytest.approx(0, abs=0.002)
            if isinstance(layer, nn.BatchNorm2d):
                assert layer.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert layer.weight.std().item() == pytest.approx(0.02, rel=0.3)
                assert not layer.bias.any()


def test_a_residual_shortcut_carries_x_and_not_relu_of_x() -> None:
    block = resnet.DownBlock(4, 4, halve=False, first=False)
    nn.init.zeros_(block.convolution2.weight)
    nn.init.zeros_(block.convolution2.bias)
    x = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(block(x.clone()), x)


def test_residual_blocks_match_the_published_ones_except_for_the_relu_in_place() -> None:
    x = torch.randn(2, 3, 6, 6)
    first = resnet.DownBlock(3, 4, halve=True, first=True)
    residual = pool(first.convolution2(relu(first.convolution1(x))))
    torch.testing.assert_close(first(x), residual + first.shortcut(pool(x)))

    down = resnet.DownBlock(3, 4, halve=True, first=False)
    residual = pool(down.convolution2(relu(down.convolution1(relu(x)))))
    torch.testing.assert_close(down(x), residual + pool(down.shortcut(x)))

    up = resnet.UpBlock(3, 4, ConditionalBatchNorm2d)
    residual = up.convolution1(doubled(relu(up.norm1(x))))
    residual = up.convolution2(relu(up.norm2(residual)))
    torch.testing.assert_close(up(x, None), residual + up.shortcut(doubled(x)))


def pool(x: Tensor) -> Tensor:
    """Return the mean of each 2x2 pixels."""
    return x.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))


def test_dcgan_is_the_plain_stack_of_layers_of_the_paper() -> None:
    spec = SampleSpec("image", (3, 64, 64))
    ups, downs = [32, 16, 8, 4], [3, 4, 8, 16, 32]
    generator: list[nn.Module] = [nn.ConvTranspose2d(10, 32, 4, bias=False)]
    for inputs, outputs in zip(ups, [*ups[1:], 3], strict=True):
        generator += [nn.BatchNorm2d(inputs), nn.ReLU()]
        generator.append(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False))
    discriminator: list[nn.Module] = []
    for inputs, outputs in pairwise(downs):
        discriminator.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False))
        discriminator += [nn.BatchNorm2d(outputs)] if inputs > 3 else []
        discriminator.append(nn.LeakyReLU(0.2))
    discriminator.append(nn.Conv2d(32, 1, 4, bias=False))

    z, x = torch.randn(2, 10), torch.randn(2, 3, 64, 64)
    ours = dcgan.Generator(spec, width=4, latent_dim=10)
    expected = give_weights(ours, nn.Sequential(*generator, nn.Tanh()))(z[:, :, None, None])
    torch.testing.assert_close(ours(z), expected)
    ours = dcgan.Discriminator(spec, width=4)
    expected = give_weights(ours, nn.Sequential(*discriminator))(x).flatten()
    torch.testing.assert_close(ours(x).logits, expected)


def give_weights(source: nn.Module, target: nn.Sequential) -> nn.Sequential:
    """Copy the convolutions of one network, in their order, and its batch norms, to another."""
    for kind in (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d):
        theirs = [layer for layer in target if isinstance(layer, kind)]
        ours = [layer for layer in source.modules() if isinstance(layer, kind)]
        for from_layer, to_layer in zip(ours, theirs, strict=True):
            to_layer.load_state_dict(from_layer.state_dict())
    return target


def test_residual_generators_upsample_bilinearly_without_aligned_corners() -> None:
    row = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    assert doubled(row)[0, 0].tolist() == [[0, 0.25, 0.75, 1]] * 2


def test_residual_discriminators_sum_the_last_activation_over_all_pixels() -> None:
    discriminator = resnet.Discriminator(SampleSpec("image", (3, 16, 24)), width=4)
    *_, last, summed = discriminator(torch.randn(2, 3, 16, 24)).features
    torch.testing.assert_close(summed, last.clamp(min=0).flatten(2).sum(2))
    assert last.shape == (2, 4, 8, 12)
