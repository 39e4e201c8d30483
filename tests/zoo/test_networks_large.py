"""SAGAN, BigGAN, BigGAN-deep and the heads of D against public code (networks_large.json)."""

import json
import runpy
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from ganzoo_zoo.networks import biggan, biggan_deep, resnet, sagan
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.api import SampleSpec
from ganzoo.recipes import Recipe

pytestmark = pytest.mark.slow
layers_of = runpy.run_path(str(Path(__file__).with_name("layers_in_words.py")))["layers_of"]
PUBLISHED = json.loads((Path(__file__).parent / "networks_large.json").read_text())
COUNTS = PUBLISHED["parameters [G, D]"]
CONDITIONAL: dict[str, Any] = {"conditional": True}
GROWING: dict[str, Any] = {"width": 64, "max_width": 1024}
NORMED: dict[str, Any] = {"spectral_norm": True}
LARGE = GROWING | {"downsamplings": 5}

Row = tuple[Any, int, int, dict[str, Any], dict[str, Any]]
"""Module, pixels, classes, parameters of G and of D."""

NETWORKS: dict[str, Row] = {
    "mimicry/ssgan_32": (resnet, 32, 0, {}, NORMED | {"self_supervision": "rotation"}),
    "mimicry/infomax_gan_32": (resnet, 32, 0, {}, NORMED | {"self_supervision": "infomax"}),
    "mimicry/sagan_32": (sagan, 32, 10, CONDITIONAL, CONDITIONAL | {"attention": 8}),
    "studiogan/sngan_32": (
        resnet,
        32,
        10,
        CONDITIONAL | {"upsampling": "nearest"},
        CONDITIONAL | NORMED | {"hidden": "output"},
    ),
    "studiogan/sngan_imagenet128": (
        resnet,
        128,
        1000,
        CONDITIONAL | GROWING,
        CONDITIONAL | NORMED | LARGE | {"hidden": "output"},
    ),
    "studiogan/acgan_mod_32": (
        resnet,
        32,
        10,
        CONDITIONAL,
        {"batch_norm": True, "head": "classifier"},
    ),
    "studiogan/projgan_32": (resnet, 32, 10, CONDITIONAL, CONDITIONAL | {"batch_norm": True}),
    "studiogan/sagan_32": (sagan, 32, 10, CONDITIONAL, CONDITIONAL),
    "studiogan/sagan_imagenet128": (
        sagan,
        128,
        1000,
        CONDITIONAL | GROWING,
        CONDITIONAL | LARGE,
    ),
    "studiogan/biggan_32": (biggan, 32, 10, CONDITIONAL, CONDITIONAL),
    "studiogan/biggan_uncond_32": (biggan, 32, 10, {}, {}),
    "studiogan/biggan_imagenet128": (biggan, 128, 1000, CONDITIONAL, CONDITIONAL),
    "studiogan/biggan_deep_legacy_32": (biggan_deep, 32, 10, CONDITIONAL, CONDITIONAL),
    "studiogan/biggan_deep_studiogan_32": (
        biggan_deep,
        32,
        10,
        CONDITIONAL | {"shortcut": "convolution"},
        CONDITIONAL | {"shortcut": "convolution"},
    ),
    "studiogan/contragan_32": (biggan, 32, 10, CONDITIONAL, {"head": "embedding"}),
    "studiogan/mhgan_32": (biggan, 32, 10, CONDITIONAL, {"head": "multi-hinge"}),
}
ONE_HOT = {name for name in NETWORKS if name.startswith(("studiogan/s", "studiogan/ac"))} | {
    "studiogan/projgan_32"
}
"""G multiplies the weights of batch norm by one-hot labels; ours looks their columns up."""
PROXIES = 10 * 512
"""Multiplications of an embedding with all proxies; StudioGAN needs that of the label only."""

