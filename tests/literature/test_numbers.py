"""Each method gives the number that its paper's equation, or its authors' code, gives.

`reference.json` and the zoo's `losses.json` hold the inputs and the numbers.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, Game, SampleSpec
from ganzoo.testing import game as game_of

from .methods.ada import AdaptiveAugmentation
from .methods.apa import AdaptivePseudo
from .methods.icr import BalancedConsistency, LatentConsistency, flip_and_shift
from .methods.infogan import Code, Information, code_of
from .methods.lecam import LeCam
from .methods.logan import LatentOptimisation
from .methods.mhgan import MultiHinge
from .methods.ssgan import Rotation
from .methods.topk import TopK

TESTS = Path(__file__).parents[1]
REFERENCE = json.loads((TESTS / "literature" / "reference.json").read_text())
LOSSES = json.loads((TESTS / "zoo" / "losses.json").read_text())


class Identity(nn.Module):
    """Returns its input, whatever the labels are."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x


class Table(nn.Module):
    """Returns the output that is given for an input, and `otherwise` for all other inputs."""

    def __init__(self, *pairs: tuple[Tensor, Any], otherwise: Any = None) -> None:
        super().__init__()
        self.pairs = pairs
        self.otherwise = otherwise

    def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
        found = [output for known, output in self.pairs if torch.equal(known, x)]
        return found[0] if found else self.otherwise


def numbers(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-5, abs=1e-6)


def logits_game(player: str, **fields: Any) -> Game:
    """Return a game of samples that are their own logits, those of `losses.json`."""
    real, fake = (numbers(LOSSES[f"{side}_logits"]) for side in ("real", "fake"))
    return game_of(player, Identity(), Identity(), real=real, latents=fake, **fields)


# --- LeCam ---------------------------------------------------------------------------------------


def test_lecam_is_studiogans_value_between_its_moving_averages() -> None:
    lecam, theirs = LeCam(), LOSSES["implementations"]["LeCam"]
    lecam.a_R.fill_(theirs["ema_D_real"])
    lecam.a_F.fill_(theirs["ema_D_fake"])
    terms = lecam.discriminator(logits_game("discriminator"))
    assert terms["lecam"].item() == near(theirs["value"])


@pytest.mark.parametrize(
    ("decay", "key"),
    [(0.99, "decay .99 start 1000 (StudioGAN)"), (0.9, "decay .9 start 1000 (lecam-gan CIFAR)")],
)
def test_lecams_averages_follow_the_logits_as_the_authors_do(decay: float, key: str) -> None:
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


# --- consistency ---------------------------------------------------------------------------------


def test_bcr_is_ten_times_both_mean_squares() -> None:
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


def test_bcrs_change_is_a_flip_of_half_the_images_and_a_shift_of_an_eighth_at_most() -> None:
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
def test_zcr_pulls_d_together_and_pushes_g_apart(player: str) -> None:
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


# --- top-k ---------------------------------------------------------------------------------------


def test_top_k_keeps_the_three_best_of_six_in_the_end() -> None:
    game = TopK().prepare(logits_game("generator", samples_seen=10**8))
    expected = REFERENCE["top_k"]["fake_logits k=3: -mean of top 3"]
    assert -game.fake_logits.mean().item() == near(expected)
    assert torch.equal(game.fake, game.fake_logits)
    assert torch.equal(game.latents, game.fake_logits)


def test_top_ks_k_falls_from_epoch_to_epoch() -> None:
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


# --- LOGAN ---------------------------------------------------------------------------------------


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


# --- InfoGAN -------------------------------------------------------------------------------------


def test_infogans_numbers_have_a_gaussian_likelihood() -> None:
    about = REFERENCE["info"]
    c, mu, var = (numbers(about["in"][name]) for name in ("c", "mu", "var"))
    z = torch.cat([torch.eye(4)[:2], c], 1)
    sure = 100 * torch.eye(4)[:2]  # of the right category
    code = torch.cat([sure, mu, var.log()], 1)
    critic = Table(otherwise=DiscriminatorOutput(torch.zeros(2), extra={"code": code}))
    game = game_of("generator", Identity(), critic, real=z, latents=z)
    terms = Information().generator(game)
    assert terms["category"].item() == near(0)
    expected = about["Gaussian NLL, sum over dims, mean over batch"]
    assert terms["numbers"].item() == near(expected)


