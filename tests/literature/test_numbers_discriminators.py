"""What D sees and has beside its logit gives the numbers of its paper, or of its authors' code."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, SampleSpec
from ganzoo.testing import game as game_of

from .methods.ada import AdaptiveAugmentation
from .methods.apa import AdaptivePseudo
from .methods.diffusion_gan import Diffusion
from .methods.infogan import Code, Information, code_of
from .methods.pacgan import Packed
from .methods.ssgan import Rotation
from .reference import LOSSES, REFERENCE, Identity, Table, logits_game, near, numbers
from .runs import train

# --- InfoGAN --------------------------------------------------------------------------------------


def test_infogans_continuous_codes_have_a_gaussian_likelihood() -> None:
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


def test_infogans_codes_are_drawn_uniformly() -> None:
    z = Code(8).sample(4000, torch.Generator().manual_seed(0))
    category, c = code_of(z)
    assert set(category.flatten().tolist()) == {0, 1}
    assert torch.equal(category.sum(1), torch.ones(4000))
    assert category.mean(0).tolist() == pytest.approx([0.25] * 4, abs=0.03)
    assert c.abs().max() <= 1
    assert c.var(0).tolist() == pytest.approx([1 / 3] * 2, abs=0.02)
    assert z[:, 6:].var(0).tolist() == pytest.approx([1, 1], abs=0.1)


# --- SSGAN ----------------------------------------------------------------------------------------


def test_ssgan_rotates_images_as_mimicry_does_and_guessing_costs_log_4() -> None:
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


# --- ADA and APA ----------------------------------------------------------------------------------


STEP = REFERENCE["apa_ada"]["p step = batch*interval/(kimg*1000): 64,4,500"]


def test_ada_changes_p_by_the_authors_step_in_four_updates() -> None:
    ada = AdaptiveAugmentation(SampleSpec("image", (1, 8, 8)))
    for sign, expected in ((0.7, STEP), (0.5, 0.0), (0.5, 0.0), (0.7, STEP)):
        for _ in range(4):
            ada.observe({"real_logits_sign": torch.tensor(sign), "samples": 64})
        assert ada.p.item() == near(expected)


def test_ada_changes_the_share_of_images_that_p_implies() -> None:
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


def test_apa_changes_p_by_the_mean_sign_of_the_real_logits() -> None:
    game = logits_game("discriminator", samples_seen=256)
    lambda_r = REFERENCE["apa_ada"]["lambda_r on real_logits"]
    for target, direction in ((lambda_r - 0.01, 1), (lambda_r + 0.01, -1)):
        apa = AdaptivePseudo(p=0.5, target=target)
        apa.after_step(game)
        assert apa.p.item() == near(0.5 + direction * STEP)


def test_apa_replaces_real_samples_and_their_labels() -> None:
    real, labels = torch.zeros(64, 2), torch.zeros(64, dtype=torch.int64)
    fields = {"labels": labels, "fake_labels": labels + 1}
    game = game_of("discriminator", Identity(), Identity(), real=real, latents=real + 1, **fields)
    replaced = AdaptivePseudo(p=0.5).prepare(game)
    pseudo = game.uniform("pseudo") < 0.5
    assert 0 < pseudo.sum() < 64
    assert torch.equal(replaced.real, pseudo[:, None].expand(-1, 2).float())
    assert torch.equal(replaced.labels, pseudo.long())


# --- PacGAN ---------------------------------------------------------------------------------------


def test_only_pacgans_first_layer_grows_with_the_pack() -> None:
    def parameters(m: int) -> int:
        network = Packed(SampleSpec("vector", (2,)), m=m, width=200)
        return sum(each.numel() for each in network.parameters())

    assert parameters(1) == 3 * 1000 + 2 * 201 * 1000 + 201  # 3 maxout layers of 200 units of 5
    assert parameters(4) - parameters(1) == 3 * 2 * 1000


def test_pacgan_returns_one_logit_per_pack_of_consecutive_rows() -> None:
    network, x = Packed(SampleSpec("vector", (2,)), m=2), torch.randn(6, 2)
    logits = network(x)
    assert logits.shape == (3,)
    torch.testing.assert_close(network(x[2:4]), logits[1:2])
    assert not torch.allclose(network(x[[0, 2, 1, 3, 4, 5]])[:2], logits[:2])


# --- Diffusion-GAN --------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [10, 505, 1000])
def test_diffusion_gans_last_step_keeps_the_same_share_of_the_signal_as_the_authors(T: int) -> None:
    alphas_bar = Diffusion(SampleSpec("vector", (2,))).alphas_bar(torch.tensor(float(T)))
    assert alphas_bar[0] == 1
    assert alphas_bar[T].item() == pytest.approx(REFERENCE["diffusion"]["abar_T"][str(T)], rel=1e-4)


def test_diffusion_gan_draws_late_steps_more_often() -> None:
    rows = torch.zeros(40_000, 1)
    game = game_of("discriminator", Identity(), Identity(), real=rows, latents=rows)
    _, t = Diffusion(SampleSpec("vector", (1,)), T_min=4)(rows, game)
    shares = torch.bincount((1000 * t).round().long(), minlength=5) / len(rows)
    # Half of the samples are clean; P(t) is proportional to t - 1 for the others.
    expected = [0.5, 0, 0.5 / 6, 0.5 * 2 / 6, 0.5 * 3 / 6]
    assert shares.tolist() == pytest.approx(expected, abs=0.01)


def test_diffusion_gan_changes_p_by_the_authors_step_in_four_updates() -> None:
    diffusion = Diffusion(SampleSpec("vector", (1,)))
    for _ in range(4):
        diffusion.observe({"real_logits_sign": torch.tensor(0.7), "samples": 64})
    assert diffusion.p.item() == near(REFERENCE["diffusion"]["p step, batch 64"])


# --- Projected GAN --------------------------------------------------------------------------------


def test_projected_gan_trains_its_heads_and_not_its_feature_network(tmp_path: Path) -> None:
    early, late = (
        load_file(run.checkpoint("final").file("discriminator.safetensors"))
        for run in (train("projected_gan", tmp_path / str(steps), steps) for steps in (1, 3))
    )
    moved = {name for name in early if not torch.equal(early[name], late[name])}
    frozen = {name for name in early if name.startswith("projections.")}
    assert {name.rpartition(".")[2] for name in frozen} >= {"weight", "running_mean"}
    assert not moved & frozen
    assert moved >= {name for name in early if name.endswith((".bias", ".original"))} - frozen