COUNTED: dict[str, Row] = {
    "BigGAN-PT C10 script: 32, ch 64, z 128, per-class cBN, no attention, D width 4ch": (
        sagan,
        32,
        10,
        CONDITIONAL | {"attention": 0},
        CONDITIONAL | {"attention": 0, "width": 256},
    ),
    "BigGAN-PT 64 z100 shared128 ch64 attn32 K200": (
        biggan,
        64,
        200,
        CONDITIONAL | {"width": 64},
        CONDITIONAL | {"width": 64},
    ),
    "same ch64": (biggan, 128, 1000, CONDITIONAL | {"width": 64}, CONDITIONAL | {"width": 64}),
    "BigGANdeep-PT 128 ch128 depth2 K1000": (biggan_deep, 128, 1000, CONDITIONAL, CONDITIONAL),
    "BigGANdeep-PT 64 ch64 K200": (
        biggan_deep,
        64,
        200,
        CONDITIONAL | {"width": 64},
        CONDITIONAL | {"width": 64},
    ),
    "mimicry SSGAN 48": (
        resnet,
        48,
        0,
        {"width": 64, "max_width": 512},
        LARGE | {"blocks": 5, "self_supervision": "rotation"},
    ),
    "mimicry SSGAN 64": (resnet, 64, 0, GROWING, LARGE | {"self_supervision": "rotation"}),
    "mimicry SSGAN 128": (resnet, 128, 0, GROWING, LARGE | {"self_supervision": "rotation"}),
    "mimicry InfoMax 48": (
        resnet,
        48,
        0,
        {"width": 64, "max_width": 512},
        LARGE | {"blocks": 5, "self_supervision": "infomax"},
    ),
    "mimicry InfoMax 64": (resnet, 64, 0, GROWING, LARGE | {"self_supervision": "infomax"}),
    "mimicry InfoMax 128": (resnet, 128, 0, GROWING, LARGE | {"self_supervision": "infomax"}),
    "StudioGAN C10 ACGAN-Mod-TAC or -ADC": (
        resnet,
        32,
        10,
        CONDITIONAL,
        {"batch_norm": True, "head": "twin-classifier"},
    ),
    "StudioGAN C10 ACGAN-Mod-Big": (biggan, 32, 10, CONDITIONAL, {"head": "classifier"}),
    "StudioGAN C10 ACGAN-Mod-Big-TAC or -ADC": (
        biggan,
        32,
        10,
        CONDITIONAL,
        {"head": "discriminative-classifier"},
    ),
    "StudioGAN ImageNet ReACGAN-2048": (
        biggan,
        128,
        1000,
        CONDITIONAL,
        {"head": "embedding", "embedding_dim": 2048},
    ),
}


