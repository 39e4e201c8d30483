"""Losses and regularizers give the numbers of their papers, or of their authors' code."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, Game
from ganzoo.testing import game as game_of

from .methods.contragan import ConditionalContrast
from .methods.icr import BalancedConsistency, LatentConsistency, flip_and_shift
from .methods.lecam import LeCam
from .methods.logan import LatentOptimisation
from .methods.mhgan import MultiHinge
from .methods.r3gan import R1R2, Pairing
from .methods.topk import TopK
from .reference import LOSSES, REFERENCE, Identity, Table, logits_game, near, numbers
from .runs import train

# --- LeCam ----------------------------------------------------------------------------------------


def test_lecam_equals_studiogans_value_for_the_same_moving_averages() -> None:
    lecam, theirs = LeCam(), LOSSES["implementations"]["LeCam"]
    lecam.a_R.fill_(theirs["ema_D_real"])
    lecam.a_F.fill_(theirs["ema_D_fake"])
    terms = lecam.discriminator(logits_game("discriminator"))
    assert terms["lecam"].item() == near(theirs["value"])


@pytest.mark.parametrize(
    ("decay", "key"),
    [(0.99, "decay .99 start 1000 (StudioGAN)"), (0.9, "decay .9 start 1000 (lecam-gan CIFAR)")],
)
def test_lecams_averages_follow_the_logits_as_in_the_authors_code(decay: float, key: str) -> None:
    lecam = LeCam(decay=decay)
    lecam.a_R.fill_(0.6)
    lecam.a_F.fill_(-0.3)
    means = REFERENCE["lecam"]["in"]["(itr, mean D_real, mean D_fake)"][2:]
    for (_, real, fake), (_, a_R, a_F, _) in zip(means, REFERENCE["lecam"][key][2:], strict=True):
        game = game_of(
            "discriminator", Identity(), Identity(), real=numbers([real]), latents=numbers([fake])
        )
        lecam.after_step(game)
        assert [lecam.a_R.item(), lecam.a_F.item()] == near([a_R, a_F])


# --- consistency ----------------------------------------------------------------------------------


def test_bcr_is_ten_times_the_sum_of_both_mean_squares() -> None:
    about = REFERENCE["consistency"]
    given = {name: numbers(values) for name, values in about["in"].items()}
    real, fake = torch.rand(2, 3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    game = game_of("discriminator", Identity(), Identity(), real=real, latents=fake)
    turned = [flip_and_shift(x, game, name) for x, name in ((real, "real"), (fake, "fake"))]
    critic = Table((turned[0], given["D_Tx"]), (turned[1], given["D_Tg"]))
    game = game_of("discriminator", Identity(), critic, real=real, latents=fake)
    plain = {"real_output": given["D_x"], "fake_output": given["D_g"]}
    game = game.replace(**{side: DiscriminatorOutput(logits) for side, logits in plain.items()})
    terms = BalancedConsistency().discriminator(game)
    assert sum(terms.values()).item() == near(about["bCR 10/10"])


def test_bcr_flips_half_of_the_images_and_shifts_them_by_an_eighth_at_most() -> None:
    rows = 512
    x = torch.arange(64.0).view(1, 1, 8, 8).repeat(rows, 1, 1, 1)
    game = game_of("discriminator", Identity(), Identity(), real=x, latents=x)
    found = [tuple(image.flatten().tolist()) for image in flip_and_shift(x, game, "real")]
    possible = {
        tuple(image.roll((down, right), (-2, -1)).flatten().tolist()): (flipped, down, right)
        for flipped, image in enumerate((x[0], x[0].flip(-1)))
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    }
    counts = Counter(possible[each] for each in found)
    assert len(counts) == len(possible)
    assert min(counts.values()) > rows / len(possible) / 2


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_zcr_equals_the_papers_terms_for_d_and_for_g(player: str) -> None:
    about = REFERENCE["consistency"]
    given = {name: numbers(values) for name, values in about["in"].items()}
    moved = (Table(otherwise=given["G_z_eps"]), Table(otherwise=given["D_g_eps"]))
    game = game_of(player, *moved, real=given["G_z"], latents=torch.zeros(3, 2))
    game = game.replace(fake=given["G_z"], fake_output=DiscriminatorOutput(given["D_g"]))
    zcr = LatentConsistency(lambda_dis=20.0, lambda_gen=0.5)
    expected = {
        "discriminator": "zCR D 20*mse",
        "generator": "zCR G -0.5*mean of per-sample squared norms (paper norm)",
    }
    assert getattr(zcr, player)(game)["zcr"].item() == near(about[expected[player]])


# --- top-k ----------------------------------------------------------------------------------------


def test_top_k_finally_keeps_the_three_best_of_six() -> None:
    game = TopK().prepare(logits_game("generator", samples_seen=10**8))
    expected = REFERENCE["top_k"]["fake_logits k=3: -mean of top 3"]
    assert -game.fake_logits.mean().item() == near(expected)
    assert torch.equal(game.fake, game.fake_logits)
    assert torch.equal(game.latents, game.fake_logits)


def test_top_ks_k_decreases_from_epoch_to_epoch() -> None:
    logits = torch.randn(64, generator=torch.Generator().manual_seed(0))
    counts = REFERENCE["top_k"]["k after n epochs, batch 64, gamma .99, nu .5"]
    for epochs, k in counts.items():
        game = game_of(
            "generator",
            Identity(),
            Identity(),
            real=logits,
            latents=logits,
            samples_seen=int(epochs) * 1000,
        )
        assert len(TopK(epoch_samples=1000).prepare(game).fake_logits) == k


# --- LOGAN ----------------------------------------------------------------------------------------


class Slopes(nn.Module):
    """D(x) = sum(w x), with its own w for each row."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return (self.w * x).sum(1)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_logan_moves_z_as_studiogan_does(player: str) -> None:
    about = REFERENCE["logan"]
    z, w = numbers(about["in"]["z"]), numbers(about["in"]["dfdz"])
    logan = LatentOptimisation(alpha=about["in"]["alpha"], beta=about["in"]["beta"], w_r=1.0)
    words = LatentOptimisation.capabilities
    game = game_of(player, Identity(), Slopes(w), real=z, latents=z, capabilities=words)
    moved = logan.prepare(game)
    torch.testing.assert_close(moved.latents, numbers(about["z after clip to [-1,1]"]))
    cost = getattr(logan, player)(moved)["cost"].item()
    assert cost == near(about["cost mean |dz|^2, before mask and clip (StudioGAN)"])


