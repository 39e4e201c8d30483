"""The average of the generator."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganzoo.training.ema import Ema, averaged_and_copied


def test_the_share_of_a_weight_halves_in_a_half_life() -> None:
    network = nn.Linear(1, 1, bias=False)
    ema = Ema(network, half_life_samples=1000)
    before = ema.module.weight.item()
    with torch.no_grad():
        network.weight += 1.0
    for _ in range(20):
        ema.update(samples=50, samples_seen=10**6)
    assert ema.module.weight.item() == pytest.approx(before + 0.5, abs=1e-5)


def test_ramp_up_bounds_the_half_life_by_the_samples_seen() -> None:
    ema = Ema(nn.Linear(1, 1), half_life_samples=10_000, ramp_up=0.05)
    assert ema.beta(64, 2000) == pytest.approx(0.5 ** (64 / 100))
    assert ema.beta(64, 10**9) == pytest.approx(0.5 ** (64 / 10_000))
    assert ema.beta(64, 0) == 0.0


def test_statistics_are_averaged_and_counters_copied() -> None:
    norm = nn.BatchNorm2d(2)
    ema = Ema(norm, half_life_samples=64)
    norm(torch.randn(4, 2, 3, 3) + 5)
    ema.update(samples=64, samples_seen=64)
    torch.testing.assert_close(ema.module.running_mean, norm.running_mean / 2)
    assert ema.module.num_batches_tracked == 1


def test_the_average_is_in_eval_mode_and_learns_nothing_itself() -> None:
    ema = Ema(nn.Linear(2, 2), half_life_samples=10)
    assert not ema.module.training
    assert not any(parameter.requires_grad for parameter in ema.module.parameters())


class Styles(nn.Module):
    """A generator with state of every kind."""

    def __init__(self, *, replaces: bool = False) -> None:
        super().__init__()
        self.pretrained = nn.Linear(2, 2).requires_grad_(False)
        self.layer = spectral_norm(nn.Linear(2, 2))
        self.norm = nn.BatchNorm1d(2)
        self.replaces = replaces
        self.register_buffer("level", torch.tensor(0.0))
        self.register_buffer("w_mean", torch.zeros(2))
        self.register_buffer("count", torch.tensor(0))

    def forward(self, z: Tensor) -> Tensor:
        w = self.norm(self.layer(self.pretrained(z)))
        if self.replaces:
            self.w_mean = w.detach().mean(0) + 1
        return w + self.w_mean


def followed(network: Styles, *, steps: int = 1) -> Styles:
    """Return the average of a network one half-life after every number in it grew by 1."""
    ema = Ema(network, half_life_samples=64)
    for _ in range(steps):
        network.train()(torch.randn(4, 2))
        with torch.no_grad():
            for tensor in [*network.layer.parameters(), *network.buffers()]:
                tensor += 1
        ema.update(samples=64, samples_seen=64)
    assert isinstance(ema.module, Styles)
    return ema.module


def test_of_buffers_only_batch_norms_statistics_are_averaged() -> None:
    network = Styles()
    average = followed(network)
    for name in ("level", "w_mean", "count"):
        assert torch.equal(getattr(average, name), getattr(network, name))
    spectral = network.layer.parametrizations.weight[0]
    assert torch.equal(average.layer.parametrizations.weight[0]._u, spectral._u)
    torch.testing.assert_close(average.norm.running_mean, network.norm.running_mean / 2)
    torch.testing.assert_close(average.norm.running_var, (1 + network.norm.running_var) / 2)
    torch.testing.assert_close(average.layer.bias, network.layer.bias - 0.5)


def test_patterns_of_the_network_say_what_is_copied_and_what_is_averaged() -> None:
    network = Styles()
    network.copied, network.averaged = ("layer.weight", "norm.running_*"), ("w_*",)
    average = followed(network)
    weights = [each.layer.parametrizations.weight.original for each in (average, network)]
    assert torch.equal(*weights)
    assert torch.equal(average.norm.running_mean, network.norm.running_mean)
    torch.testing.assert_close(average.w_mean, network.w_mean / 2)
    assert torch.equal(average.level, network.level)


def test_a_buffer_that_a_forward_pass_replaces_is_followed() -> None:
    network = Styles(replaces=True)
    average = followed(network, steps=2)
    assert torch.equal(average.w_mean, network.w_mean)


def test_a_parameter_that_is_not_trained_is_neither_averaged_nor_copied() -> None:
    averaged, copied = averaged_and_copied(Styles())
    assert not [name for name in averaged + copied if name.startswith("pretrained")]
    assert "norm.weight" in averaged
    network = Styles()
    network.averaged = ("pretrained.*",)
    assert "pretrained.weight" in averaged_and_copied(network)[0]


@pytest.mark.parametrize(
    ("copied", "averaged", "said"),
    [
        ((), ("w_mea",), r"`averaged` has 'w_mea', which no .* matches - did you mean 'w_mean'\?"),
        (("style.*",), (), r"`copied` has 'style\.\*', which no parameter or buffer matches"),
        ((), ("count",), "`averaged` matches 'count', and int64 cannot be averaged"),
        (("w_*",), ("w_mean",), "'w_mean' matches a pattern of `averaged` and one of `copied`"),
    ],
)
def test_a_pattern_that_cannot_be_followed_is_refused(
    copied: tuple[str, ...], averaged: tuple[str, ...], said: str
) -> None:
    network = Styles()
    network.copied, network.averaged = copied, averaged
    with pytest.raises(ValueError, match=said):
        averaged_and_copied(network)


def test_a_latent_is_averaged_with_its_generator() -> None:
    latent = nn.Linear(1, 1, bias=False)
    ema = Ema(nn.Linear(1, 1), half_life_samples=64, latent=latent)
    before = latent.weight.item()
    with torch.no_grad():
        latent.weight += 1.0
    ema.update(samples=64, samples_seen=64)
    assert ema.latent is not None
    assert ema.latent.weight.item() == pytest.approx(before + 0.5)
