"""Latents of published methods, InfoGAN's head and PacGAN's packs."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ganzoo_zoo.latents.codes import Codes
from ganzoo_zoo.latents.mixture import Mixture
from ganzoo_zoo.latents.particles import Particles
from ganzoo_zoo.latents.truncated import Truncated
from ganzoo_zoo.networks import infogan, packed
from ganzoo_zoo.regularizers.component_sd import ComponentSd
from ganzoo_zoo.regularizers.information import Information
from torch import nn

from ganzoo.api import DiscriminatorOutput, SampleSpec
from ganzoo.training.game import EngineGame

VALUES = json.loads((Path(__file__).parent / "loss_values.json").read_text())


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@pytest.mark.parametrize("limit", [0.5, 1.0, 1.5, 2.0])
def test_a_truncated_latent_has_the_deviation_of_a_normal_one_drawn_again(limit: float) -> None:
    z = Truncated(5, threshold=limit).sample(100_000, generator())
    assert z.abs().max() <= limit
    expected = VALUES["latents"]["std of N(0,1) resampled into [-t,t]"][str(limit)]
    assert z.std().item() == pytest.approx(expected, rel=0.005)
    # The distribution function inside, against the normal one.
    inside = math.erf(limit / math.sqrt(2))
    share = (z < limit / 2).float().mean().item()
    assert share == pytest.approx(0.5 + math.erf(limit / 2 / math.sqrt(2)) / inside / 2, abs=0.003)


def test_a_wide_truncation_changes_nothing_but_is_finite() -> None:
    z = Truncated(4, threshold=40.0).sample(100_000, generator())
    assert z.isfinite().all()
    assert z.std().item() == pytest.approx(1, abs=0.01)


def test_a_mixture_is_deligans_z_of_its_means_and_scales(monkeypatch: Any) -> None:
    named = "DeLiGAN mu=[[.5,-.5],[0,1]] sigma=[[.2,.3],[.4,.1]] k=[1,0] eps=[[1,-1],[.5,2]] -> z"
    mixture = Mixture(2, components=2)
    with torch.no_grad():
        mixture.means.copy_(torch.tensor([[0.5, -0.5], [0.0, 1.0]]))
        mixture.sds.copy_(torch.tensor([[0.2, 0.3], [0.4, 0.1]]))
    monkeypatch.setattr(torch, "randint", lambda *given, **named: torch.tensor([1, 0]))
    monkeypatch.setattr(
        torch, "randn", lambda *given, **named: torch.tensor([[1.0, -1.0], [0.5, 2.0]])
    )
    z = mixture.sample(2, generator())
    torch.testing.assert_close(z, torch.tensor(VALUES["latents"][named]))


def test_deligans_penalty_draws_the_deviations_of_the_components_to_one() -> None:
    mixture = Mixture(2, components=2)
    with torch.no_grad():
        mixture.sds.copy_(torch.tensor([[1.0, 0.5], [0.0, 2.0]]))
    game = EngineGame.of(
        "generator",
        nn.Identity(),
        nn.Identity(),
        real=torch.zeros(3, 2),
        latents=torch.zeros(3, 2),
        latent=mixture,
    )
    term = ComponentSd().generator(game)["component-sd"]
    assert term.item() == pytest.approx((0 + 0.25 + 1 + 1) / 4)
    term.backward()
    torch.testing.assert_close(mixture.sds.grad, torch.tensor([[0.0, -0.25], [-0.5, 0.5]]))


def test_particles_are_rows_of_the_table_and_only_drawn_rows_get_a_gradient() -> None:
    particles = Particles(2, count=50)
    z = particles.sample(20, generator())
    same = (z[:, None] == particles.points).all(2)  # (20, 50)
    assert same.sum(1).tolist() == [1] * 20
    z.sum().backward()
    moved = particles.points.grad.abs().sum(1) > 0
    assert set(moved.nonzero().flatten().tolist()) == set(same.int().argmax(1).tolist())
    noisy = Particles(2, count=50, sigma=0.1)
    spread = (
        noisy.sample(10_000, generator())
        - noisy.points[torch.randint(50, (10_000,), generator=generator())]
    )
    assert spread.std().item() == pytest.approx(0.1, rel=0.05)


# --- InfoGAN, PacGAN -----------------------------------------------------------------------------


def test_a_code_has_one_hot_categories_uniform_numbers_and_normal_noise() -> None:
    z = Codes(20, categories=(3, 4), numbers=2).sample(20_000, generator())
    for columns, count in ((z[:, :3], 3), (z[:, 3:7], 4)):
        assert torch.equal(columns.sum(1), torch.ones(20_000))
        assert set(columns.unique().tolist()) == {0.0, 1.0}
        torch.testing.assert_close(
            columns.mean(0), torch.full((count,), 1 / count), atol=0.02, rtol=0
        )
    numbers, noise = z[:, 7:9], z[:, 9:]
    assert -1 <= numbers.min() < -0.99
    assert 0.99 < numbers.max() < 1
    torch.testing.assert_close(noise.T.cov(), torch.eye(11), atol=0.05, rtol=0)


def test_a_code_longer_than_z_is_refused() -> None:
    with pytest.raises(ValueError, match="raise the generator's latent_dim"):
        Codes(11)


def information_game(code: list[Any], read: torch.Tensor) -> Any:
    output = DiscriminatorOutput(torch.zeros(len(read)), extra={"code": read})
    return SimpleNamespace(latents=torch.tensor(code), fake_output=output)


def test_information_is_the_cross_entropy_and_the_normal_likelihood_of_the_code() -> None:
    given = VALUES["info"]["in"]
    read = torch.cat([torch.tensor(given["mu"]), torch.tensor(given["var"]).log()], 1)
    game = information_game(given["c"], read)
    terms = Information(categories=(), lambda_numbers=1.0).generator(game)
    expected = VALUES["info"]["Gaussian NLL, sum over dims, mean over batch"]
    assert terms["numbers"].item() == pytest.approx(expected, rel=1e-6)

    logits = torch.tensor([[0.5, -0.2, 1.0, 0.3, 0.1], [1.2, 0.3, -0.6, 0.0, 2.0]])
    game = information_game([[0.0, 1, 0, 1, 0, 9], [1, 0, 0, 0, 1, 9]], logits)
    terms = Information(categories=(3, 2), numbers=0).discriminator(game)
    by_hand = -logits[:, :3].log_softmax(1)[[0, 1], [1, 0]].mean()
    by_hand -= logits[:, 3:].log_softmax(1)[[0, 1], [0, 1]].mean()
    torch.testing.assert_close(terms["categories"], by_hand)


def test_a_head_for_another_code_is_refused() -> None:
    game = information_game([[0.0] * 12], torch.zeros(1, 12))
    with pytest.raises(ValueError, match="not the 14 of categories"):
        Information().generator(game)


IMAGE, POINT = SampleSpec("image", (3, 32, 32)), SampleSpec("vector", (2,))


@pytest.mark.parametrize("network", ["dcgan", "mlp", "resnet"])
def test_the_head_q_adds_one_linear_layer_to_another_discriminator(network: Any) -> None:
    def count(module: nn.Module) -> int:
        return sum(each.numel() for each in module.parameters())

    plain = infogan.NETWORKS[network](IMAGE, width=16)
    whole = infogan.Discriminator(IMAGE, network=network, width=16, categories=(10, 2))
    assert count(whole) == count(plain) + count(whole.Q)
    assert whole.Q.out_features == 10 + 2 + 2 * 2
    assert whole.training


@pytest.mark.parametrize(("packing", "more"), [(2, 3840), (4, 11520)])
def test_packing_widens_only_the_first_layer_as_much_as_published(packing: int, more: int) -> None:
    # mimicry's SNGAN critic of 32x32 has 1,053,825 parameters, and with 2 and 4 packed images
    # 1,057,665 and 1,065,345: 3,840 for each further image.
    D = packed.Discriminator(
        IMAGE, network="resnet", packing=packing, width=128, spectral_norm=True
    )
    count = sum(each.numel() for each in D.parameters())
    assert count == 1_053_825 + more


def test_a_pack_is_judged_as_one_and_its_samples_lie_side_by_side() -> None:
    D = packed.Discriminator(POINT, network="mlp", packing=3, width=8)
    x = torch.randn(6, 2, generator=generator())
    logits = D(x)
    assert logits.shape == (2,)
    torch.testing.assert_close(logits, D.network(x.view(2, 6)).logits)
    assert D.batch_multiple == 3
