"""R3GAN's networks against the authors' code: counts, initial weights, the filter, the blocks.

Counts: brownvc/R3GAN at 19a7ddf463fbac2bd39b4c1c73d63f1c441c7403, measured there.
"""

from typing import Any

import pytest
import torch
from ganzoo_zoo.networks import r3gan
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.api import SampleSpec

WIDE: dict[str, Any] = {"width": 1536, "channels_per_group": 32}

# Parameters and multiply-accumulates of G and of D; None: not measured without the filters.
PUBLISHED: dict[str, tuple[int, int, dict[str, Any], tuple[int, int], tuple[int, int] | None]] = {
    "CIFAR10": (32, 0, {"width": 768}, (20_732_160, 20_683_776), (7_021_314_048, 7_021_277_952)),
    "CIFAR10 by class": (
        32,
        10,
        {"width": 768},
        (20_781_952, 21_280_512),
        (7_021_363_840, 7_021_874_688),
    ),
    "FFHQ-64": (64, 0, {"width": 768}, (22_429_824, 22_381_440), (13_063_471_104, 13_063_435_008)),
    "FFHQ-256": (
        256,
        0,
        {"width": 768},
        (23_057_952, 23_009_568),
        (28_781_101_056, 28_781_064_960),
    ),
    "ImageNet-32": (32, 1000, WIDE, (82_914_304, 86_548_992), None),
    "ImageNet-64": (
        64,
        1000,
        {"widths": (1536,) * 5, "channels_per_group": 32},
        (103_570_432, 107_205_120),
        None,
    ),
    "width 96 at 32": (32, 0, {"width": 96}, (527_136, 521_088), None),
    "width 96 at 64": (64, 0, {"width": 96}, (578_064, 572_016), None),
    "width 192 at 32": (32, 0, {"width": 192}, (1_644_096, 1_632_000), None),
}


def pair(size: int, classes: int, parameters: dict[str, Any]) -> tuple[nn.Module, nn.Module]:
    spec = SampleSpec("image", (3, size, size), classes=classes)
    conditional = {"conditional": classes > 0}
    with torch.device("meta"):
        return (
            r3gan.Generator(spec, **parameters, **conditional),
            r3gan.Discriminator(spec, **parameters, **conditional),
        )


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_have_the_published_number(name: str) -> None:
    size, classes, parameters, counts, _ = PUBLISHED[name]
    networks = pair(size, classes, parameters)
    assert tuple(sum(p.numel() for p in each.parameters()) for each in networks) == counts


def test_a_forward_pass_takes_the_published_number_of_multiplications(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without those of the filters, which the authors' code applies to an image full of zeros."""
    monkeypatch.setattr(r3gan, "doubled", lambda x: interpolate(x, scale_factor=2))
    monkeypatch.setattr(r3gan, "halved", lambda x: avg_pool2d(x, 2))
    for size, classes, parameters, _, expected in PUBLISHED.values():
        if expected is None:
            continue
        generator, discriminator = pair(size, classes, parameters)
        with torch.device("meta"):
            labels = torch.zeros(2, dtype=torch.long) if classes else None
            runs = (generator, torch.zeros(2, 64)), (discriminator, torch.zeros(2, 3, size, size))
        # The authors multiply one-hot labels with a matrix, where a table is read here.
        tables = (classes * 64, classes * 768)
        for (network, inputs), macs, table in zip(runs, expected, tables, strict=True):
            with FlopCounterMode(display=False) as counter:
                network(inputs, labels)
            assert counter.get_total_flops() / 4 + table == macs


def test_initial_weights_have_the_standard_deviations_of_the_authors() -> None:
    torch.manual_seed(0)
    spec = SampleSpec("image", (3, 32, 32), classes=10)
    generator = r3gan.Generator(spec, width=768)
    block = generator.stages[0][0]
    deviations = {
        block.expand.weight: 0.0297540,
        block.grouped.weight: 0.0687139,
        generator.linear.weight: 0.125,
        generator.image.weight: 0.0360844,
        generator.basis: 1.0,
    }
    for weight, expected in deviations.items():
        assert weight.std().item() == pytest.approx(expected, rel=0.05)
    for module in generator.modules():
        if isinstance(module, r3gan.ResidualBlock):
            assert not module.project.weight.any()
            assert not module.bias1.any()
    discriminator = r3gan.Discriminator(spec, width=192, conditional=True)
    assert discriminator.label is not None
    expected = 1 / (10 * 192) ** 0.5
    assert discriminator.label.weight.std().item() == pytest.approx(expected, rel=0.05)


def test_the_filter_is_bilinear_inside_and_has_zeros_around_the_image() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    large = r3gan.doubled(x)[0, 0]
    assert [large[0, 0], large[1, 1], large[7, 7]] == [0, 1.25, 8.4375]
    torch.testing.assert_close(
        large[1:-1, 1:-1], interpolate(x, scale_factor=2, mode="bilinear")[0, 0, 1:-1, 1:-1]
    )
    small = r3gan.halved(x)
    assert small.flatten().tolist() == [2.734375, 3.9375, 7.546875, 8.75]


def test_a_new_block_is_the_identity_and_a_trained_one_adds_its_three_layers() -> None:
    block = r3gan.ResidualBlock(8, 16, groups=2, total=4)
    x = torch.randn(2, 8, 5, 5)
    assert torch.equal(block(x), x)
    for parameter in block.parameters():
        nn.init.normal_(parameter, 0, 0.1)
    layers = nn.Sequential(
        nn.Conv2d(8, 16, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 16, 3, padding=1, groups=2),
        nn.LeakyReLU(0.2), nn.Conv2d(16, 8, 1, bias=False),
    )  # fmt: skip
    weights = (block.expand.weight, block.grouped.weight, block.project.weight)
    for layer, weight in zip(layers[::2], weights, strict=True):
        layer.weight = weight
    layers[0].bias, layers[2].bias = block.bias1, block.bias2
    torch.testing.assert_close(block(x), x + layers(x))


def test_the_logit_of_a_labelled_image_is_the_product_of_its_vector_with_the_labels() -> None:
    torch.manual_seed(0)
    spec = SampleSpec("image", (3, 8, 8), classes=4)
    discriminator = r3gan.Discriminator(spec, width=16, conditional=True)
    x, y = torch.randn(3, 3, 8, 8), torch.tensor([0, 3, 1])
    output = discriminator(x, y)
    vectors: Tensor = discriminator.linear(discriminator.basis(output.features[-1]).flatten(1))
    assert discriminator.label is not None
    expected = (vectors * discriminator.label.weight[y]).sum(1)
    torch.testing.assert_close(output.logits, expected)


def test_a_wrong_number_of_widths_or_of_groups_is_refused() -> None:
    spec = SampleSpec("image", (3, 32, 32))
    with pytest.raises(ValueError, match="2 are given, and this image has 4 stages"):
        r3gan.Generator(spec, widths=(64, 64))
    with pytest.raises(ValueError, match="channels_per_group: 16 does not divide"):
        r3gan.Discriminator(spec, width=10)
