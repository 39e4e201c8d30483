"""Regularizers against closed forms and published values. `loss_values.json` names the sources."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ganzoo_zoo.regularizers.consistency import Consistency, shifted
from ganzoo_zoo.regularizers.dragan import DRAGAN
from ganzoo_zoo.regularizers.latent_consistency import LatentConsistency
from ganzoo_zoo.regularizers.latent_optimisation import LatentOptimisation
from ganzoo_zoo.regularizers.lecam import LeCam
from ganzoo_zoo.regularizers.max_gradient_penalty import MaxGradientPenalty
from ganzoo_zoo.regularizers.mode_seeking import ModeSeeking
from ganzoo_zoo.regularizers.sobolev import Sobolev
from ganzoo_zoo.regularizers.top_k import TopK
from ganzoo_zoo.regularizers.weight_clipping import WeightClipping
from ganzoo_zoo.regularizers.wgan_div import WGANDiv
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput
from ganzoo.testing import game as game_by_hand

FOLDER = Path(__file__).parent
REFERENCE = json.loads((FOLDER / "losses.json").read_text())
VALUES = json.loads((FOLDER / "loss_values.json").read_text())


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


class CriticGame:
    """A game of the samples, one of the critics and the draws of `losses.json`."""

    player = "discriminator"

    def __init__(self, critic: str = "linear") -> None:
        self.critic = critic
        self.real, self.fake = double(REFERENCE["real_images"]), double(REFERENCE["fake_images"])
        self.labels = self.fake_labels = None

    def judge(self, x: Tensor) -> Tensor:
        x = x + x.square() / 2 if self.critic == "quadratic" else x
        return (double(REFERENCE["critic_weights"]) * x).sum((1, 2, 3)) + REFERENCE["critic_bias"]

    def uniform(self, name: str, *shape: int) -> Tensor:
        if name.endswith("noise"):
            return double(VALUES["dragan"]["uniform_noise"])
        return double(REFERENCE["interpolation_alpha"]).view(-1, *shape)

    def input_gradient(self, x: Tensor, y: Tensor | None = None) -> tuple[Any, Tensor]:
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.judge(x).sum(), x, create_graph=True)
        return DiscriminatorOutput(self.judge(x)), gradient

    def mean(self, t: Tensor) -> Tensor:
        return t

    gather = mean


both_critics = pytest.mark.parametrize("critic", ["linear", "quadratic"])


def term(regularizer: Any, game: Any, player: str = "discriminator") -> float:
    (value,) = getattr(regularizer, player)(game).values()
    return value.item()


# --- gradient penalties --------------------------------------------------------------------------


@both_critics
def test_dragan_is_studiogans_value_with_the_spread_of_its_own(critic: str) -> None:
    values = VALUES["dragan"]
    unbiased = values[critic]["std used"] / values[critic]["std biased"]
    value = term(DRAGAN(lambda_gp=1.0, c=0.5 * unbiased), CriticGame(critic))
    assert value == pytest.approx(values["StudioGAN cal_dra_penalty"][critic], rel=1e-10)


def test_dragan_spreads_by_the_biased_deviation_of_the_whole_batch() -> None:
    game = CriticGame("quadratic")
    std = VALUES["dragan"]["quadratic"]["std biased"]
    points = game.real + game.uniform("alpha", 1, 1, 1) * 0.5 * std * game.uniform("noise")
    norms = game.input_gradient(points)[1].flatten(1).norm(dim=1)
    expected = 10 * (norms - 1).square().mean().item()
    assert term(DRAGAN(), game) == pytest.approx(expected, rel=1e-10)


@both_critics
def test_the_maximum_penalty_takes_the_steepest_point_of_the_batch(critic: str) -> None:
    value = term(MaxGradientPenalty(lambda_gp=1.0), CriticGame(critic))
    assert value == pytest.approx(VALUES["critic_penalties"][critic]["maxGP max|grad|^2"], rel=1e-9)


@both_critics
def test_wgan_div_is_the_sixth_power_of_the_gradient_at_interpolates(critic: str) -> None:
    expected = VALUES["critic_penalties"][critic]["WGAN-div penalty 2*E|grad|^6 at interpolates"]
    assert term(WGANDiv(), CriticGame(critic)) == pytest.approx(expected, rel=1e-9)


@both_critics
def test_sobolev_is_the_augmented_lagrangian_of_the_paper(critic: str) -> None:
    values, game = VALUES["critic_penalties"][critic], CriticGame(critic)
    sobolev = Sobolev(rho=0.01).double()
    sobolev.multiplier.fill_(0.1)
    distance = game.judge(game.real).mean() - game.judge(game.fake).mean()
    total = term(sobolev, game) - distance.item()
    named = (
        "Sobolev D loss lambda=.1 rho=.01: -(E real - E fake + lambda(1-omega) - rho/2 (omega-1)^2)"
    )
    assert total == pytest.approx(values[named], rel=1e-9)
    assert sobolev.omega.item() == pytest.approx(values["Sobolev omega"], rel=1e-9)
    sobolev.after_step(game)
    after = values["lambda after lambda+rho(omega-1)"]
    assert sobolev.multiplier.item() == pytest.approx(after, rel=1e-9)


def test_weight_clipping_clips_every_weight_of_d_and_none_of_g() -> None:
    G, D = nn.Linear(2, 3), nn.Linear(3, 1)
    nn.init.constant_(D.weight, -0.7)
    nn.init.constant_(D.bias, 0.004)
    before = G.weight.clone()
    for player in ("generator", "discriminator"):
        update = game_by_hand(player, G, D, real=torch.zeros(2, 3), latents=torch.zeros(2, 2))
        with torch.no_grad():
            WeightClipping(c=0.01).after_step(update)
        assert D.weight.min().item() == pytest.approx(-0.7 if player == "generator" else -0.01)
    assert D.bias.item() == pytest.approx(0.004)
    assert torch.equal(G.weight, before)


# --- consistency ---------------------------------------------------------------------------------


class ConsistencyGame:
    """A game in which D's outputs on given and on changed samples are those of the file."""

    def __init__(self) -> None:
        given = VALUES["consistency"]["in"]
        self.real = self.fake_images = torch.zeros(3, 1, 8, 8)
        self.real_logits, self.fake_logits = double(given["D_x"]), double(given["D_g"])
        self.changed = [double(given[name]) for name in ("D_Tx", "D_Tg")]
        self.latents, self.labels, self.fake_labels = torch.zeros(3, 2), None, None
        self.fake, self.moved = double(given["G_z"]), double(given["G_z_eps"])
        self.moved_logits = double(given["D_g_eps"])

    def uniform(self, name: str, *shape: int) -> Tensor:
        return torch.full((3, *shape), 0.5)

    normal = uniform

    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        return self.moved

    def discriminate(self, x: Tensor, y: Tensor | None) -> DiscriminatorOutput:
        logits = self.moved_logits if x.ndim == 2 else self.changed.pop(0)
        return DiscriminatorOutput(logits)


