"""Diffusion-GAN's discriminators: what the step of the diffusion does to their logits."""

import pytest
import torch
from ganzoo_zoo.networks import diffusion_gan, stylegan2
from torch import Tensor, nn

from ganzoo.api import SampleSpec

GREY = SampleSpec("image", (1, 8, 8))
SMALL = {"channel_base": 64, "channel_max": 16, "mapping_layers": 2, "minibatch_stddev": 0}


def images(count: int) -> Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def judges() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {
        "dcgan": diffusion_gan.Discriminator(GREY, width=8, spectral_norm=True).eval(),
        "stylegan2": diffusion_gan.StyleGAN2Discriminator(GREY, **SMALL).eval(),
    }


@pytest.mark.parametrize("name", ["dcgan", "stylegan2"])
def test_each_sample_is_judged_by_its_own_step(name: str) -> None:
    network, x = judges()[name], images(1).expand(3, -1, -1, -1)
    # Biases start at 0, where StyleGAN2's mapping gives all steps above 0 the same vector.
    with torch.no_grad():
        for each in network.parameters():
            each.add_(0.01 * torch.randn(each.shape, generator=torch.Generator().manual_seed(1)))
    steps = torch.tensor([0.0, 0.01, 0.5])
    together = network(x, extra=steps).logits
    assert len({round(value, 5) for value in together.tolist()}) == 3
    alone = [network(x[:1], extra=steps[[row]]).logits for row in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
    torch.testing.assert_close(network(x).logits, together[:1].expand(3))


def test_in_stylegan2_the_step_is_a_number_beside_the_labels() -> None:
    """At step 1 it is what a label is: a one at the input of the mapping."""
    labelled = stylegan2.Discriminator(
        SampleSpec("image", (1, 8, 8), classes=3), conditional=True, **SMALL
    )
    stepped = diffusion_gan.StyleGAN2Discriminator(
        SampleSpec("image", (1, 8, 8), classes=2), conditional=True, T_max=50, **SMALL
    )
    with torch.no_grad():
        labelled.mapping.label.weight[:, 0] = 0  # label 0 adds nothing, so the step is alone
    stepped.load_state_dict(labelled.state_dict())
    x = images(2)
    judged = stepped(x, torch.tensor([0, 0]), extra=torch.tensor([1 / 50, 1 / 50])).logits
    torch.testing.assert_close(judged, labelled(x, torch.tensor([2, 2])).logits)


def test_without_labels_the_mapping_reads_the_step_alone() -> None:
    plain = stylegan2.Discriminator(SampleSpec("image", (3, 32, 32)), channel_max=512)
    stepped = diffusion_gan.StyleGAN2Discriminator(
        SampleSpec("image", (3, 32, 32)), channel_max=512
    )
    width = 512
    mapping = 2 * width + 8 * (width * width + width)
    vector_for_logit = (width - 1) * (width + 1)
    assert count(stepped) == count(plain) + mapping + vector_for_logit


def count(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())
