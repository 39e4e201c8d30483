"""StyleGAN3's filters and layers have the published numbers, and shifts move its images exactly."""

from math import log10
from typing import Any

import pytest
import torch
from ganzoo_zoo.blocks.alias_free import downsampled, kaiser_beta, low_pass, upsampled
from ganzoo_zoo.networks.stylegan3 import FourierInput, Generator, Layer, bands_of, padding_of
from torch import Tensor
from torch.nn.functional import conv2d, pad

from ganzoo.api import SampleSpec

SPEC = SampleSpec("image", (3, 32, 32))
SMALL: dict[str, Any] = {
    "channel_base": 1024,
    "channel_max": 32,
    "layers": 6,
    "latent_dim": 64,
    "style_dim": 64,
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "beta", "half"),
    [
        ((12, 2, 12, 32), 6.4437, [0.000792, 0.010018, 0.038950, 0.092413, 0.156526, 0.201302]),
        (
            (12, 128, 59.173, 512),
            1.5401,
            [0.023374, 0.034449, -0.050881, -0.078615, 0.139610, 0.432062],
        ),
    ],
)
def test_filters_have_the_published_taps(
    given: tuple[int, float, float, float], beta: float, half: list[float]
) -> None:
    # Source: measured on NVlabs/stylegan3 at c233a91; the same as scipy.signal.firwin.
    taps, cutoff, transition, rate = given
    assert kaiser_beta(taps, transition, rate) == pytest.approx(beta, abs=1e-4)
    kernel = low_pass(taps, cutoff, transition, rate)
    torch.testing.assert_close(kernel, torch.tensor(half + half[::-1]), atol=1e-6, rtol=0)


def test_the_published_filters_of_24_taps_and_of_all_directions() -> None:
    assert kaiser_beta(24, 8, 64) == pytest.approx(4.4484, abs=1e-4)
    assert low_pass(24, 4, 8, 64)[11].item() == pytest.approx(0.124744, abs=1e-6)
    radial = low_pass(12, 2, 12, 32, radial=True)
    assert radial[5, 5].item() == pytest.approx(0.0387549, abs=1e-7)
    assert radial.sum().item() == pytest.approx(1)
    torch.testing.assert_close(radial, radial.T)


@pytest.mark.parametrize(("factor", "padding"), [(2, (9, 8)), (4, (-6, -9)), (2, (-11, -12))])
def test_upsampling_inserts_zeros_pads_and_filters(factor: int, padding: tuple[int, int]) -> None:
    kernel, x = low_pass(6 * factor, 2, 4, 32), torch.randn(2, 3, 20, 20)
    spread = torch.zeros(2, 3, 20 * factor, 20 * factor)
    spread[:, :, ::factor, ::factor] = x
    weight = (factor**2 * torch.outer(kernel, kernel)).expand(3, 1, -1, -1)
    expected = conv2d(pad(spread, (*padding, *padding)), weight, groups=3)
    torch.testing.assert_close(upsampled(x, kernel, factor, padding), expected)


def test_downsampling_by_two_filters_of_one_axis_is_that_by_their_product() -> None:
    kernel, x = low_pass(12, 2, 12, 32), torch.randn(2, 3, 30, 30)
    torch.testing.assert_close(
        downsampled(x, kernel, 2), downsampled(x, torch.outer(kernel, kernel), 2)
    )


# --- layers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "rates", "channels"),
    [
        (
            256,
            [16] * 3 + [32] * 2 + [64] * 2 + [128] * 3 + [256] * 5,
            [512] * 7 + [362, 256, 181, 128, 91, 64, 64, 64],
        ),
        (64, [16] * 4 + [32] * 4 + [64] * 7, [512] * 10 + [406, 323, 256, 256, 256]),
    ],
)
def test_layers_have_the_published_rates_and_channels(
    side: int, rates: list[int], channels: list[int]
) -> None:
    # Source: NVlabs/stylegan3 at c233a91, channel_base 16384. Its last entry is the image.
    bands = bands_of(side, 14, 16384, 512)
    assert [band.rate for band in bands] == rates
    assert [band.channels for band in bands] == channels
    sizes = [rate + 20 for rate in rates[:-2]] + [side, side]
    assert [band.size for band in bands] == sizes


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((36, 36, 3, 2, 2), (9, 8)),
        ((36, 52, 3, 4, 2), (-6, -9)),
        ((36, 36, 1, 2, 2), (11, 10)),
        ((36, 52, 1, 4, 2), (-2, -5)),
        ((276, 256, 3, 2, 2), (-11, -12)),
        ((276, 256, 1, 2, 2), (-9, -10)),
    ],
)
def test_layers_have_the_published_padding(
    given: tuple[int, int, int, int, int], expected: tuple[int, int]
) -> None:
    assert padding_of(*given) == expected


