"""The example components compute what their sources say."""

import csv
import math
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import HOOKS, DataError, Evaluated, SampleSpec
from ganzoo.registry import Registry
from ganzoo.training.game import EngineGame

IMAGE = SampleSpec("image", (1, 64, 64))


@pytest.fixture
def example(install_scaffold):
    """Return a function from a kind to the module of its example."""
    install_scaffold(*HOOKS)

    def module(kind: str) -> ModuleType:
        (registration,) = Registry().list(kind, "acme/*")
        return import_module(registration.target.partition(":")[0])

    return module


def game_of_logits(player: str, real: list[float], fake: list[float]) -> EngineGame:
    """Return a game in which every sample is its own logit."""

    class Given(nn.Module):
        def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
            return x[:, 0]

    class Copy(nn.Module):
        def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
            return z

    samples, latents = (torch.tensor(logits)[:, None] for logits in (real, fake))
    return EngineGame.of(player, Copy(), Given(), real=samples, latents=latents)


def test_generated_images_have_the_datas_size_even_where_it_is_no_power_of_two(example) -> None:
    spec, noise = SampleSpec("image", (3, 12, 21)), game_of_logits("generator", [0, 0], [0, 0])
    network = example("generator").Generator(spec, latent_dim=5, width=4)
    images = network(torch.randn(2, 5), noise=noise)
    assert images.shape == (2, 3, 12, 21)
    assert images.abs().max() <= 1


def test_truncation_scales_the_latents_and_noise_has_no_strength_before_training(example) -> None:
    network, z = (
        example("generator").Generator(IMAGE, latent_dim=5, width=4).eval(),
        torch.ones(2, 5),
    )
    first, second = (game_of_logits("generator", [0] * 2, [0] * 2) for _ in range(2))
    second.noise = second.noise.within("other")
    half = network(z, noise=first, truncation=0.5)
    assert torch.equal(half, network(0.5 * z, noise=second))
    network.strengths.data += 1
    assert not torch.equal(network(z, noise=first), network(z, noise=second))


def test_each_logit_sees_a_patch_of_18_by_18_pixels(example) -> None:
    x = torch.randn(1, 1, 64, 64, requires_grad=True)
    logits = example("discriminator").Discriminator(IMAGE, width=4)(x).logits
    assert logits.shape == (1, 16 * 16)
    logits[0, 16 * 8 + 8].backward()
    assert x.grad is not None
    rows, columns = x.grad[0, 0].nonzero().unbind(1)
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (18, 18)


def test_latents_lie_on_the_sphere_whose_radius_is_the_root_of_the_dimension(example) -> None:
    z = example("latent").Sphere(9).sample(4, torch.Generator().manual_seed(0))
    torch.testing.assert_close(z.norm(dim=1), torch.full((4,), 3.0))


def test_least_squares_is_half_the_squared_distance_to_the_target(example) -> None:
    loss = example("loss").LeastSquares()
    terms = loss.discriminator(game_of_logits("discriminator", [3.0, 1.0], [2.0, 0.0]))
    assert {name: term.item() for name, term in terms.items()} == {"real": 1.0, "fake": 1.0}
    assert loss.generator(game_of_logits("generator", [9.0], [4.0]))["fake"].item() == 4.5


def test_drift_is_epsilon_times_the_mean_square_of_the_real_logits(example) -> None:
    game = game_of_logits("discriminator", [3.0, 1.0], [7.0, 7.0])
    assert example("regularizer").Drift(epsilon=0.5).discriminator(game)["drift"].item() == 2.5


def test_instance_noise_has_the_standard_deviation_that_is_asked_for(example) -> None:
    game = game_of_logits("discriminator", [0.0] * 64, [0.0])
    x = torch.zeros(64, 1, 16, 16)
    noisy = example("augmentation").InstanceNoise(IMAGE, strength=2.0)(x, game)
    assert noisy.std().item() == pytest.approx(2.0, rel=0.02)
    assert torch.equal(example("augmentation").InstanceNoise(IMAGE, strength=0)(x, game), x)