def test_cr_and_bcr_are_the_squared_differences_of_ds_logits() -> None:
    assert term(Consistency(), ConsistencyGame()) == pytest.approx(
        VALUES["consistency"]["CR 10*mse"], rel=1e-9
    )
    game: Any = ConsistencyGame()
    game.fake = game.fake_images
    terms = Consistency(lambda_fake=10.0).discriminator(game)
    total = sum(terms.values()).item()
    assert total == pytest.approx(VALUES["consistency"]["bCR 10/10"], rel=1e-9)


def test_zcr_pulls_the_logits_together_and_pushes_the_samples_apart() -> None:
    values = VALUES["consistency"]
    zcr = LatentConsistency()
    assert term(zcr, ConsistencyGame()) == pytest.approx(values["zCR D 20*mse"], rel=1e-9)
    expected = values["zCR G -0.5*mean over pixels (StudioGAN)"]
    assert term(zcr, ConsistencyGame(), "generator") == pytest.approx(expected, rel=1e-9)


def test_a_shift_reflects_the_pixels_at_the_border_as_studiogan_does() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    x = shifted(shifted(x, torch.tensor([[1]]), 2), torch.tensor([[-1]]), 3)
    expected = VALUES["consistency"]["CR shift (StudioGAN, reflect) of 4x4 = 0..15, t=(1,-1)"]
    assert x[0, 0].tolist() == expected