# --- MHGAN ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_mhgan_equals_the_authors_multi_hinge(player: str) -> None:
    about = REFERENCE["multi_hinge"]
    given = {name: torch.tensor(values) for name, values in about["in"].items()}
    labels = {"labels": given["y_real"], "fake_labels": given["y_fake"]}
    nothing = torch.zeros(3)
    game = game_of(player, Identity(), Identity(), real=nothing, latents=nothing, **labels)
    outputs = {
        f"{side}_output": DiscriminatorOutput(
            nothing, (given[f"h_{side}"],), extra={"multi_hinge": given[f"out_{side}"]}
        )
        for side in ("real", "fake")
    }
    game = game.replace(**outputs)
    terms = getattr(MultiHinge(), player)(game)
    expected = {"discriminator": "D", "generator": "G: 0.05*MH(fake,y)+1.0*FM_L1"}
    assert sum(terms.values()).item() == near(about[expected[player]])


# --- ContraGAN ------------------------------------------------------------------------------------


def contrast_game(embedding: Tensor, labels: Tensor) -> Game:
    """Return a game with the embeddings and proxies of the reference as D's output."""
    about = REFERENCE["contrastive"]["in"]
    extra = {
        "embedding": functional.normalize(embedding),
        "proxy": functional.normalize(numbers(about["proxy"])),
    }
    rows = torch.zeros(4)
    fields = {"labels": labels, "fake_labels": labels}
    game = game_of("discriminator", Identity(), Identity(), real=rows, latents=rows, **fields)
    return game.replace(real_output=DiscriminatorOutput(rows, extra=extra))


