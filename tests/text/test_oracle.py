"""The oracle's likelihood against torch's own LSTM, and its samples against the likelihood."""

from types import SimpleNamespace

import pytest
import torch
from ganzoo_text.datasets.oracle import Oracle as Lines
from ganzoo_text.metrics.oracle import OracleNLL
from ganzoo_text.oracle import SIZE, Oracle
from torch import nn

from ganzoo.api import DataError, Evaluated, SampleSpec


def test_the_likelihood_is_that_of_an_lstm_with_one_bias_a_gate() -> None:
    oracle = Oracle(30, seed=3)
    lstm = nn.LSTM(SIZE, SIZE, batch_first=True)
    i, f, o, g = range(4)  # torch has the gates in the order i, f, g, o

    def ordered(weights: torch.Tensor) -> torch.Tensor:
        parts = weights.chunk(4)
        return torch.cat([parts[i], parts[f], parts[g], parts[o]])

    with torch.no_grad():
        lstm.weight_ih_l0.copy_(ordered(oracle.of_input))
        lstm.weight_hh_l0.copy_(ordered(oracle.of_state))
        lstm.bias_ih_l0.copy_(ordered(oracle.bias))
        lstm.bias_hh_l0.zero_()
        lines = oracle.draw(7, 5, seed=0)
        before = torch.cat([torch.zeros(7, 1, dtype=torch.int64), lines[:, :-1]], 1)
        h, _ = lstm(oracle.embedding[before])
        logits = h @ oracle.output.T + oracle.output_bias
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), lines.flatten())
    assert oracle.nll(lines).mean().item() == pytest.approx(expected.item(), rel=1e-5)


def test_tokens_are_as_frequent_as_their_probabilities() -> None:
    oracle = Oracle(5, seed=1)
    first = oracle.draw(4000, 1, seed=0)[:, 0].bincount(minlength=5) / 4000
    each = [torch.tensor([[token]]) for token in range(5)]
    expected = torch.stack([-oracle.nll(line)[0] for line in each]).exp().float()
    torch.testing.assert_close(first, expected, rtol=0, atol=0.03)


def test_splits_and_seeds_are_other_lines_and_the_same_each_time() -> None:
    train, test = Lines("train", length=50), Lines("test", length=50)
    assert not torch.equal(train.tokens, test.tokens)
    assert not torch.equal(train.tokens, Lines("train", length=50, seed=1).tokens)
    assert torch.equal(train.tokens, Lines("train", length=50).tokens)


def side(lines: torch.Tensor, vocabulary: int, **more) -> Evaluated:
    about = SimpleNamespace(spec=SampleSpec("text", (lines.shape[1],), vocabulary=vocabulary))
    return Evaluated(lines.float(), lines, extraction=about, **more)  # type: ignore[arg-type]


def test_the_oracles_own_lines_have_no_excess_random_ones_much_and_one_likely_line_less() -> None:
    train, test = (Lines(split, length=1000).tokens for split in ("train", "test"))
    real = side(train, 500, splits={"test": side(test, 500)})
    own = OracleNLL()(real, side(Lines("train", length=1000, seed=0).tokens, 500))
    assert own["nll_oracle_excess"] == pytest.approx(0, abs=0.05)
    own_nll = Oracle(500, 0).nll(torch.cat([train, test]))
    expected = own_nll.std().item() * (2 / 1000) ** 0.5
    assert own["nll_oracle_excess_standard_error"] == pytest.approx(expected, rel=0.1)
    noise = torch.randint(500, (1000, 20), generator=torch.Generator().manual_seed(0))
    assert OracleNLL()(real, side(noise, 500))["nll_oracle_excess"] > 2
    oracle = Oracle(500, 0)
    likely = test[oracle.nll(test[:50]).argmin()]
    assert OracleNLL()(real, side(likely.expand(1000, 20), 500))["nll_oracle_excess"] < -0.5


def test_another_vocabulary_is_refused() -> None:
    lines = Lines("train", length=10).tokens
    with pytest.raises(DataError, match="text/oracle with vocabulary 30"):
        OracleNLL(vocabulary=30)(side(lines, 500), side(lines, 500))
