"""PatchGAN and its patches, against the counts of the authors' code.

Counts: junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py at 7891385.
"""

import pytest
import torch
from ganzoo_zoo.networks.patch import Discriminator
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.api import SampleSpec

PICTURE = SampleSpec("image", (3, 256, 256))
PAIR = SampleSpec("image", (3, 256, 256), condition=PICTURE)

# halvings → parameters, multiply-accumulates, side of the map, side of a patch
PUBLISHED = {
    0: (9_024, 570_425_344, 256, 1),
    1: (139_585, 2_247_237_632, 126, 16),
    2: (666_433, 2_734_178_304, 62, 34),
    3: (2_768_705, 3_197_140_992, 30, 70),
    4: (6_964_033, 2_656_600_064, 14, 142),
    5: (11_159_361, 2_185_527_296, 6, 286),
}


@pytest.mark.parametrize("halvings", PUBLISHED)
def test_it_has_the_published_parameters_multiplications_and_logits(halvings: int) -> None:
    parameters, macs, side, _ = PUBLISHED[halvings]
    with torch.device("meta"):
        network = Discriminator(PAIR, halvings=halvings, norm="batch", conditional=True)
        x = torch.zeros(2, 3, 256, 256)
        assert sum(p.numel() for p in network.parameters()) == parameters
        with FlopCounterMode(display=False) as counter:
            logits = network(x, x)
    assert counter.get_total_flops() / 4 == macs
    assert logits.shape == (2, side**2)


@pytest.mark.parametrize("halvings", PUBLISHED)
def test_a_logit_depends_on_the_pixels_of_its_patch_alone(halvings: int) -> None:
    field = PUBLISHED[halvings][3]
    size = 2 * field + 8
    spec = SampleSpec("image", (1, size, size))
    network = Discriminator(spec, width=1, halvings=halvings, norm="none")
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.1)
    x = torch.zeros(1, 1, size, size, requires_grad=True)
    logits = network(x)[0]
    side = int(len(logits) ** 0.5)
    middle = logits.view(side, side)[side // 2, side // 2]
    (gradient,) = torch.autograd.grad(middle, x)
    touched = gradient[0, 0].nonzero()
    assert (touched.max(0).values - touched.min(0).values + 1).tolist() == [field, field]


def test_cyclegans_critic_has_the_published_parameters() -> None:
    with torch.device("meta"):
        network = Discriminator(PICTURE, norm="instance")
    assert sum(p.numel() for p in network.parameters()) == 2_764_737


def test_halves_are_judged_by_two_critics_that_see_one_half_each() -> None:
    torch.manual_seed(0)
    spec = SampleSpec("image", (3, 16, 32))
    network = Discriminator(spec, width=4, halves=True)
    x = torch.randn(2, 3, 16, 32)
    left, right = network(x).chunk(2, 1)
    x[..., 16:] += 1
    again_left, again_right = network(x).chunk(2, 1)
    torch.testing.assert_close(left, again_left)
    x[..., :16] *= 2
    torch.testing.assert_close(network(x).chunk(2, 1)[1], again_right)
    first, second = (next(iter(critic.parameters())) for critic in network.critics)
    assert not torch.equal(first, second)
    assert not torch.allclose(right, again_right)


def test_a_small_image_has_as_many_halvings_as_leave_a_logit() -> None:
    sizes = {5: 0, 6: 1, 8: 1, 12: 2, 23: 2, 24: 3, 256: 3}
    for side, halvings in sizes.items():
        network = Discriminator(SampleSpec("image", (1, side, side)), width=2)
        strides = [m.stride for m in network.modules() if isinstance(m, nn.Conv2d)]
        assert strides.count((2, 2)) == halvings
        assert network(torch.zeros(2, 1, side, side)).shape[1] >= 1


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="halvings: 4 is too many"):
        Discriminator(SampleSpec("image", (3, 32, 32)), halvings=4)
    with pytest.raises(ValueError, match="whose condition is an image"):
        Discriminator(SampleSpec("image", (3, 32, 32), classes=3), conditional=True)
    with pytest.raises(ValueError, match="set conditional: false"):
        Discriminator(PAIR, halves=True, conditional=True)
    with pytest.raises(ValueError, match="two halves"):
        Discriminator(SampleSpec("image", (3, 32, 33)), halves=True)