def test_images_are_shifted_by_at_most_an_eighth_and_flipped_by_choice() -> None:
    x = torch.zeros(500, 1, 16, 16)
    x[:, 0, 7, 4] = 1
    update = game_by_hand("discriminator", nn.Identity(), nn.Identity(), real=x, latents=x)
    changed = Consistency(flip=False).changed(x, update, "real")
    rows, columns = changed[:, 0].amax(2).argmax(1), changed[:, 0].amax(1).argmax(1)
    assert sorted(set(rows.tolist())) == [5, 6, 7, 8, 9]
    assert sorted(set(columns.tolist())) == [2, 3, 4, 5, 6]
    flipped = Consistency(shift=0.0).changed(x, update, "real")[:, 0].amax(1).argmax(1)
    assert sorted(set(flipped.tolist())) == [4, 11]
    assert 200 < (flipped == 11).sum() < 300


# --- LeCam, top-k --------------------------------------------------------------------------------

LECAM = VALUES["lecam"]
MEANS = {itr: means for itr, *means in LECAM["in"]["(itr, mean D_real, mean D_fake)"]}


def lecam_game(real: float, fake: float) -> SimpleNamespace:
    return SimpleNamespace(
        real_logits=double(REFERENCE["real_logits"]),
        fake_logits=double(REFERENCE["fake_logits"]),
        means=iter([double(real), double(fake)]),
    )


def lecam_rows(lecam: LeCam, first: int) -> list[list[float]]:
    """Return (update, a_R, a_F, term) of each update, as the file has them."""
    lecam.double().updates.fill_(first)
    rows = []
    for number, (real, fake) in enumerate(MEANS.values(), first):
        game: Any = lecam_game(real, fake)
        game.mean = lambda t, game=game: next(game.means)
        value = term(lecam, game)
        correction = 1 if lecam.start_updates else 1 - lecam.decay ** lecam.updates.item()
        averages = (lecam.a_R / correction).item(), (lecam.a_F / correction).item()
        rows.append([number, *averages, value])
    return rows


@pytest.mark.parametrize(
    ("decay", "named"),
    [(0.99, "decay .99 start 1000 (StudioGAN)"), (0.9, "decay .9 start 1000 (lecam-gan CIFAR)")],
)
def test_lecam_starts_late_as_in_two_projects(decay: float, named: str) -> None:
    found = lecam_rows(LeCam(decay=decay, start_updates=1000), 998)
    assert found == [pytest.approx(row, abs=1e-9) for row in LECAM[named]]


def test_lecam_without_a_late_start_corrects_its_averages_for_their_start_at_zero() -> None:
    found = [row[1:] for row in lecam_rows(LeCam(), 0)]
    named = "decay .99 zero-debiased, no start (lecam-gan StyleGAN2)"
    assert found == [pytest.approx(row[1:], abs=1e-9) for row in LECAM[named]]


@pytest.mark.parametrize(
    ("rectified", "named"),
    [
        (True, "code form with ReLU at ema .6/-.3 (also in losses.json)"),
        (
            False,
            "paper form without ReLU: E(D_real-ema_fake)^2 + E(D_fake-ema_real)^2 at ema .6/-.3",
        ),
    ],
)
def test_lecam_has_the_form_of_the_code_and_that_of_the_paper(rectified: bool, named: str) -> None:
    game: Any = lecam_game(0.6, -0.3)
    game.mean = lambda t: next(game.means)
    value = term(LeCam(rectified=rectified).double(), game)
    assert value == pytest.approx(LECAM[named], abs=1e-9)


def test_top_k_keeps_as_many_samples_as_published_after_each_epoch() -> None:
    top_k = TopK(gamma=0.99, nu=0.5, epoch_samples=50_000)
    counts = VALUES["top_k"]["k after n epochs, batch 64, gamma .99, nu .5"]
    for epochs, count in counts.items():
        assert top_k.count(64, int(epochs) * 50_000) == count
        assert top_k.count(64, int(epochs) * 50_000 + 49_999) == count


