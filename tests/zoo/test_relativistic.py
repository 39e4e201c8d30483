"""Relativistic losses and R2 against closed forms and R3GAN's own values, in float64."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ganzoo_zoo.losses.relativistic import Relativistic
from ganzoo_zoo.regularizers.r1 import R1
from ganzoo_zoo.regularizers.r2 import R2
from torch import Tensor

from ganzoo.api import DiscriminatorOutput

FOLDER = Path(__file__).parent
REFERENCE = json.loads((FOLDER / "losses.json").read_text())
VALUES = json.loads((FOLDER / "loss_values.json").read_text())["relativistic"]
R3GAN = REFERENCE["implementations"]["R3GAN"]
FORMS = {"logistic": "S", "least-squares": "LS", "hinge": "Hinge"}


def tensor(name: str) -> Tensor:
    return torch.tensor(REFERENCE[name], dtype=torch.float64)


def game_of_logits(shape: tuple[int, ...] = (6,)) -> SimpleNamespace:
    return SimpleNamespace(
        real_logits=tensor("real_logits").view(shape).requires_grad_(),
        fake_logits=tensor("fake_logits").view(shape).requires_grad_(),
        mean=lambda t: t,
    )


def d_and_g(loss: Relativistic, game: SimpleNamespace) -> list[float]:
    return [
        sum(terms.values()).item() for terms in (loss.discriminator(game), loss.generator(game))
    ]


@pytest.mark.parametrize("form", FORMS)
def test_the_average_form_is_the_sum_of_both_halves_of_the_paper(form: Any) -> None:
    values = d_and_g(Relativistic(comparison="average", form=form), game_of_logits())
    name = f"Ra{FORMS[form]}{'GAN' if form != 'hinge' else ''}"
    assert values == pytest.approx([VALUES[f"{name} D"], VALUES[f"{name} G"]], rel=1e-12)


def test_the_pairing_form_is_the_closed_form() -> None:
    values = d_and_g(Relativistic(comparison="pairing"), game_of_logits())
    assert values == pytest.approx([VALUES["RpSGAN D"], VALUES["RpSGAN G"]], rel=1e-12)
    closed = REFERENCE["closed_form"]["logits"]["relativistic pairing softplus d, g"]
    assert values == pytest.approx(closed, rel=1e-12)


def test_pairs_may_be_compared_by_hinge_and_by_least_squares() -> None:
    hinge = d_and_g(Relativistic(comparison="pairing", form="hinge"), game_of_logits())
    assert hinge == pytest.approx([VALUES["RpHinge D"], VALUES["RpHinge G"]], rel=1e-12)
    (d, _) = d_and_g(Relativistic(comparison="pairing", form="least-squares"), game_of_logits())
    assert d == pytest.approx(VALUES["RpLSGAN D"], rel=1e-12)


def test_the_means_of_the_average_form_carry_gradient() -> None:
    game = game_of_logits()
    total = sum(Relativistic().generator(game).values())
    (gradient,) = torch.autograd.grad(total, game.fake_logits)
    named = "grad of RaSGAN G w.r.t. fake logits (means not detached)"
    assert gradient.tolist() == pytest.approx(VALUES[named], rel=1e-10)


@pytest.mark.parametrize("comparison", ["average", "pairing"])
@pytest.mark.parametrize("form", FORMS)
def test_each_player_moves_the_logits_of_both_sides(comparison: Any, form: Any) -> None:
    game = game_of_logits()
    loss = Relativistic(comparison=comparison, form=form)
    for player, sign in (("discriminator", 1), ("generator", -1)):
        total = sum(getattr(loss, player)(game).values())
        real, fake = torch.autograd.grad(total, [game.real_logits, game.fake_logits])
        assert sign * real.sum() < 0 < sign * fake.sum()
        assert (real.sum() + fake.sum()).abs() < 1e-12, "only differences of logits count"


@pytest.mark.parametrize("comparison", ["average", "pairing"])
def test_several_logits_of_a_sample_are_compared_column_by_column(comparison: Any) -> None:
    loss, game = Relativistic(comparison=comparison), game_of_logits((3, 2))
    columns = [
        SimpleNamespace(
            real_logits=game.real_logits[:, i], fake_logits=game.fake_logits[:, i], mean=lambda t: t
        )
        for i in range(2)
    ]
    each = torch.tensor([d_and_g(loss, column) for column in columns])
    assert d_and_g(loss, game) == pytest.approx(each.mean(0).tolist(), rel=1e-6)


def test_pairs_of_unequal_batches_are_refused() -> None:
    game = game_of_logits()
    game.fake_logits = game.fake_logits[:4]
    with pytest.raises(ValueError, match="row by row"):
        Relativistic(comparison="pairing").discriminator(game)
    assert len(Relativistic().discriminator(game)) == 2


def test_only_the_average_couples_the_samples_of_a_batch() -> None:
    assert "batch-coupled" in Relativistic().capabilities
    assert "batch-coupled" not in Relativistic(comparison="pairing").capabilities


# --- R2, and R3GAN's whole loss ------------------------------------------------------------------


class CriticGame:
    """A game of the samples and one of the critics of `losses.json`."""

    def __init__(self, critic: str) -> None:
        self.critic = critic
        self.weights = tensor("critic_weights").requires_grad_()
        self.real, self.fake = tensor("real_images"), tensor("fake_images")
        self.labels, self.fake_labels = torch.tensor([0, 1, 2, 3]), torch.tensor([3, 2, 1, 0])
        self.real_logits, self.fake_logits = self.judge(self.real), self.judge(self.fake)
        self.asked: list[Tensor | None] = []

    def judge(self, x: Tensor) -> Tensor:
        x = x + x.square() / 2 if self.critic == "quadratic" else x
        return (self.weights * x).sum((1, 2, 3)) + REFERENCE["critic_bias"]

    def input_gradient(self, x: Tensor, y: Tensor | None = None) -> tuple[Any, Tensor]:
        self.asked.append(y)
        x = x.detach().requires_grad_()
        logits = self.judge(x)
        (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
        return DiscriminatorOutput(logits), gradient


both_critics = pytest.mark.parametrize("critic", ["linear", "quadratic"])


@both_critics
def test_r2_is_half_gamma_times_the_squared_gradient_on_generated_samples(critic: str) -> None:
    game: Any = CriticGame(critic)
    value = R2(gamma=0.01).discriminator(game)["r2"].item()
    squared = REFERENCE["closed_form"][critic]["E|grad|^2 on fake (R2 without factor)"]
    assert value == pytest.approx(0.01 / 2 * squared, rel=1e-12)
    assert game.asked[0] is game.fake_labels


@both_critics
@pytest.mark.parametrize("gamma", [0.05, 1.0])
def test_pairing_with_r1_and_r2_is_r3gans_loss_and_gradient(critic: str, gamma: float) -> None:
    game: Any = CriticGame(critic)
    parts = Relativistic(comparison="pairing"), R1(gamma=gamma), R2(gamma=gamma)
    total = torch.stack([t for each in parts for t in each.discriminator(game).values()]).sum()
    theirs = R3GAN[f"{critic}/discriminator gamma {gamma}"]
    assert total.item() == pytest.approx(theirs["loss = mean(adv + gamma/2 (R1+R2))"], rel=1e-12)
    (gradient,) = torch.autograd.grad(total, game.weights)
    expected = theirs["gradient of that loss w.r.t. w"]
    assert gradient.flatten().tolist() == pytest.approx(expected, rel=1e-10)


@both_critics
def test_pairing_is_r3gans_loss_of_the_generator(critic: str) -> None:
    game: Any = CriticGame(critic)
    (value,) = Relativistic(comparison="pairing").generator(game).values()
    assert value.item() == pytest.approx(R3GAN[f"{critic}/generator"]["loss = mean"], rel=1e-12)
