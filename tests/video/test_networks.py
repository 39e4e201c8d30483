"""Networks of clips."""

import pytest
import torch
from ganzoo_video.networks import conv3d, mocogan

from ganzoo.api import SampleSpec

CLIP = SampleSpec("video", (8, 1, 24, 24), classes=8)


def test_mocogan_of_the_papers_size_has_its_latents() -> None:
    network = mocogan.Generator(SampleSpec("video", (16, 3, 64, 64)), width=4)
    assert network.latent_dim == 50 + 10 + 16 * 10


def test_a_frame_does_not_depend_on_the_noise_of_later_frames() -> None:
    torch.manual_seed(0)
    network = mocogan.Generator(CLIP, width=4).eval()
    z = torch.randn(2, network.latent_dim)
    other = z.clone()
    other[:, 50 + 10 + 5 * 10 :] = torch.randn(2, 30)  # noise of frames 5 to 7
    clips, changed = network(z), network(other)
    torch.testing.assert_close(clips[:, :5], changed[:, :5])
    assert not torch.allclose(clips[:, 5:], changed[:, 5:])


def test_half_of_the_mean_logit_is_that_of_the_clip_and_half_that_of_frames() -> None:
    torch.manual_seed(0)
    network = mocogan.Discriminator(CLIP, width=4, norm="none").eval()
    x = torch.rand(3, *CLIP.shape)
    frames = network.image(x.flatten(0, 1)).logits.view(3, 8).mean(1)
    clip = network.video(x).logits[:, 0]
    torch.testing.assert_close(network(x).logits.mean(1), (clip + frames) / 2)


@pytest.mark.parametrize("frames", [2, 3, 5, 8, 10, 16])
@pytest.mark.parametrize("module", [mocogan, conv3d])
def test_any_number_of_frames_can_be_made_and_judged(module: object, frames: int) -> None:
    spec = SampleSpec("video", (frames, 3, 20, 12))
    generator = module.Generator(spec, width=4)  # type: ignore[attr-defined]
    clips = generator(torch.randn(2, generator.latent_dim))
    assert clips.shape == (2, *spec.shape)
    logits = module.Discriminator(spec, width=4, norm="none")(clips).logits  # type: ignore[attr-defined]
    first = torch.autograd.grad(logits.sum(), clips)[0]
    assert (first.abs().flatten(2).sum((0, 2)) > 0).all()  # every frame is judged
