"""StyleGAN2's parts compute known numbers; its G mixes, truncates and is exported."""

from math import sqrt
from typing import Any

import pytest
import torch
from ganzoo_zoo.blocks.equalised import EqualisedConv2d, EqualisedLinear, unit_norm
from ganzoo_zoo.blocks.minibatch_stddev import MinibatchStddev
from ganzoo_zoo.blocks.resampling import Resampling
from ganzoo_zoo.networks.stylegan2 import (
    Discriminator,
    Generator,
    StyledConv2d,
    ToImage,
    demodulation,
)
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, pad

from ganzoo.api import SampleSpec, SamplingInputs
from ganzoo.sampling.program import program_of
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows

SPEC = SampleSpec("image", (3, 16, 16), classes=4)
SMALL: dict[str, Any] = {"channel_base": 64, "channel_max": 8}
MAPPED: dict[str, Any] = SMALL | {"latent_dim": 6, "style_dim": 5, "mapping_layers": 2}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def noise_of(rows: int) -> BatchNoise:
    return BatchNoise(RandomStreams(0), "test", 0, Rows(0, rows))


# --- blocks --------------------------------------------------------------------------------------


def test_the_low_pass_filter_is_the_outer_product_of_1_3_3_1() -> None:
    rows = [[1, 3, 3, 1], [3, 9, 9, 3], [3, 9, 9, 3], [1, 3, 3, 1]]
    assert (64 * Resampling().kernel).tolist() == rows


def test_doubling_interpolates_between_pixels_and_darkens_the_border() -> None:
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    doubled = Resampling().doubled(ramp)[0, 0]
    assert doubled[3].tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 2.25]
    ones = Resampling().doubled(torch.ones(1, 1, 4, 4))[0, 0]
    assert ones[3].tolist() == [0.75, *[1.0] * 6, 0.75]


def test_doubling_a_single_pixel_gives_the_filter() -> None:
    delta = torch.zeros(1, 1, 5, 5)
    delta[..., 2, 2] = 1
    torch.testing.assert_close(
        16 * Resampling().doubled(delta)[0, 0, 3:7, 3:7], 64 * Resampling().kernel
    )


def test_halving_averages_four_pixels_a_side() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    assert Resampling().halved(ramp)[0, 0, 1].tolist() == [0.625, 2.5, 4.5, 5.5]
    ones = Resampling().halved(torch.ones(1, 1, 8, 8))[0, 0]
    assert ones[1].tolist() == [0.875, 1, 1, 0.875]


@pytest.mark.parametrize(
    ("group", "values", "expected"),
    [
        (4, [0.0, 1, 2, 3], [1.118034] * 4),
        (4, [5.0, 5, 5, 5], [1e-4] * 4),
        (2, [0.0, 1, 10, 12], [0.5, 0.5, 1, 1]),
    ],
)
def test_minibatch_stddev_is_biased_and_of_consecutive_samples(
    group: int, values: list[float], expected: list[float]
) -> None:
    x = torch.tensor(values)[:, None, None, None].expand(-1, 3, 2, 2)
    found = MinibatchStddev(group)(x)
    assert found.shape == (len(values), 4, 2, 2)
    torch.testing.assert_close(found[:, 3, 0, 0], torch.tensor(expected))
    torch.testing.assert_close(found[:, :3], x)


def test_equalised_layers_scale_standard_normal_weights_by_the_root_of_their_inputs() -> None:
    linear = EqualisedLinear(400, 300, gain=2, bias_start=1)
    assert linear.weight.std().item() == pytest.approx(1, rel=0.02)
    x = torch.randn(2, 400)
    torch.testing.assert_close(linear(x), x @ linear.weight.T * 2 / 20 + 1)
    layer = EqualisedConv2d(4, 6, 3)
    x = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(layer(x), conv2d(x, layer.weight / 6, padding=1))


