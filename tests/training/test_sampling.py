"""Samples are functions of (seed, index); walks stay on the sphere."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import Noise, SampleSpec
from ganzoo.components.weights import read_network, write_network
from ganzoo.errors import CheckpointError
from ganzoo.sampling.sampler import LabelSampler, Sampler, spherical


class Gaussian:
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, 4, generator=generator)


class Dropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.dropout = nn.Linear(4, 6), nn.Dropout(0.5)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.dropout(self.layer(z))


class Noisy(nn.Module):
    """Adds noise that the engine passes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 6)

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        drawn: Tensor = self.layer(z) + noise.normal("layer", 6) + noise.uniform("shift", 1)
        return drawn


def noisy() -> Sampler:
    torch.manual_seed(0)
    return Sampler(Noisy(), SampleSpec("vector", (6,)), Gaussian())


def sampler(**given: Any) -> Sampler:
    torch.manual_seed(0)
    return Sampler(Dropout(), SampleSpec("vector", (6,)), Gaussian(), **given)


def test_shares_of_two_ranks_are_the_batches_of_one() -> None:
    whole = list(sampler().batches(700, seed=1))
    shares = [list(sampler().batches(700, seed=1, rank=r, world_size=2)) for r in (0, 1)]
    assert [len(batch) for batch, _ in whole] == [256, 256, 188]
    assert torch.equal(shares[1][0][0], whole[1][0])
    assert len(shares[0]) == 2


def test_sampling_leaves_mode_and_default_generator_as_they_were() -> None:
    made = sampler()
    made.generator.train()
    state = torch.random.get_rng_state()
    first = made.sample(5)
    assert made.generator.training
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(made.sample(5), first)


def test_a_sample_with_noise_depends_on_the_seed_and_its_index_alone() -> None:
    made = noisy()
    nn.init.zeros_(made.generator.layer.weight)  # type: ignore[arg-type, union-attr]
    whole = made.sample(700, seed=1)
    assert len(torch.unique(whole, dim=0)) == 700
    assert torch.equal(made.sample(300, seed=1), whole[:300])
    assert not torch.equal(made.sample(300, seed=2), whole[:300])
    shares = [list(made.batches(700, seed=1, rank=r, world_size=2)) for r in (0, 1)]
    assert torch.equal(shares[1][0][0], whole[256:512])


def test_rows_of_one_batch_have_different_noise() -> None:
    made = noisy()
    latents = torch.zeros(3, 4)
    rows = made.generate(latents, None, seed=0)
    assert len(torch.unique(rows, dim=0)) == 3
    assert torch.equal(made.generate(latents[:2], None, seed=0), rows[:2])


def test_a_walk_keeps_the_noise_of_its_first_sample() -> None:
    made = noisy()
    walks = made.interpolate(2, 3, seed=5)
    torch.testing.assert_close(walks[::3], made.sample(2, seed=5))
    nn.init.zeros_(made.generator.layer.weight)  # type: ignore[arg-type, union-attr]
    walks = made.interpolate(2, 3, seed=5)
    torch.testing.assert_close(walks[:3], walks[:1].expand(3, -1))
    assert not torch.equal(walks[3], walks[0])


def test_labels_follow_their_distribution() -> None:
    label_sampler = LabelSampler(torch.tensor([0.25, 0.25, 1.0], dtype=torch.float64))
    batches = sampler(label_sampler=label_sampler).batches(4000, seed=0)
    drawn = torch.cat([labels for _, labels in batches])
    counts = torch.bincount(drawn, minlength=3) / 4000
    torch.testing.assert_close(counts, torch.tensor([0.25, 0.0, 0.75]), atol=0.03, rtol=0)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_a_walk_between_points_of_the_sphere_stays_on_it(t: float) -> None:
    a, b = (nn.functional.normalize(torch.randn(5, 8), dim=1) for _ in range(2))
    torch.testing.assert_close(spherical(a, b, t).norm(dim=1), torch.ones(5))


def test_a_walk_begins_and_ends_at_its_ends() -> None:
    a, b = torch.randn(5, 8), torch.randn(5, 8)
    torch.testing.assert_close(spherical(a, b, 0.0), a)
    torch.testing.assert_close(spherical(a, b, 1.0), b)


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    network = nn.Linear(2, 2)
    with torch.no_grad():
        network.weight[0, 0] = float("inf")
    with pytest.raises(CheckpointError, match="weight is not finite"):
        write_network(network, tmp_path / "generator.safetensors")
    assert not (tmp_path / "generator.safetensors").exists()


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    write_network(nn.Linear(2, 2), tmp_path / "g.safetensors")
    with pytest.raises(CheckpointError, match="of another network"):
        read_network(nn.Linear(3, 2), tmp_path / "g.safetensors")
    (tmp_path / "g.safetensors").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_network(nn.Linear(2, 2), tmp_path / "g.safetensors")