def test_gratings_run_in_the_direction_of_their_label(example) -> None:
    images, labels = example("dataset").Gratings("train", size=16, length=8).tensors()
    upright, diagonal, lying = (images[labels == label].int() for label in (0, 1, 2))
    assert torch.equal(upright, upright[:, :, :1].expand_as(upright))
    assert torch.equal(lying, lying[..., :1].expand_as(lying))
    assert (diagonal - diagonal.transpose(-1, -2)).abs().max() <= 1
    assert min(image.unique().numel() for image in images) > 4


def test_gratings_of_another_split_differ_and_there_is_no_third(example) -> None:
    module = example("dataset")
    train, test = (module.Gratings(split).tensors()[0] for split in ("train", "test"))
    assert not (train == test).flatten(1).all(1).any()
    with pytest.raises(DataError, match="no split 'valid'"):
        module.Gratings("valid")
    with pytest.raises(IndexError):
        module.Gratings("train", length=4)[4]


def test_a_wave_of_five_periods_has_its_power_at_the_frequency_five(example) -> None:
    spectrum = example("extractor").Spectrum()
    places = torch.arange(32) / 32
    wave = 127.5 * (1 + torch.cos(2 * math.pi * 5 * places)).expand(1, 3, 32, 32)
    flat = torch.full((1, 3, 32, 32), 127.5)
    features = spectrum(wave)[0] - spectrum(flat)[0]
    assert features.argmax() == 5
    assert spectrum(flat)[0, 0].item() == pytest.approx(math.log1p(1024 / 4))
    assert spectrum(flat)[0, 1:].abs().max() < 1e-5


def test_the_energy_distance_of_two_points_is_twice_how_far_apart_they_are(example) -> None:
    def cloud(*rows: list[float]) -> Evaluated:
        features = torch.tensor(rows)
        return Evaluated(features, features)

    energy = example("metric").Energy()
    assert energy(cloud([0.0, 0.0]), cloud([3.0, 4.0])) == {"energy": 10.0}
    same = cloud([0.0, 1.0], [2.0, 5.0], [7.0, 1.0])
    assert energy(same, same)["energy"] == pytest.approx(0, abs=1e-12)
    # x = {0, 2}, y = {1}: 2 * 1 - (0 + 2 + 2 + 0) / 4 - 0
    assert energy(cloud([0.0], [2.0]), cloud([1.0])) == {"energy": 1.0}


def test_radam_describes_its_parameters_for_editors(example) -> None:
    for name in ("lr", "betas", "eps", "weight_decay"):
        assert f" {name}: " in example("optimizer").radam.__doc__


def test_radam_takes_the_recipes_numbers_as_torch_wants_them(example) -> None:
    made = example("optimizer").radam([nn.Parameter(torch.zeros(1))], lr=1, betas=(0, 0.9))
    assert isinstance(made, torch.optim.RAdam)
    (group,) = made.param_groups
    assert (group["lr"], group["betas"]) == (1.0, (0.0, 0.9))


def test_warm_up_is_a_straight_line_and_then_one(example) -> None:
    warmup = example("schedule").Warmup(samples=100, start=0.2)
    assert [warmup(samples) for samples in (0, 50, 100, 10**9)] == pytest.approx([0.2, 0.6, 1, 1])


def test_terms_are_written_one_a_line_and_a_resumed_run_goes_on(example, tmp_path: Path) -> None:
    for step in (50, 100):
        writer = example("callback").Csv()
        writer.started({"path": str(tmp_path)})
        writer.stepped(step, 32 * step, {"d/real": 0.5, "g/fake": 1.5})
    rows = list(csv.reader((tmp_path / "terms.csv").read_text().splitlines()))
    assert rows[0] == ["step", "samples_seen", "term", "value"]
    assert rows[1:3] == [["50", "1600", "d/real", "0.5"], ["50", "1600", "g/fake", "1.5"]]
    assert len(rows) == 5
