"""Counts of the StyleGAN family against public implementations (networks.json)."""

import json
from collections import Counter
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from ganzoo_zoo.networks import progan, stylegan2, stylegan3
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.api import SampleSpec

PUBLISHED = json.loads((Path(__file__).parent / "networks.json").read_text())

PAPER: dict[str, Any] = {"channel_max": 512}
CIFAR: dict[str, Any] = PAPER | {"channel_base": 32768}
ORIG: dict[str, Any] = CIFAR | {"architecture": "orig", "minibatch_stddev": 32}
LABELLED: dict[str, Any] = {"conditional": True}

STYLEGAN2: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    "stylegan2_ada/cifar_32": (32, CIFAR | {"mapping_layers": 2}, ORIG),
    "stylegan2_ada/cifar_32_cond10": (
        32,
        CIFAR | LABELLED | {"mapping_layers": 2},
        ORIG | LABELLED,
    ),
    "studiogan/stylegan2_32": (32, CIFAR | LABELLED | {"mapping_layers": 2}, ORIG | LABELLED),
    "stylegan2_ada/paper256_256": (256, PAPER, PAPER | {"minibatch_stddev": 8}),
    "stylegan2_ada/auto_256": (256, PAPER | {"mapping_layers": 2}, PAPER),
}
PROGAN: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    f"progan/{size}": (size, PAPER, PAPER) for size in (32, 64, 128, 256)
}
STYLEGAN3: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    "stylegan3/t_256": (256, CIFAR, CIFAR),
    "stylegan3/r_256": (256, CIFAR | {"config": "r"}, CIFAR),
    "stylegan3/t_256_cbase16384": (256, PAPER | {"channel_base": 16384}, PAPER),
}
EACH = [
    *((stylegan2, name, *given) for name, given in STYLEGAN2.items()),
    *((progan, name, *given) for name, given in PROGAN.items()),
    *((stylegan3, name, *given) for name, given in STYLEGAN3.items()),
]
PAIRS = {name: rest for _, name, *rest in EACH}
MODULES = {name: module for module, name, *_ in EACH}

Built = list[tuple[nn.Module, tuple[Tensor, ...], dict[str, Any]]]


@cache
def pair(name: str) -> Built:
    """Return (network, inputs, facts) of G and of D, on the meta device: shapes without numbers."""
    size, of_generator, of_discriminator = PAIRS[name]
    classes = 10 if of_generator.get("conditional") else 0
    spec = SampleSpec("image", (3, size, size), classes=classes)
    with torch.device("meta"):
        generator = MODULES[name].Generator(spec, **of_generator).eval()
        judges = stylegan2 if MODULES[name] is stylegan3 else MODULES[name]
        discriminator = judges.Discriminator(spec, **of_discriminator).eval()
        rows = discriminator.batch_multiple
        z, x = torch.zeros(2, generator.latent_dim), torch.zeros(rows, *spec.shape)
        labels = [torch.zeros(each, dtype=torch.long) if classes else None for each in (2, rows)]
    facts = PUBLISHED[name]
    return [
        (generator, (z, *(each for each in labels[:1] if each is not None)), facts["G"]),
        (discriminator, (x, *(each for each in labels[1:] if each is not None)), facts["D"]),
    ]


@pytest.mark.parametrize("name", PAIRS)
def test_parameters_have_the_published_number_and_shapes(name: str) -> None:
    for network, _, facts in pair(name):
        assert sum(each.numel() for each in network.parameters()) == facts["parameters"]
        shapes = Counter(
            "x".join(map(str, each.shape)) or "scalar" for each in network.parameters()
        )
        assert shapes == facts["parameter_shapes"]


@pytest.mark.parametrize("name", PAIRS)
def test_a_forward_pass_takes_the_published_number_of_multiplications(name: str) -> None:
    for network, inputs, facts in pair(name):
        assert multiplications(network, *inputs) - at_lower_levels(network) == facts["macs"]


def at_lower_levels(network: nn.Module) -> int:
    """Return ProGAN's multiplications for images of less than the full size, which we compute.

    The published counts are of the last level, when they are no longer needed.
    """
    if not isinstance(network, progan.Generator | progan.Discriminator):
        return 0
    widths = sorted((prod(each.weight.shape) for each in network.images), reverse=True)
    return sum(width * 4 ** (2 + level) for level, width in enumerate(widths[:-1]))


def multiplications(network: nn.Module, *inputs: Tensor) -> float:
    """Return the multiplications per sample in matrix products and convolutions with weights.

    Fixed filters have one input channel a group, and are not counted.
    """

    def of_convolution(
        x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
        *rest: Any, out_shape: Any = None, **others: Any,
    ) -> int:  # fmt: skip
        groups = rest[1] if len(rest) > 1 else others.get("groups", 1)
        if groups > 1:
            return 0
        places = x[2:] if transposed else out_shape[2:]
        return 2 * x[0] * prod(places) * prod(weight)

    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.aten.convolution: of_convolution}
    )
    keywords = {"noise": Zeros(len(inputs[0]))} if isinstance(network, stylegan2.Generator) else {}
    with counter:
        network(*inputs, **keywords)
    return counter.get_total_flops() / 2 / len(inputs[0])


class Zeros:
    """Noise on the meta device."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def normal(self, name: str, *shape: int) -> Tensor:
        return torch.zeros(self.rows, *shape, device="meta")


def test_stylegan2_at_64_has_the_published_number_of_parameters() -> None:
    # Source: stylegan2-ada-pytorch at d72cc7d, --cfg=auto.
    spec = SampleSpec("image", (3, 64, 64))
    with torch.device("meta"):
        generator = stylegan2.Generator(spec, **PAPER, mapping_layers=2)
        discriminator = stylegan2.Discriminator(spec, **PAPER)
    counts = [sum(each.numel() for each in n.parameters()) for n in (generator, discriminator)]
    assert counts == [22_243_608, 23_407_361]


def rms(x: Tensor) -> float:
    return x.square().mean().sqrt().item()


@torch.no_grad()
def test_fresh_stylegan2_has_activations_of_the_published_size() -> None:
    # Source: measured on stylegan2-ada-pytorch at d72cc7d, --cfg=cifar, with new weights.
    torch.manual_seed(0)
    generator = stylegan2.Generator(
        SampleSpec("image", (3, 8, 8)), **PAPER, mapping_layers=2
    ).eval()
    w = generator.styles(torch.randn(8, 512))
    assert rms(w) == pytest.approx(1.0, abs=0.1)
    assert rms(generator.first.affine(w[:, 0])) == pytest.approx(1.42, abs=0.05)
    first = generator.first(generator.constant.expand(8, -1, -1, -1), w[:, 0], None)
    assert rms(first) == pytest.approx(0.87, abs=0.15)
