"""WaveGAN and SpecGAN: sizes as published, and phase shuffle."""

import json
from pathlib import Path

import pytest
import torch
from ganzoo_audio.networks import specgan, wavegan
from ganzoo_audio.networks.wavegan import phase_shuffle
from torch import nn

from ganzoo.api import SampleSpec

COUNTS = json.loads(Path(__file__).with_name("parameter_counts.json").read_text())["wavegan"]


def parameters(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


@pytest.mark.parametrize("length", COUNTS)
def test_wavegan_has_as_many_parameters_as_published(length: str) -> None:
    spec = SampleSpec("audio", (1, int(length)), sample_rate=16000)
    assert parameters(wavegan.Generator(spec)) == COUNTS[length]["generator"]
    assert parameters(wavegan.Discriminator(spec)) == COUNTS[length]["discriminator"]


def test_specgan_has_as_many_parameters_as_wavegan() -> None:
    spec = SampleSpec("audio/spectrogram", (1, 128, 128), sample_rate=16000)
    assert parameters(specgan.Generator(spec)) == COUNTS["16384"]["generator"]
    assert parameters(specgan.Discriminator(spec)) == COUNTS["16384"]["discriminator"]


@pytest.mark.parametrize("length", [64, 100, 1024, 2048, 5000])
def test_wavegan_makes_clips_of_any_length(length: int) -> None:
    spec = SampleSpec("audio", (2, length))
    clips = wavegan.Generator(spec, width=2, latent_dim=3)(torch.randn(2, 3))
    assert clips.shape == (2, 2, length)
    assert wavegan.Discriminator(spec, width=2)(clips).shape == (2,)


def test_untrained_signals_keep_their_size_from_layer_to_layer() -> None:
    torch.manual_seed(0)
    spec = SampleSpec("audio", (1, 4096))
    generator, critic = wavegan.Generator(spec), wavegan.Discriminator(spec)
    x = generator.linear(torch.randn(8, 100)).unflatten(1, (-1, 16))
    for layer in generator.layers:
        x = layer(x.relu())
        assert 0.7 < x.std() < 2.5
    assert 0.1 < critic(torch.randn(64, 1, 4096)).std() < 3


def test_phase_shuffle_shifts_each_clip_by_its_own_number_of_samples() -> None:
    torch.manual_seed(0)
    x = torch.arange(10.0).expand(500, 3, 10).contiguous()
    shifted = phase_shuffle(x, 2)
    assert (shifted == shifted[:, :1]).all()  # all channels alike
    first = shifted[:, 0, 4] - 4
    counts = first.unique(return_counts=True)
    assert counts[0].tolist() == [-2, -1, 0, 1, 2]
    assert counts[1].min() > 60
    by_two = shifted[first == 2][0, 0]
    assert by_two.tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 8, 7]  # mirrored at the end


def test_phase_shuffle_has_the_gradient_of_a_shift_and_no_randomness_in_eval_mode() -> None:
    x = torch.randn(4, 2, 12, dtype=torch.float64, requires_grad=True)

    def shuffled(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)
        return phase_shuffle(x, 2)

    assert torch.autograd.gradcheck(shuffled, x)
    assert torch.autograd.gradgradcheck(lambda x: shuffled(x).square(), x)
    critic = wavegan.Discriminator(SampleSpec("audio", (1, 256)), width=2)
    clips = torch.randn(3, 1, 256)
    assert not torch.equal(critic(clips), critic(clips))
    critic.eval()
    torch.testing.assert_close(critic(clips), critic(clips), rtol=0, atol=0)


def test_a_class_changes_what_is_made_and_how_it_is_judged() -> None:
    spec = SampleSpec("audio", (1, 256), classes=3)
    z = torch.randn(1, 5).expand(3, -1)
    y = torch.arange(3)
    clips = wavegan.Generator(spec, width=2, latent_dim=5, conditional=True)(z, y)
    assert not torch.allclose(clips[0], clips[1])
    critic = wavegan.Discriminator(spec, width=2, conditional=True).eval()
    logits = critic(clips[:1].expand(3, -1, -1), y)
    assert len(set(logits.tolist())) == 3