def test_infogans_code_is_uniform() -> None:
    z = Code(8).sample(4000, torch.Generator().manual_seed(0))
    category, c = code_of(z)
    assert set(category.flatten().tolist()) == {0, 1}
    assert torch.equal(category.sum(1), torch.ones(4000))
    assert category.mean(0).tolist() == pytest.approx([0.25] * 4, abs=0.03)
    assert c.abs().max() <= 1
    assert c.var(0).tolist() == pytest.approx([1 / 3] * 2, abs=0.02)
    assert z[:, 6:].var(0).tolist() == pytest.approx([1, 1], abs=0.1)


# --- SSGAN ---------------------------------------------------------------------------------------


def test_ssgan_turns_images_like_mimicry_and_knows_what_guessing_costs() -> None:
    turns = LOSSES["implementations"]["rotation"]["[[1,2],[3,4]]"]
    image = numbers([[[[1, 2], [3, 4]]]])
    four = numbers([[turns[angle]] for angle in ("0", "90", "180", "270")])
    right = DiscriminatorOutput(torch.zeros(4), extra={"rotation": 100 * torch.eye(4)})
    for critic, expected in ((Table((four, right)), 0.0), (Guesser(), math.log(4))):
        game = game_of("discriminator", Identity(), critic, real=image, latents=image)
        terms = Rotation(beta=1.0).discriminator(game)
        assert terms["rotation"].item() == near(expected)


class Guesser(nn.Module):
    """Finds all four rotations equally likely."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(x.sum((1, 2, 3)), extra={"rotation": torch.zeros(len(x), 4)})


# --- ADA and APA ---------------------------------------------------------------------------------

STEP = REFERENCE["apa_ada"]["p step = batch*interval/(kimg*1000): 64,4,500"]


def test_ada_moves_p_by_the_authors_step_in_four_updates() -> None:
    ada = AdaptiveAugmentation(SampleSpec("image", (1, 8, 8)))
    for sign, expected in ((0.7, STEP), (0.5, 0.0), (0.5, 0.0), (0.7, STEP)):
        for _ in range(4):
            ada.observe({"real_logits_sign": torch.tensor(sign), "samples": 64})
        assert ada.p.item() == near(expected)


def test_ada_changes_as_many_images_as_p_says() -> None:
    x = torch.randn(512, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    noise = game_of("discriminator", Identity(), Identity(), real=x, latents=x)
    changed = {}
    for p in (0.0, 0.2):
        augmented = AdaptiveAugmentation(SampleSpec("image", (3, 8, 8)), p=p)(x, noise)
        changed[p] = (augmented != x).flatten(1).any(1).double().mean().item()
    # Kept: no flip (1 - p/2), no turn (1 - 3p/4), no shift by a pixel or more (1 - p/2, twice),
    # and neither colour operation (1 - p, twice).
    kept = (1 - 0.1) * (1 - 0.15) * (1 - 0.1) ** 2 * (1 - 0.2) ** 2
    assert changed == {0.0: 0.0, 0.2: pytest.approx(1 - kept, abs=0.06)}


def test_apa_moves_p_by_the_mean_sign_of_the_real_logits() -> None:
    game = logits_game("discriminator", samples_seen=256)
    lambda_r = REFERENCE["apa_ada"]["lambda_r on real_logits"]
    for target, direction in ((lambda_r - 0.01, 1), (lambda_r + 0.01, -1)):
        apa = AdaptivePseudo(p=0.5, target=target)
        apa.after_step(game)
        assert apa.p.item() == near(0.5 + direction * STEP)


def test_apa_replaces_real_samples_with_their_labels() -> None:
    real, labels = torch.zeros(64, 2), torch.zeros(64, dtype=torch.int64)
    fields = {"labels": labels, "fake_labels": labels + 1}
    game = game_of("discriminator", Identity(), Slopes(real), real=real, latents=real + 1, **fields)
    replaced = AdaptivePseudo(p=0.5).prepare(game)
    pseudo = game.uniform("pseudo") < 0.5
    assert 0 < pseudo.sum() < 64
    assert torch.equal(replaced.real, pseudo[:, None].expand(-1, 2).float())
    assert torch.equal(replaced.labels, pseudo.long())


# --- MHGAN ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_mhgan_is_the_authors_multi_hinge(player: str) -> None:
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