class FirstNumber(nn.Module):
    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x[:, 0]


def test_top_k_gives_g_its_best_samples_and_leaves_d_all() -> None:
    logits = double(REFERENCE["fake_logits"])[:, None]
    for player in ("generator", "discriminator"):
        update = game_by_hand(
            player,
            Scaled(),
            FirstNumber(),
            real=logits,
            latents=logits,
            samples_seen=10**9,
        )
        kept = TopK(nu=0.5).prepare(update)
        if player == "discriminator":
            assert kept is update
        else:
            value = -kept.fake_logits.mean().item()
            assert value == pytest.approx(VALUES["top_k"]["fake_logits k=3: -mean of top 3"])
            assert kept.latents.shape == (3, 1)


def test_top_k_refuses_a_packed_d() -> None:
    class Pairs(nn.Module):
        batch_multiple = 2

        def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
            return x.view(-1, 2).sum(1)

    x = torch.zeros(4, 1)
    update = game_by_hand("generator", Scaled(), Pairs(), real=x, latents=x)
    with pytest.raises(ValueError, match="a logit for each sample"):
        TopK().prepare(update)


# --- latents -------------------------------------------------------------------------------------


class Weighted(nn.Module):
    """D(x) = sum_i x_i w_i, with a row of w for each sample."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return (x * self.weights).sum(1)


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.scale * z


def test_latent_optimisation_moves_z_by_the_damped_natural_gradient() -> None:
    given = VALUES["logan"]["in"]
    z, G = double(given["z"]), Scaled()
    logan = LatentOptimisation(alpha=given["alpha"], beta=given["beta"], w_r=2.0)
    for player in ("discriminator", "generator"):
        update = game_by_hand(
            player,
            G,
            Weighted(double(given["dfdz"])),
            real=z,
            latents=z,
            capabilities=logan.capabilities,
        )
        moved = logan.prepare(update)
        expected = double(VALUES["logan"]["z after clip to [-1,1]"])
        torch.testing.assert_close(moved.latents, expected, atol=1e-9, rtol=0)
        cost = VALUES["logan"]["cost mean |dz|^2, before mask and clip (StudioGAN)"]
        assert term(logan, moved, player) == pytest.approx(2 * cost, rel=1e-9)


def test_both_players_learn_through_the_move_of_z() -> None:
    given = VALUES["logan"]["in"]
    z, G, D = double(given["z"]), Scaled(), Weighted(double(given["dfdz"]))
    logan = LatentOptimisation()
    words = logan.capabilities
    update = game_by_hand("discriminator", G, D, real=z, latents=z, capabilities=words)
    cost = logan.discriminator(logan.prepare(update))["cost"]
    (gradient,) = torch.autograd.grad(cost, D.weights)
    assert gradient.abs().min() > 0
    update = game_by_hand("generator", G, D, real=z, latents=z, capabilities=words)
    cost = logan.generator(logan.prepare(update))["cost"]
    (gradient,) = torch.autograd.grad(cost, G.scale)
    assert gradient.abs() > 0


def test_some_samples_keep_their_z() -> None:
    z = torch.full((1000, 2), 0.5, dtype=torch.float64)
    logan = LatentOptimisation(share=0.8)
    D = Weighted(torch.ones(1000, 2, dtype=torch.float64))
    update = game_by_hand(
        "discriminator", Scaled(), D, real=z, latents=z, capabilities=logan.capabilities
    )
    moved = (logan.prepare(update).latents != z).any(1)
    assert 750 < moved.sum() < 850


def test_mode_seeking_is_the_ratio_of_the_batch_means() -> None:
    given = VALUES["mode_seeking"]["in"]
    samples = [VALUES["consistency"]["in"]["G_z"], given["img2"]]
    game = SimpleNamespace(
        fake=double(samples[0]),
        fake_labels=None,
        latents=double(given["z1"]),
        latent=lambda name: double(given["z2"]),
        generate=lambda z, y: double(samples[1]),
        mean=lambda t: t,
    )
    value = term(ModeSeeking(), game, "generator")
    assert value == pytest.approx(VALUES["mode_seeking"]["loss 1/(ratio+1e-5)"], rel=1e-9)