@pytest.mark.parametrize(
    ("side", "base", "parameters"), [(64, 16384, 32_300_555), (32, 32768, 37_768_199)]
)
def test_smaller_images_have_the_published_number_of_parameters(
    side: int, base: int, parameters: int
) -> None:
    # Source: NVlabs/stylegan3 at c233a91, configuration t.
    spec = SampleSpec("image", (3, side, side))
    with torch.device("meta"):
        network = Generator(spec, channel_base=base, channel_max=512)
    assert sum(each.numel() for each in network.parameters()) == parameters


@torch.no_grad()
def test_a_new_input_is_the_same_for_every_style_and_has_the_published_size() -> None:
    layer = FourierInput(bands_of(32, 14, 32768, 512)[0], style_dim=8)
    x = layer(torch.randn(3, 8))
    assert x.shape == (3, 512, 36, 36)
    assert x.square().mean().sqrt().item() == pytest.approx(0.7071, abs=0.01)
    torch.testing.assert_close(x[1:], x[:2])
    radii = layer.frequencies.norm(dim=1)
    assert radii.max() <= 2
    assert (radii < 2**0.5).float().mean().item() == pytest.approx(0.5, abs=0.07)  # half the disc


@torch.no_grad()
def test_a_shift_of_the_input_adds_f_t_to_the_phases() -> None:
    band = bands_of(32, 14, 32768, 64)[0]
    layer, w, t = FourierInput(band, style_dim=8), torch.randn(1, 8), torch.tensor([0.1, -0.05])
    layer.transform[:2, 2] = t
    moved = layer(w)
    layer.transform.copy_(torch.eye(3))
    layer.phases += layer.frequencies @ t
    torch.testing.assert_close(moved, layer(w), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_magnitudes_follow_the_mean_square_of_the_input_in_training_only() -> None:
    bands = bands_of(32, 6, 256, 8)
    layer = Layer(bands[0], bands[1], style_dim=4, decay=0.9, kernel=3)
    x, w = 2 * torch.randn(2, 8, 36, 36), torch.randn(2, 4)
    layer(x, w)
    expected = 0.9 + 0.1 * x.square().mean()
    torch.testing.assert_close(layer.magnitude, expected)
    layer.eval()(x, w)
    torch.testing.assert_close(layer.magnitude, expected)
    once = layer(x, w)
    layer.magnitude.mul_(4)  # the convolution of an input of half the size
    layer.bias.zero_()
    torch.testing.assert_close(layer(x, w), once / 2, atol=1e-4, rtol=1e-4)


# --- equivariance --------------------------------------------------------------------------------


def decibels(error: Tensor, mask: Tensor) -> float:
    """Return 10 log10 of the squared range, 2, over the mean squared error; section 3.2."""
    mean = (error.square() * mask).sum() / (mask.expand_as(error)).sum()
    return 10 * log10(4 / mean.item())


@pytest.mark.parametrize("config", ["t", "r"])
@torch.no_grad()
def test_a_shift_by_whole_pixels_shifts_the_image(config: Any) -> None:
    network, z = Generator(SPEC, config=config, **SMALL).eval(), torch.randn(4, 64)
    image = network(z)
    for right, down in ((1, 0), (3, -2)):
        network.input.transform[:2, 2] = torch.tensor([-right / 32, -down / 32])
        moved = network(z)
        mask = torch.zeros(32, 32)
        mask[3:29, 3:29] = 1
        assert decibels(moved - image.roll((down, right), (2, 3)), mask) > 90


@torch.no_grad()
def test_configuration_r_turns_the_image_with_its_input() -> None:
    network, z = Generator(SPEC, config="r", **SMALL).eval(), torch.randn(4, 64)
    image = network(z)
    # A quarter turn needs no interpolation: pixels fall on pixels.
    network.input.transform[:2, :2] = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    turned = network(z)
    mask = torch.ones(32, 32)
    assert max(decibels(turned - image.rot90(k, (2, 3)), mask) for k in (1, 3)) > 60


@pytest.mark.parametrize("spec", [(3, 12, 20), (3, 24, 24), (1, 4, 4)])
def test_other_sizes_are_refused(spec: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="power of two from 8 on"):
        Generator(SampleSpec("image", spec), **SMALL)


def test_few_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="layers: 2 is too few"):
        Generator(SPEC, layers=2)
