"""Losses against closed forms, in float64. `losses.json` gives the source of each figure."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ganzoo_zoo.losses.hinge import Hinge
from ganzoo_zoo.losses.vanilla import Vanilla

from ganzoo.api import Loss

REFERENCE = json.loads((Path(__file__).parent / "losses.json").read_text())
CLOSED = REFERENCE["closed_form"]["logits"]


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


@pytest.mark.parametrize("loss", [Vanilla(), Vanilla(saturating=True), Hinge()])
def test_several_logits_per_sample_count_like_separate_samples(loss: Loss) -> None:
    assert d_and_g(loss, game_of_logits((3, 2))) == pytest.approx(
        d_and_g(loss, game_of_logits()), rel=1e-12
    )


@pytest.mark.parametrize("loss", [Vanilla(), Vanilla(saturating=True), Hinge()])
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