def test_an_lr_factor_equals_a_parameter_group_with_that_factor_under_adam() -> None:
    ours, plain = EqualisedLinear(8, 5, lr_factor=0.01), EqualisedLinear(8, 5)
    with torch.no_grad():
        plain.weight.copy_(ours.weight * 0.01)
    x, target = torch.randn(7, 8), torch.randn(7, 5)
    for layer, lr in ((ours, 1e-2), (plain, 1e-4)):
        optimizer = torch.optim.Adam(layer.parameters(), lr=lr, eps=1e-12)
        for _ in range(5):
            optimizer.zero_grad()
            (layer(x) - target).square().mean().backward()
            optimizer.step()
    torch.testing.assert_close(ours(x), plain(x), rtol=1e-4, atol=1e-6)
    assert (ours.weight * 0.01 - plain.weight).abs().max() < 1e-6


def test_unit_norm_scales_to_a_root_mean_square_of_1() -> None:
    x = unit_norm(3 * torch.randn(4, 50) + 1)
    torch.testing.assert_close(x.square().mean(1), torch.ones(4))


# --- styled convolutions -------------------------------------------------------------------------


def kernels(layer: StyledConv2d, w: Tensor) -> Tensor:
    """Return the kernels (B, outputs, inputs, 3, 3) of equations 1 and 3, made for each sample."""
    styled = layer.weight * layer.affine(w)[:, None, :, None, None]
    return styled / (styled.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()


@pytest.mark.parametrize("doubles", [False, True])
def test_a_styled_convolution_is_that_of_equations_1_and_3(doubles: bool) -> None:
    layer = StyledConv2d(0, 4, 6, style_dim=5, clamp=None, doubles=doubles)
    nn.init.normal_(layer.bias)
    x, w = torch.randn(3, 4, 8, 8), torch.randn(3, 5)
    expected = []
    for image, kernel in zip(x, kernels(layer, w), strict=True):
        if doubles:  # zeros between pixels, the filter, then a true convolution
            spread = torch.zeros(4, 16, 16)
            spread[:, ::2, ::2] = image
            filtered = Resampling().filtered(pad(spread, (3, 2, 3, 2))[None], padding=0, gain=4)
            y = conv2d(filtered, kernel.flip(2, 3))
        else:
            y = conv2d(image[None], kernel, padding=1)
        expected.append(sqrt(2) * leaky_relu(y + layer.bias[:, None, None], 0.2))
    torch.testing.assert_close(layer(x, w, None), torch.cat(expected), rtol=1e-4, atol=1e-5)


def test_demodulated_kernels_have_unit_norm_whatever_the_scale_of_weights_and_styles() -> None:
    weight, s = torch.randn(6, 4, 3, 3), torch.randn(3, 4)
    sigma = demodulation(s, weight)
    styled = weight * s[:, None, :, None, None] * sigma[:, :, None, None, None]
    torch.testing.assert_close(styled.square().sum((2, 3, 4)), torch.ones(3, 6))
    torch.testing.assert_close(demodulation(3 * s, 7 * weight), sigma / 21)


def test_demodulation_keeps_its_digits_under_autocast() -> None:
    weight, s = torch.randn(6, 512, 3, 3), torch.randn(3, 512)
    with torch.autocast("cpu", torch.bfloat16):
        found = demodulation(s, weight)
    torch.testing.assert_close(found, demodulation(s, weight))


def test_noise_is_added_with_the_learned_strength_before_the_bias() -> None:
    layer, noise = StyledConv2d(3, 4, 6, style_dim=5, clamp=None), noise_of(2)
    x, w = torch.randn(2, 4, 8, 8), torch.randn(2, 5)
    torch.testing.assert_close(layer(x, w, noise), layer(x, w, None))
    nn.init.constant_(layer.strength, 0.5)
    y = torch.stack(
        [conv2d(a[None], b, padding=1)[0] for a, b in zip(x, kernels(layer, w), strict=True)]
    )
    expected = sqrt(2) * leaky_relu(y + 0.5 * noise.normal("layer 3", 1, 8, 8), 0.2)
    torch.testing.assert_close(layer(x, w, noise), expected, rtol=1e-4, atol=1e-5)


def test_an_image_is_scaled_by_its_style_and_not_demodulated() -> None:
    layer, x, w = ToImage(4, 3, style_dim=5, clamp=None), torch.randn(2, 4, 8, 8), torch.randn(2, 5)
    s = layer.affine(w)[:, :, None, None] / 2
    torch.testing.assert_close(layer(x, w), conv2d(x * s, layer.weight))


def test_clamp_limits_every_activation() -> None:
    layer = StyledConv2d(0, 4, 6, style_dim=5, clamp=0.3, gain=0.5)
    assert layer(torch.randn(2, 4, 8, 8), torch.randn(2, 5), None).abs().max().item() == (
        pytest.approx(0.15)
    )
    image = ToImage(4, 3, style_dim=5, clamp=0.3)
    assert image(torch.randn(2, 4, 8, 8), torch.randn(2, 5)).abs().max().item() == (
        pytest.approx(0.3)
    )


# --- generator -----------------------------------------------------------------------------------


@torch.no_grad()
def test_truncation_0_makes_every_sample_from_the_mean_of_w() -> None:
    network, drawn = Generator(SPEC, **MAPPED).eval(), []

    def draw(count: int) -> SamplingInputs:
        drawn.append(SamplingInputs(torch.randn(count, 6), None, noise_of(count)))
        return drawn[-1]

    network.prepare_sampling(draw)
    (given,) = drawn
    mean = network.mapping(given.z, None).mean(0)
    torch.testing.assert_close(network.w_mean, mean)
    z, noise = torch.randn(2, 6), noise_of(2)
    expected = network.from_styles(mean.expand(2, network.layers, -1), noise=noise)
    torch.testing.assert_close(network(z, noise=noise, truncation=0.0), expected)
    half = network.from_styles((network.styles(z) + mean) / 2, noise=noise)
    torch.testing.assert_close(network(z, noise=noise, truncation=0.5), half)
    torch.testing.assert_close(network(z, noise=noise), network.from_styles(network.styles(z)))


@torch.no_grad()
def test_style_mixing_gives_a_share_of_the_samples_a_second_style_from_a_random_layer_on() -> None:
    network = Generator(SPEC, **MAPPED, style_mixing=0.75)
    assert network.layers == 6
    z, noise = torch.randn(4000, 6), noise_of(4000)
    w = network.styles(z)
    mixed = network.mixed(w, None, noise)
    other = network.styles(noise.normal("second style", 6))
    is_second = (mixed == other).all(2)
    assert torch.equal(torch.where(is_second[..., None], other, w), mixed)
    seconds = is_second.sum(1)
    assert ((is_second.int().diff(dim=1)) >= 0).all(), "from a layer on"
    counts = torch.bincount(seconds, minlength=6) / 4000
    torch.testing.assert_close(
        counts, torch.tensor([0.25, *[0.15] * 5]), atol=0.03, rtol=0
    )  # the first layer never has the second style


def test_style_mixing_is_for_training_only() -> None:
    network, z = Generator(SPEC, **MAPPED, style_mixing=1.0), torch.randn(4, 6)
    plain = network.from_styles(network.styles(z))
    assert not torch.allclose(network(z, noise=noise_of(4)), plain)
    torch.testing.assert_close(network.eval()(z, noise=noise_of(4)), plain)


def test_each_block_has_two_layers_and_shares_the_style_of_its_image_with_the_next() -> None:
    network = Generator(SPEC, **MAPPED).eval()
    w = network.styles(torch.randn(1, 6)).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(network.from_styles(w)[0, 0, 8, 8], w)
    assert (gradient.abs().sum(2) > 0).all()
    seen: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, StyledConv2d | ToImage):
            module.register_forward_pre_hook(
                lambda _, inputs, name=name: seen.update({name: inputs[1]})
            )
    numbers = torch.arange(6.0)[None, :, None].expand(1, -1, 5)
    network.from_styles(numbers)
    assert {name: int(each[0, 0]) for name, each in seen.items()} == {
        "first": 0,
        "first_image": 1,
        "blocks.0.convolution1": 1,
        "blocks.0.convolution2": 2,
        "blocks.0.image": 3,
        "blocks.1.convolution1": 3,
        "blocks.1.convolution2": 4,
        "blocks.1.image": 5,
    }


