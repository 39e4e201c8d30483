"""FastGAN's networks against the authors' code, and the decoders of D.

Counts: hugobb/FastGAN-pytorch at 4963d4909835b3482d12dfe274368c33cd3f523e, measured there.
"""

import pytest
import torch
from ganzoo_zoo.networks import fastgan
from ganzoo_zoo.regularizers.reconstruction import Reconstruction
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.api import SampleSpec
from ganzoo.testing import game

SECOND_IMAGE = 64 * 3
"""Parameters of the layer that makes the authors' second image, of 128x128; G has none here."""

# side → parameters and multiply-accumulates of G, without those of the second image
OF_G = {
    64: (28_211_076, 3_648_536_576),
    128: (28_959_430, 7_287_099_392),
    256: (29_127_846 - SECOND_IMAGE, 9_734_607_872 - SECOND_IMAGE * 128**2),
    512: (29_174_392 - SECOND_IMAGE, None),
    1024: (29_176_512 - SECOND_IMAGE, 15_944_307_968 - SECOND_IMAGE * 128**2),
}
# side → parameters, multiply-accumulates with the decoders, layers with spectral norm
OF_D = {
    256: (11_526_160, 5_455_712_256, 44),
    512: (11_526_496, 5_477_732_352, 44),
    1024: (11_528_192, 5_662_281_728, 45),
}


class Noise:
    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.asked: list[tuple[int, ...]] = []

    def normal(self, name: str, *shape: int) -> Tensor:
        self.asked.append(shape)
        return torch.randn(self.rows, *shape)

    def uniform(self, name: str, *shape: int) -> Tensor:
        raise AssertionError("the noise is normal")


def picture(size: int) -> SampleSpec:
    return SampleSpec("image", (3, size, size))


@pytest.mark.parametrize("size", OF_G)
def test_the_generator_has_the_published_counts(size: int) -> None:
    parameters, macs = OF_G[size]
    with torch.device("meta"):
        network = fastgan.Generator(picture(size), width=64).eval()
        assert sum(p.numel() for p in network.parameters()) == parameters
        if macs is not None:
            with FlopCounterMode(display=False) as counter:
                network(torch.zeros(2, 256), noise=Noise(2))
            assert counter.get_total_flops() / 4 == macs


@pytest.mark.parametrize("size", OF_D)
def test_the_discriminator_has_the_published_counts_and_fifty_logits(size: int) -> None:
    parameters, macs, norms = OF_D[size]
    with torch.device("meta"):
        network = fastgan.Discriminator(picture(size), width=64).eval()
        assert sum(p.numel() for p in network.parameters()) == parameters
        with FlopCounterMode(display=False) as counter:
            output = network(torch.zeros(2, 3, size, size))
    assert counter.get_total_flops() / 4 == macs
    assert output.logits.shape == (2, 50)
    assert output.extra["reconstruction"].shape == (2, 3)
    assert sum(parametrize.is_parametrized(m) for m in network.modules()) == norms


def test_every_convolution_of_the_generator_has_spectral_norm_and_a_published_weight() -> None:
    torch.manual_seed(0)
    network = fastgan.Generator(picture(256), width=64)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 18 - 1  # of the second image
    for layer in convolutions:
        assert layer.bias is None
        original = layer.parametrizations.weight.original
        assert original.std().item() == pytest.approx(0.02, rel=0.1)
    gains = torch.cat([m.weight for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    assert gains.std().item() == pytest.approx(0.02, rel=0.1)


def test_noise_has_one_map_for_each_of_two_layers_of_every_second_size_and_starts_at_0() -> None:
    network = fastgan.Generator(picture(64), width=4).eval()
    noise, z = Noise(2), torch.randn(2, 256)
    with torch.no_grad():
        before = network(z, noise=noise)
        assert noise.asked == [(1, 8, 8)] * 2 + [(1, 32, 32)] * 2
        torch.testing.assert_close(before, network(z, noise=Noise(2)))
        for up in network.ups:
            for strength in up.strengths:
                strength.fill_(1.0)
        assert not torch.allclose(before, network(z, noise=Noise(2)))


def test_excitation_multiplies_channels_by_a_number_between_0_and_1() -> None:
    layer = fastgan.Excitation(3, 5)
    large, small = torch.randn(2, 5, 32, 32), torch.randn(2, 3, 8, 8)
    ratio = layer(large, small) / large
    assert ((ratio > 0) & (ratio < 1)).all()
    torch.testing.assert_close(ratio.amax((2, 3)), ratio.amin((2, 3)))
    generator = fastgan.Generator(picture(256), width=4)
    assert list(generator.excitations) == ["4", "5", "6"]
    assert list(fastgan.Generator(picture(32), width=4).excitations) == ["3"]


def test_row_i_has_quarter_i_modulo_4() -> None:
    x = torch.arange(4.0).view(1, 1, 2, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    found = fastgan.quarter(x.repeat(6, 1, 1, 1))
    assert found.shape == (6, 1, 2, 2)
    assert found.flatten(1).mean(1).tolist() == [0, 1, 2, 3, 0, 1]


def test_the_quarters_of_odd_sides_overlap_by_a_pixel() -> None:
    x = torch.arange(15.0).reshape(1, 1, 3, 5)
    found = fastgan.quarter(x.repeat(4, 1, 1, 1))[:, 0]
    assert torch.equal(found[0], x[0, 0, :2, :3])
    assert torch.equal(found[3], x[0, 0, 1:, 2:])


@pytest.mark.parametrize(("height", "width"), [(33, 33), (16, 27)])
def test_the_discriminator_judges_images_of_odd_sides(height: int, width: int) -> None:
    network = fastgan.Discriminator(SampleSpec("image", (3, height, width)), width=4)
    assert network(torch.rand(4, 3, height, width)).extra["reconstruction"].shape == (4, 3)


def test_a_distance_is_the_mean_square_between_the_decoded_and_the_image() -> None:
    torch.manual_seed(0)
    network = fastgan.Discriminator(picture(32), width=4).eval()
    x = torch.randn(2, 3, 32, 32).clamp(-1, 1)
    with torch.no_grad():
        found = network(x).extra["reconstruction"][:, 1]
        small = torch.nn.functional.avg_pool2d(x, 2)
        drawn = network.small_decoder(network.small(small))
        torch.testing.assert_close(found, (drawn - small).square().mean((1, 2, 3)))


def test_the_reconstruction_of_real_images_is_learned_and_their_judgement_stays_apart() -> None:
    torch.manual_seed(0)
    spec = picture(16)
    generator, discriminator = (
        fastgan.Generator(spec, width=2),
        fastgan.Discriminator(spec, width=4),
    )
    x = torch.rand(8, 3, 1, 1).expand(8, 3, 16, 16) * 2 - 1
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-2)
    terms = []
    for _ in range(30):
        update = game(
            "discriminator", generator, discriminator, real=x, latents=torch.randn(8, 256)
        )
        term = Reconstruction().discriminator(update)["reconstruction"]
        optimizer.zero_grad()
        term.backward()
        assert discriminator.patches[0].parametrizations.weight.original.grad is None
        optimizer.step()
        terms.append(term.item())
    assert terms[-1] < 0.5 * terms[0]


def test_images_above_1024_pixels_are_refused() -> None:
    with torch.device("meta"), pytest.raises(ValueError, match="at most 1024"):
        fastgan.Generator(picture(2048))