@cache
def pair(row_of: str) -> list[tuple[nn.Module, tuple[Tensor, ...]]]:
    """Return (network, inputs) of G and of D, on the meta device: shapes without numbers."""
    module, size, classes, of_generator, of_discriminator = (NETWORKS | COUNTED)[row_of]
    spec = SampleSpec("image", (3, size, size), classes=classes)
    with torch.device("meta"):
        generator = module.Generator(spec, **of_generator).eval()
        discriminator = module.Discriminator(spec, **of_discriminator).eval()
        labels = (torch.zeros(2, dtype=torch.long),) if classes else ()
        latents, images = torch.zeros(2, generator.latent_dim), torch.zeros(2, *spec.shape)
    return [(generator, (latents, *labels)), (discriminator, (images, *labels))]


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shapes(network: nn.Module) -> Counter[str]:
    """Return shape → number of parameters; a gate of one number has the shape 1."""
    return Counter("x".join(map(str, p.shape)) or "1" for p in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_have_the_published_number_and_shapes(name: str) -> None:
    for (network, _), side in zip(pair(name), "GD", strict=True):
        facts = PUBLISHED[name][side]
        assert count(network) == facts["parameters"]
        if side == "D" or name not in ONE_HOT:
            expected = Counter()
            for key, number in facts["parameter_shapes"].items():
                expected[key.replace("scalar", "1")] += (
                    number  # a number on its own, and one of (1,)
                )
            assert shapes(network) == expected


@pytest.mark.parametrize("name", COUNTED)
def test_further_configurations_have_the_published_number_of_parameters(name: str) -> None:
    assert [count(network) for network, _ in pair(name)] == COUNTS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_forward_pass_takes_the_published_number_of_multiplications(name: str) -> None:
    for (network, inputs), side in zip(pair(name), "GD", strict=True):
        facts = PUBLISHED[name][side]
        expected = facts["macs"]
        if side == "G" and name in ONE_HOT:
            expected -= facts["macs_of_one_hot"]
        if side == "D" and name == "studiogan/contragan_32":
            expected += PROXIES
        with FlopCounterMode(display=False) as counter:
            network(*inputs)
        assert counter.get_total_flops() / 2 / 2 == expected


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_run_in_the_published_order_at_the_published_sizes(name: str) -> None:
    for (network, inputs), side in zip(pair(name), "GD", strict=True):
        ours, theirs = layers_of(network, inputs), PUBLISHED[name][side]["layers_in_forward_order"]
        if name in ONE_HOT:  # other epsilons, and embeddings for one-hot labels
            spectral = " sn" in "".join(theirs)
            ours, theirs = (
                [layer for layer in each if layer.startswith("conv")] for each in (ours, theirs)
            )
            assert spectral == (" sn" in "".join(ours))
        if side == "D" and name == "studiogan/contragan_32":
            assert theirs.pop() == "embedding 10x512 sn"  # ours takes all rows at once
        if side == "D" and name == "mimicry/infomax_gan_32":
            ours = ours[: len(theirs)]  # theirs are without the heads
        assert ours == theirs


@pytest.mark.parametrize("name", NETWORKS)
def test_spectral_norm_is_on_the_published_number_of_layers(name: str) -> None:
    for (network, _), side in zip(pair(name), "GD", strict=True):
        if side == "D" or name not in ONE_HOT:
            found = sum(parametrize.is_parametrized(module) for module in network.modules())
            assert found == PUBLISHED[name][side]["spectral_norms"]


def test_mimicrys_sagan_of_128_pixels_has_attention_at_32_pixels_in_g() -> None:
    spec = SampleSpec("image", (3, 128, 128), classes=1000)
    with torch.device("meta"):
        generator = sagan.Generator(spec, **CONDITIONAL, **GROWING, attention=32)
    assert count(generator) == COUNTS["mimicry SAGAN 128 K1000 (D default ndf 128)"][0]


RECIPES = {
    "sngan-cifar10": "studiogan/sngan_32",
    "projgan-cifar10": "studiogan/projgan_32",
    "acgan-cifar10": "studiogan/acgan_mod_32",
    "sagan-cifar10": "studiogan/sagan_32",
    "biggan-cifar10": "studiogan/biggan_32",
    "biggan-deep-cifar10": "studiogan/biggan_deep_legacy_32",
    "contragan-cifar10": "studiogan/contragan_32",
    "reacgan-cifar10": "studiogan/contragan_32",
    "mhgan-cifar10": "studiogan/mhgan_32",
    "ssgan-cifar10": "mimicry/ssgan_32",
    "infomax-gan-cifar10": "mimicry/infomax_gan_32",
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_published_recipe_has_the_networks_of_its_source(name: str) -> None:
    settings = Recipe.load(name).settings
    spec = SampleSpec("image", (3, 32, 32), classes=10)
    for node, side in ((settings.generator, "G"), (settings.discriminator, "D")):
        module = MODULES[node.use.removeprefix("zoo/")]
        factory = module.Generator if side == "G" else module.Discriminator
        with torch.device("meta"):
            network = factory(spec, **{"conditional": settings.conditional, **node.parameters})
        assert count(network) == PUBLISHED[RECIPES[name]][side]["parameters"]


MODULES = {"resnet": resnet, "sagan": sagan, "biggan": biggan, "biggan-deep": biggan_deep}