@torch.no_grad()
def test_the_skip_generator_adds_up_the_doubled_images_of_all_sizes() -> None:
    network = Generator(SPEC, **MAPPED).eval()
    images: list[Tensor] = []
    for name, module in network.named_modules():
        if isinstance(module, ToImage):
            module.register_forward_hook(lambda _, __, image: images.append(image))
            assert name.endswith("image")
    found = network(torch.randn(2, 6), noise=noise_of(2))
    double = Resampling().doubled
    torch.testing.assert_close(found, double(double(images[0]) + images[1]) + images[2])


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@torch.no_grad()
def test_a_program_of_the_generator_gives_its_samples_for_any_batch(architecture: Any) -> None:
    network = Generator(SPEC, **MAPPED, architecture=architecture, conditional=True).eval()
    program: Any = program_of(network, torch.randn(2, 6), torch.tensor([0, 1])).module()
    for rows in (1, 5):  # new strengths are 0, so noise does not matter
        z, y = torch.randn(rows, 6), torch.arange(rows) % 4
        torch.testing.assert_close(
            program(z, y), network(z, y, noise=noise_of(rows)), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("size", [8, 64])
def test_channels_fall_with_the_size_from_channel_max_on(size: int) -> None:
    with torch.device("meta"):
        network = Generator(SampleSpec("image", (3, size, size)), channel_base=2048, channel_max=96)
    outputs = [network.first, *(block.convolution2 for block in network.blocks)]
    expected = {8: [96, 96], 64: [96, 96, 96, 64, 32]}
    assert [layer.weight.shape[0] for layer in outputs] == expected[size]


# --- discriminator -------------------------------------------------------------------------------


def test_a_conditional_logit_is_the_product_of_the_last_layer_and_the_mapped_label() -> None:
    network = Discriminator(SPEC, **SMALL, conditional=True).eval()
    x, y = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 0])
    output = network(x, y)
    last = network.logit(output.features[-1])
    mapped = network.mapping(None, y)
    assert mapped.shape == (4, 8)
    torch.testing.assert_close(output.logits, (last * mapped).sum(1) / sqrt(8))


