"""Generators that write token by token: their samples follow their likelihood."""

from itertools import product

import pytest
import torch
from ganzoo_text.losses.reinforce import Reinforce
from ganzoo_text.networks import lstm, relgan
from ganzoo_text.networks.language_model import LanguageModel

from ganzoo.api import SampleSpec
from ganzoo.nn import END
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows

ABC = SampleSpec("text", (3,), vocabulary=3, tokens=(END, "a", "b"))
COUNT = 4000


def generator(kind: str, sampling: str, spec: SampleSpec = ABC) -> LanguageModel:
    torch.manual_seed(0)
    made = {"lstm": lstm.Generator, "relgan": relgan.Generator}[kind](spec, sampling=sampling)
    with torch.no_grad():
        made.logits.weight.mul_(6)  # far from uniform
    return made.eval()


def drawn(network: LanguageModel, count: int, **more) -> torch.Tensor:
    noise = BatchNoise(RandomStreams(0), "generator", 0, Rows(0, count))
    return network(torch.zeros(count, 1), noise=noise, **more)


def every_line(spec: SampleSpec) -> torch.Tensor:
    lines = torch.tensor(list(product(range(3), repeat=3)))
    valid = [spec.kind.invalid(spec, line) is None for line in lines]
    return torch.nn.functional.one_hot(lines[torch.tensor(valid)], 3).float()


@pytest.mark.parametrize("sampling", ["gumbel", "categorical"])
@pytest.mark.parametrize("kind", ["lstm", "relgan"])
def test_lines_are_as_frequent_as_their_likelihood(kind: str, sampling: str) -> None:
    network = generator(kind, sampling)
    lines = every_line(ABC)
    with torch.no_grad():
        expected = network.log_prob(lines, torch.zeros(len(lines), 1)).exp()
        samples = drawn(network, COUNT).argmax(2)
    assert expected.sum().item() == pytest.approx(1, abs=1e-5)
    same = (samples[:, None] == lines.argmax(2)).all(2)
    assert same.sum() == COUNT  # each is one of the possible lines
    torch.testing.assert_close(same.float().mean(0), expected, rtol=0, atol=0.03)


@pytest.mark.parametrize("kind", ["lstm", "relgan"])
def test_gumbel_tokens_carry_a_gradient_and_categorical_ones_are_one_hot_without(kind: str) -> None:
    soft = drawn(generator(kind, "gumbel"), 4)
    assert soft.requires_grad
    assert ((soft > 0) & (soft < 1)).any()
    hard = drawn(generator(kind, "categorical"), 4)
    assert not hard.requires_grad
    assert hard.unique().tolist() == [0, 1]
    assert "score-function" in generator(kind, "categorical").capabilities
    assert "score-function" not in generator(kind, "gumbel").capabilities


def test_a_low_temperature_draws_the_likely_tokens() -> None:
    network = generator("lstm", "categorical")
    lines, rows = every_line(ABC), drawn(network, 200, temperature=0.01).argmax(2)
    with torch.no_grad():
        logs = network.token_log_prob(lines, torch.zeros(len(lines), 1))
    greedy = lines[logs[:, 0].argmax()].argmax(1)[0]
    assert (rows[:, 0] == greedy).all()


def test_a_vocabulary_without_an_end_fills_every_place() -> None:
    spec = SampleSpec("text", (3,), vocabulary=3)
    network = generator("lstm", "categorical", spec)
    lines = every_line(spec)
    with torch.no_grad():
        total = network.log_prob(lines, torch.zeros(len(lines), 1)).exp().sum()
    assert len(lines) == 27
    assert total.item() == pytest.approx(1, abs=1e-5)


def test_returns_are_discounted_sums_of_later_rewards() -> None:
    logits = torch.tensor([[0.0, 100.0, -100.0]])
    game = type("Game", (), {"fake_logits": logits, "spec": ABC})
    found = Reinforce(discount=0.5).returns(game)  # type: ignore[arg-type]
    torch.testing.assert_close(found, torch.tensor([[0 + 0.5 * 1 - 0.25, 1 - 0.5, -1.0]]))
    game.fake_logits = torch.tensor([100.0])  # one verdict on the whole line
    assert Reinforce().returns(game).tolist() == [[1.0, 1.0, 1.0]]  # type: ignore[arg-type]
