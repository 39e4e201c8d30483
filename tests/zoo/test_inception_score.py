import pytest
import torch
from ganzoo_zoo.metrics.inception_score import InceptionScore, inception_score
from ganzoo_zoo.metrics.subsets import order_of
from torch import Tensor
from torch.nn.functional import one_hot

from ganzoo.api import DataError, Evaluated


def side(logits: Tensor | None) -> Evaluated:
    rows = torch.zeros(8, 1) if logits is None else logits
    return Evaluated(rows, rows, class_logits=logits)


def test_clear_and_evenly_spread_classes_score_their_number() -> None:
    sure = 1000 * one_hot(torch.arange(40) % 8, 10).float()
    assert inception_score(sure) == pytest.approx(8)
    assert inception_score(sure[:1].repeat(40, 1)) == pytest.approx(1)


def test_unclear_classes_score_one() -> None:
    assert inception_score(torch.zeros(40, 10)) == pytest.approx(1)


def test_it_is_the_exponential_of_the_mutual_information() -> None:
    p = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]], dtype=torch.float64)
    expected = (p * (p / p.mean(0)).log()).sum(1).mean().exp()
    assert inception_score(p.log()) == pytest.approx(expected.item(), rel=1e-12)


def test_the_scores_of_both_sides_are_returned() -> None:
    one, two = torch.zeros(8, 4), 1000 * one_hot(torch.arange(8) % 2, 4).float()
    numbers = InceptionScore()(side(two), side(one))
    assert numbers == pytest.approx({"inception_score": 1, "inception_score_real": 2})


def test_an_extractor_without_a_classifier_is_one_clear_error() -> None:
    with pytest.raises(DataError, match="needs an extractor with a classifier") as caught:
        InceptionScore()(side(None), side(None))
    assert caught.value.hint == "remove inception-score from eval.metrics"


def test_a_split_of_pairs_scores_what_its_pairs_give() -> None:
    """Of N samples of two sure classes, n and N - n a split, a split scores exp(H(n / N))."""
    sure = 1000 * one_hot(torch.arange(40) % 2, 4).float() + torch.linspace(0, 1, 40)[:, None]
    numbers = InceptionScore(splits=4)(side(sure), side(sure))
    parts = torch.tensor_split(sure[order_of(side(sure))], 4)
    shares = torch.stack([part.argmax(1).bincount(minlength=2) / 10 for part in parts]).double()
    expected = torch.exp(-torch.special.xlogy(shares, shares).sum(1))
    assert numbers["inception_score_4_splits"] == pytest.approx(expected.mean().item(), rel=1e-6)
    assert numbers["inception_score_4_splits_sd"] == pytest.approx(
        expected.std(correction=0).item(), rel=1e-6
    )
    assert numbers["inception_score"] == pytest.approx(2)


def test_splits_do_not_depend_on_the_order_of_the_samples_and_score_less_than_all() -> None:
    logits = 3 * torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    numbers = InceptionScore(splits=10)(side(logits), side(logits))
    again = InceptionScore(splits=10)(side(logits), side(logits.flip(0)))
    assert again == pytest.approx(numbers)
    assert numbers["inception_score_10_splits"] < numbers["inception_score"]
    with pytest.raises(DataError, match="has 300 splits of 200 samples"):
        InceptionScore(splits=300)(side(logits), side(logits))