def test_residual_blocks_halve_the_variance_of_both_branches() -> None:
    network = Discriminator(SPEC, **SMALL)
    block, x = network.blocks[0], torch.randn(2, 4, 16, 16)
    with torch.no_grad():
        block.convolution2.convolution.bias.fill_(0)
        found = block(x)
        for layer in (block.convolution2, block.shortcut):
            scale = layer.gain if hasattr(layer, "gain") else layer.scale * sqrt(4)
            assert scale == pytest.approx(sqrt(0.5))
        low = Resampling().halved(x)
        shortcut = conv2d(low, block.shortcut.weight) / sqrt(4) * sqrt(0.5)
        main = block.convolution2(block.convolution1(x))
    torch.testing.assert_close(found, main + shortcut)


def test_the_discriminator_judges_groups_apart() -> None:
    network = Discriminator(SPEC, **SMALL, minibatch_stddev=2)
    assert network.batch_multiple == 2
    x = torch.randn(4, 3, 16, 16)
    whole = network(x).logits
    torch.testing.assert_close(whole, torch.cat([network(x[:2]).logits, network(x[2:]).logits]))
    assert not torch.allclose(whole[:2], network(x[[0, 2]]).logits)
    assert Discriminator(SPEC, **SMALL, minibatch_stddev=0).batch_multiple == 1