@pytest.mark.parametrize("t", [1.0, 0.5, 0.1])
def test_2c_loss_equals_studiogans_value_and_gradient(t: float) -> None:
    about = REFERENCE["contrastive"]
    embedding, labels = numbers(about["in"]["embed"]), torch.tensor(about["in"]["label"])
    game = contrast_game(embedding.requires_grad_(), labels)
    value = ConditionalContrast(t=t).discriminator(game)["2c"]
    assert value.item() == near(about[f"2C t={t:g}"])
    if t == 1:
        (gradient,) = torch.autograd.grad(value, embedding)
        expected = numbers(about["2C grad embed t=1"])
        torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-6)


def test_2c_loss_of_a_single_class_is_zero() -> None:
    embedding = numbers(REFERENCE["contrastive"]["in"]["embed"])
    game = contrast_game(embedding, torch.zeros(4, dtype=torch.int64))
    assert ConditionalContrast().discriminator(game)["2c"].item() == near(0)


# --- R3GAN ----------------------------------------------------------------------------------------


class Critic(nn.Module):
    """D(x) = sum(w x) + b, or sum(w (x + x^2 / 2)) + b."""

    def __init__(self, quadratic: bool) -> None:
        super().__init__()
        self.w = nn.Parameter(numbers(LOSSES["critic_weights"]))
        self.b = LOSSES["critic_bias"]
        self.quadratic = quadratic

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        x = x + x.square() / 2 if self.quadratic else x
        return (self.w * x).flatten(1).sum(1) + self.b


@pytest.mark.parametrize("critic", ["linear", "quadratic"])
@pytest.mark.parametrize("gamma", [0.05, 1.0])
def test_r3gan_equals_the_authors_loss_and_gradient(critic: str, gamma: float) -> None:
    theirs = LOSSES["implementations"]["R3GAN"][f"{critic}/discriminator gamma {gamma}"]
    images = {side: numbers(LOSSES[f"{side}_images"]) for side in ("real", "fake")}
    network, words = Critic(critic == "quadratic"), R1R2.capabilities
    fields = {"real": images["real"], "latents": images["fake"], "capabilities": words}
    game = game_of("discriminator", Identity(), network, **fields)
    terms = {**Pairing().discriminator(game), **R1R2(gamma=gamma).discriminator(game)}
    loss = sum(terms.values())
    assert loss.item() == near(theirs["loss = mean(adv + gamma/2 (R1+R2))"])
    (gradient,) = torch.autograd.grad(loss, network.w)
    assert gradient.flatten().tolist() == near(theirs["gradient of that loss w.r.t. w"])


def test_r3gan_pairs_real_and_fake_samples_of_the_same_class() -> None:
    labels = torch.tensor([0, 1, 2])
    fields = {"labels": labels, "fake_labels": labels.flip(0)}
    rows = torch.zeros(3)
    game = game_of("generator", Identity(), Identity(), real=rows, latents=rows, **fields)
    assert torch.equal(R1R2().prepare(game).fake_labels, labels)


def test_r3gans_burn_in_follows_the_authors_schedule(tmp_path: Path) -> None:
    # A quarter of the way: 5,000,000 of 20,000,000 real images there, 80 of 320 samples here.
    about = REFERENCE["r3gan"]["at a quarter of the burn-in"]
    state = torch.load(train("r3gan", tmp_path, 6).checkpoint(6).file("state.pt"))
    for player in ("generator", "discriminator"):
        (group,) = state["players"][player]["optimizer"]["param_groups"]
        assert group["betas"][1] == near(about["beta2"])
        assert group["lr"] == near(about["lr"])
