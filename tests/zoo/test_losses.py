"""Losses against closed forms, in float64.

`losses.json` and `loss_values.json` give the source of each figure.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from ganzoo_zoo.losses.f_gan import FGAN, exp_then_linear
from ganzoo_zoo.losses.feature_matching import FeatureMatching
from ganzoo_zoo.losses.hinge import Hinge
from ganzoo_zoo.losses.least_squares import LeastSquares
from ganzoo_zoo.losses.vanilla import Vanilla
from ganzoo_zoo.losses.wasserstein import Wasserstein
from ganzoo_zoo.regularizers.feature_matching import FeatureMatching as MatchingTerm
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from ganzoo.api import Loss

REFERENCE = json.loads((Path(__file__).parent / "losses.json").read_text())
CLOSED = REFERENCE["closed_form"]["logits"]
VALUES = json.loads((Path(__file__).parent / "loss_values.json").read_text())
F_GAN = {
    "kl": "KL",
    "reverse-kl": "reverse KL",
    "pearson": "Pearson",
    "neyman": "Neyman",
    "squared-hellinger": "squared Hellinger",
    "jensen-shannon": "Jensen-Shannon",
    "gan": "GAN",
}
"""`divergence` → its key in `loss_values.json`."""
EVERY_LOSS = [
    Vanilla(),
    Vanilla(saturating=True),
    Vanilla(label_smoothing=0.1),
    Hinge(),
    LeastSquares(),
    Wasserstein(),
    *(FGAN(divergence=name) for name in F_GAN),
    *(FGAN(divergence=name, saturating=True) for name in F_GAN),
]


def game_of_logits(shape: tuple[int, ...] = (6,)) -> SimpleNamespace:
    return SimpleNamespace(
        real_logits=torch.tensor(REFERENCE["real_logits"], dtype=torch.float64).view(shape),
        fake_logits=torch.tensor(REFERENCE["fake_logits"], dtype=torch.float64).view(shape),
    )


def d_and_g(loss: Loss, game: SimpleNamespace) -> list[float]:
    return [
        sum(terms.values()).item() for terms in (loss.discriminator(game), loss.generator(game))
    ]


def test_vanilla_is_the_closed_form_and_studiogans_value() -> None:
    d, g = d_and_g(Vanilla(), game_of_logits())
    assert d == pytest.approx(CLOSED["d vanilla, sum of the two means"], rel=1e-12)
    assert g == pytest.approx(CLOSED["non-saturating generator, mean softplus(-fake)"], rel=1e-12)
    studiogan = REFERENCE["implementations"]["StudioGAN"]["vanilla"]
    assert (d, g) == pytest.approx((studiogan["d"], studiogan["g"]), rel=1e-12)


def test_the_saturating_generator_minimises_log_one_minus_sigmoid() -> None:
    d, g = d_and_g(Vanilla(saturating=True), game_of_logits())
    assert d == pytest.approx(CLOSED["d vanilla, sum of the two means"], rel=1e-12)
    named = "saturating generator, mean log(1-sigmoid(fake)) = -mean softplus(fake)"
    assert g == pytest.approx(CLOSED[named], rel=1e-12)


def test_hinge_is_the_closed_form_and_the_value_of_studiogan_and_mimicry() -> None:
    values = d_and_g(Hinge(), game_of_logits())
    assert values == pytest.approx(CLOSED["hinge d, g"], rel=1e-12)
    for project in ("StudioGAN", "mimicry"):
        theirs = REFERENCE["implementations"][project]["hinge"]
        assert values == pytest.approx([theirs["d"], theirs["g"]], rel=1e-12)


@pytest.mark.parametrize("loss", EVERY_LOSS)
def test_several_logits_per_sample_count_like_separate_samples(loss: Loss) -> None:
    assert d_and_g(loss, game_of_logits((3, 2))) == pytest.approx(
        d_and_g(loss, game_of_logits()), rel=1e-12
    )


@pytest.mark.parametrize("loss", EVERY_LOSS)
def test_each_player_has_named_terms_for_the_batches_it_uses(loss: Loss) -> None:
    assert list(loss.discriminator(game_of_logits())) == ["real", "fake"]
    assert list(loss.generator(SimpleNamespace(fake_logits=torch.zeros(2)))) == ["fake"]


@pytest.mark.parametrize(
    ("saturating", "slope"),
    [(False, -1.0), (True, -0.0)],
)
def test_only_the_saturating_generator_stops_learning_from_rejected_samples(
    saturating: bool, slope: float
) -> None:
    logits = torch.full((4,), -1e4, requires_grad=True)
    loss = Vanilla(saturating=saturating).generator(SimpleNamespace(fake_logits=logits))["fake"]
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.isfinite()
    assert gradient.sum().item() == pytest.approx(slope)


def test_least_squares_is_the_closed_form_with_a_factor_of_one_half() -> None:
    values = d_and_g(LeastSquares(), game_of_logits())
    assert values == pytest.approx(CLOSED["least squares with factor 1/2: d, g"], rel=1e-12)


def test_the_targets_of_least_squares_are_those_of_the_paper() -> None:
    game = game_of_logits()
    d, g = d_and_g(LeastSquares(a=-1, b=1, c=0), game)
    real, fake = game.real_logits, game.fake_logits
    assert d == pytest.approx(((real - 1).square().mean() + (fake + 1).square().mean()).item() / 2)
    assert g == pytest.approx(fake.square().mean().item() / 2)
    with pytest.raises(ValueError, match="must be above a"):
        LeastSquares(a=1)


def test_wasserstein_is_the_closed_form_and_the_value_of_studiogan_and_mimicry() -> None:
    values = d_and_g(Wasserstein(), game_of_logits())
    assert values == pytest.approx(CLOSED["wasserstein d, g"], rel=1e-12)
    for project in ("StudioGAN", "mimicry"):
        theirs = REFERENCE["implementations"][project]["wasserstein"]
        assert values == pytest.approx([theirs["d"], theirs["g"]], rel=1e-12)


def test_label_smoothing_moves_the_target_of_real_samples_only() -> None:
    game = game_of_logits()
    terms = Vanilla(label_smoothing=0.1).discriminator(game)
    target = torch.full_like(game.real_logits, 0.9)
    torch.testing.assert_close(terms["real"], cross_entropy(game.real_logits, target))
    assert torch.equal(terms["fake"], Vanilla().discriminator(game)["fake"])
    assert torch.equal(
        Vanilla(label_smoothing=0.1).generator(game)["fake"], Vanilla().generator(game)["fake"]
    )


@pytest.mark.parametrize("name", F_GAN)
def test_f_gan_has_the_activation_the_conjugate_and_the_losses_of_the_paper(name: Any) -> None:
    game, values = game_of_logits(), VALUES["f_gan"][F_GAN[name]]
    loss = FGAN(divergence=name)
    expected = pytest.approx(values["g(v) real"], rel=1e-9)
    assert loss.activation(game.real_logits).tolist() == expected
    expected = pytest.approx(values["f*(g(v)) fake"], rel=1e-9)
    assert loss.conjugate(game.fake_logits).tolist() == expected
    d, g = d_and_g(loss, game)
    assert d == pytest.approx(values["D loss = -(E g - E f*)"], rel=1e-9)
    assert g == pytest.approx(values["G heuristic = -E g(fake)"], rel=1e-9)
    (_, g) = d_and_g(FGAN(divergence=name, saturating=True), game)
    assert g == pytest.approx(values["G saturating = -E f*(g(fake))"], rel=1e-9)


def test_f_gan_with_the_divergence_of_a_gan_is_the_vanilla_loss() -> None:
    for saturating in (False, True):
        assert d_and_g(FGAN(divergence="gan", saturating=saturating), game_of_logits()) == (
            pytest.approx(d_and_g(Vanilla(saturating=saturating), game_of_logits()), rel=1e-12)
        )


# The ratio p/q of the densities at which V is optimal: f'(p/q) = g(V), table 5 of the paper.
RATIOS = {
    "kl": lambda v: (v - 1).exp(),
    "reverse-kl": lambda v: v.exp(),
    "pearson": lambda v: 1 + v / 2,
    "neyman": lambda v: (v / 2).exp(),
    "squared-hellinger": lambda v: (2 * v).exp(),
    "jensen-shannon": lambda v: v.exp(),
    "gan": lambda v: v.exp(),
}


@pytest.mark.parametrize("name", F_GAN)
def test_the_optimal_logit_of_f_gan_says_the_ratio_of_the_densities(name: Any) -> None:
    # Where q has density 1 and p has density `ratio`, D's loss is stationary in V.
    v = torch.tensor([-0.7, 0.1, 0.9], dtype=torch.float64, requires_grad=True)
    loss = FGAN(divergence=name)
    ratio = RATIOS[name](v.detach())
    total = (loss.conjugate(v) - ratio * loss.activation(v)).sum()
    (slope,) = torch.autograd.grad(total, v)
    torch.testing.assert_close(slope, torch.zeros_like(v), atol=1e-12, rtol=0)


def test_the_exponential_goes_on_as_its_tangent() -> None:
    t = torch.tensor([-3.0, 0.0, 19.0, 20.0, 22.0, 1e4], dtype=torch.float64, requires_grad=True)
    values = exp_then_linear(t)
    torch.testing.assert_close(values[:4], t[:4].exp())
    torch.testing.assert_close(values[4:], t.new_tensor([20.0]).exp() * (1 + t[4:] - 20))
    (slopes,) = torch.autograd.grad(values.sum(), t)
    torch.testing.assert_close(slopes, t.clamp(max=20).exp())


class Features(NamedTuple):
    features: tuple[torch.Tensor, ...]


def game_of_features() -> SimpleNamespace:
    given = VALUES["feature_matching"]
    return SimpleNamespace(
        real_output=Features((torch.tensor([[9.0]]), torch.tensor(given["real_embed"]))),
        fake_output=Features((torch.tensor([[9.0]]), torch.tensor(given["fake_embed"]))),
        fake_logits=torch.zeros(4),
        real_logits=torch.zeros(4),
        mean=lambda t: t,
    )


def test_feature_matching_compares_the_means_of_the_last_features() -> None:
    game = game_of_features()
    studiogan = VALUES["feature_matching"]["value"]
    (value,) = MatchingTerm(distance="absolute").generator(game).values()
    assert value.item() == pytest.approx(studiogan, rel=1e-6)
    real, fake = (output.features[-1].mean(0) for output in (game.real_output, game.fake_output))
    (value,) = FeatureMatching().generator(game).values()
    torch.testing.assert_close(value, (real - fake).square().sum())


@pytest.mark.parametrize("loss", EVERY_LOSS)
def test_d_tells_the_sides_apart_and_g_moves_generated_samples_towards_real(loss: Loss) -> None:
    logits = torch.tensor([[0.3, -0.2], [0.3, -0.2]], dtype=torch.float64, requires_grad=True)
    game = SimpleNamespace(real_logits=logits[0], fake_logits=logits[1])
    (slope,) = torch.autograd.grad(sum(loss.discriminator(game).values()), logits)
    assert slope[0].sum() < 0 < slope[1].sum()
    (slope,) = torch.autograd.grad(sum(loss.generator(game).values()), logits)
    assert slope[0].sum() == 0
    assert slope[1].sum() < 0
