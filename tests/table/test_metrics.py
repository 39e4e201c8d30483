"""Metrics of tables on rows whose truth is known."""

import math

import numpy as np
import pytest
import torch
from ganzoo_table.baselines import gaussian_copula, independent_columns
from ganzoo_table.datasets.bayes_net import COLUMNS, BayesNet, Truth
from ganzoo_table.metrics.detection import C2ST, area_under_curve
from ganzoo_table.metrics.efficacy import MLEfficacy
from ganzoo_table.metrics.likelihood import BayesNetLikelihood
from ganzoo_table.metrics.pairs import PairTrends, shuffled
from ganzoo_table.metrics.records import ClosestRecord
from ganzoo_table.metrics.shapes import ColumnShapes
from sklearn.linear_model import LogisticRegression

from ganzoo.api import Column, DataError, Evaluated, SampleSpec
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows


class Extraction:
    """What metrics ask of an extraction here: the columns."""

    def __init__(self, spec: SampleSpec) -> None:
        self.spec = spec


def sides(real: np.ndarray, fake: np.ndarray, test: np.ndarray | None, *columns: Column):
    spec = SampleSpec("table", (len(columns),), columns=columns)

    def side(rows: np.ndarray, **more) -> Evaluated:
        stored = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float64))
        return Evaluated(stored, stored, extraction=Extraction(spec), **more)  # type: ignore[arg-type]

    splits = {} if test is None else {"test": side(test)}
    return side(real, splits=splits), side(fake)


def network(count: int, seed: int) -> np.ndarray:
    return Truth(0).draw(count, np.random.default_rng(seed))


X, C = Column("x"), Column("c", "category", ("a", "b"))


def test_equal_rows_score_one_and_rows_without_a_common_value_zero() -> None:
    rows = np.array([[0.0, 0], [1, 0], [2, 1], [3, 1]])
    equal = ColumnShapes()(*sides(rows, rows, rows, X, C))
    assert equal["column_shapes"] == equal["column_shapes_held_out"] == 1
    apart = ColumnShapes()(*sides(np.zeros((4, 1)), np.ones((4, 1)), None, X))
    assert apart["column_shapes"] == 0


def test_shapes_are_those_of_the_papers_of_both_distances() -> None:
    real, fake = np.array([[0.0], [1], [2], [3]]), np.array([[0.0], [1], [10], [10]])
    assert ColumnShapes()(*sides(real, fake, None, X))["column_shapes"] == 0.5  # 1 - KS
    real, fake = np.array([[0.0], [0], [0], [1]]), np.array([[0.0], [1], [1], [1]])
    assert ColumnShapes()(*sides(real, fake, None, C))["column_shapes"] == 0.5  # 1 - TV


def test_other_shares_of_missing_values_cost_their_difference() -> None:
    missing = Column("x", missing=True)
    real, fake = np.array([[0.0], [1], [math.nan], [math.nan]]), np.array([[0.0], [1], [0], [1]])
    assert ColumnShapes()(*sides(real, fake, None, missing))["column_shapes"] == 0.5


def test_independent_columns_are_below_the_truth_and_equal_the_baseline() -> None:
    real, other = network(4000, 1), network(4000, 2)
    true = PairTrends()(*sides(real, other, None, *COLUMNS))
    independent = PairTrends()(*sides(real, shuffled(other), None, *COLUMNS))
    assert true["pair_trends"] > 0.95
    assert independent["pair_trends"] < true["pair_trends"] - 0.05
    assert independent["pair_trends"] == pytest.approx(true["pair_trends_independent"], abs=0.02)


def test_a_gaussian_copula_has_the_columns_and_more_of_their_relations() -> None:
    real = network(4000, 1)
    real[::7, 4] = math.nan
    columns = [each._replace(missing=True) if each.name == "height" else each for each in COLUMNS]
    shapes, pairs = ColumnShapes(), PairTrends()
    copula, independent = (
        sides(real, made(real, 4000, 0), None, *columns)
        for made in (gaussian_copula, independent_columns)
    )
    assert shapes(*copula)["column_shapes_worst"] > 0.96
    assert shapes(*independent)["column_shapes_worst"] > 0.96
    assert pairs(*copula)["pair_trends"] > pairs(*independent)["pair_trends"] + 0.02


def test_ids_are_related_to_nothing() -> None:
    ids = Column("id", "category", tuple(map(str, range(2000))))
    values = np.random.default_rng(0).normal(size=2000)
    rows = np.stack([np.arange(2000.0), values], 1)
    assert PairTrends()(*sides(rows, rows, None, ids, X)) == {"pair_trends_pairs": 0.0}


def test_unrelated_columns_are_no_pair() -> None:
    rows = np.random.default_rng(0).normal(size=(4000, 2))
    assert PairTrends()(*sides(rows, rows, None, X, Column("y"))) == {"pair_trends_pairs": 0.0}


@pytest.mark.slow
def test_a_classifier_is_at_chance_for_the_truth_and_right_for_independent_columns() -> None:
    real, other = network(2000, 1), network(2000, 2)
    true = C2ST()(*sides(real, other, network(2000, 3), *COLUMNS))
    assert true["c2st_trees"] == pytest.approx(0.5, abs=0.04)
    assert true["c2st_trees_held_out"] == pytest.approx(0.5, abs=0.04)
    wrong = C2ST()(*sides(real, shuffled(other), None, *COLUMNS))
    assert wrong["c2st_trees"] > 0.8
    assert abs(wrong["c2st_linear"] - 0.5) < 0.1  # a linear model sees no joint errors


@pytest.mark.slow
def test_models_that_learn_from_the_truth_are_as_good_and_from_independent_columns_useless() -> (
    None
):
    real, other, test = (network(1500, seed) for seed in (1, 2, 3))
    metric = MLEfficacy(target="income")
    true = metric(*sides(real, other, test, *COLUMNS))
    assert true["efficacy"] == pytest.approx(true["efficacy_real"], abs=0.1)
    assert metric(*sides(real, shuffled(other), test, *COLUMNS))["efficacy"] < 0.1


def test_copies_are_seen_and_new_rows_are_as_far_as_held_out_ones() -> None:
    real, other, test = (network(1000, seed) for seed in (1, 2, 3))
    copied = ClosestRecord()(*sides(real, real[:500], test, *COLUMNS))
    assert copied["copies"] == 1
    assert copied["closest_record"] == 0
    new = ClosestRecord()(*sides(real, other, test, *COLUMNS))
    assert new["copies"] == new["copies_held_out"] == 0
    assert new["closest_record"] == pytest.approx(new["closest_record_held_out"], rel=0.15)


def test_the_truths_own_rows_have_its_likelihood_and_others_less() -> None:
    real, other, test = (network(5000, seed) for seed in (1, 2, 3))
    true = BayesNetLikelihood()(*sides(real, other, test, *COLUMNS))
    assert true["l_syn"] == pytest.approx(true["l_syn_real"], abs=0.1)
    assert true["l_test"] == pytest.approx(true["l_test_real"], abs=0.05)
    wrong = BayesNetLikelihood()(*sides(real, shuffled(other), test, *COLUMNS))
    assert wrong["l_syn"] < true["l_syn"] - 0.5
    # Rows of one region alone are likely each, and show in the reverse.
    few = BayesNetLikelihood()(*sides(real, other[other[:, 0] == 0], test, *COLUMNS))
    assert few["l_test"] < true["l_test"] - 0.5


def test_a_density_integrates_to_one() -> None:
    truth = Truth(0)
    # Over region, job, owner and visits, with height and income fixed at their modes.
    grid = np.array(
        [
            [r, j, o, v, 170, 1000]
            for r in range(3)
            for j in range(4)
            for o in (0, 1)
            for v in range(13)
        ]
    )
    total = 0.0
    for row in grid:
        whole = truth.mean_log_likelihood(row[None])
        height = truth.height[int(row[0])]
        income = truth.income[int(row[1]), int(row[2])]
        normal = lambda x, m, s: max(  # noqa: E731
            -((x - m) ** 2) / (2 * s * s) - math.log(s * math.sqrt(2 * math.pi)), math.log(1e-6)
        )
        rest = normal(170, *height) + normal(math.log(1000), *income) - math.log(1000)
        total += math.exp(whole - rest)
    assert total == pytest.approx(1, abs=1e-6)


def test_pictures_are_refused() -> None:
    pixels = torch.zeros(4, 1, 8, 8)
    side = Evaluated(pixels, pixels, extraction=Extraction(SampleSpec("image", (1, 8, 8))))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="needs samples with columns"):
        ColumnShapes()(side, side)


def test_training_by_sampling_draws_columns_evenly_and_categories_by_their_log_counts() -> None:
    rows = BayesNet("train", length=3000)
    noise = BatchNoise(RandomStreams(0), "draw", 0, Rows(0, 20_000))
    indices, conditions = rows.draw(noise, 20_000)
    assert conditions is not None
    asked = ~conditions.isnan()
    assert (asked.sum(1) == 1).all()
    assert torch.allclose(asked.double().mean(0), torch.tensor(1 / 3).double(), atol=0.02)
    own = rows._categories(rows.values[indices])
    assert torch.equal(own[asked], conditions[asked])
    job = conditions[:, 1][asked[:, 1]].long().bincount().double()
    logs = rows.values[:, 1].long().bincount().double().log1p()
    assert torch.allclose(job / job.sum(), logs / logs.sum(), atol=0.02)


def test_conditions_of_samples_are_as_frequent_as_in_the_data() -> None:
    rows = BayesNet("train", length=3000)
    conditions, counts = rows.condition_counts()
    assert (conditions.isfinite().sum(1) == 1).all()
    assert counts.sum() == 3 * 3000  # every column is asked for as often
    job = counts[conditions[:, 1].isfinite()]
    assert torch.equal(job, rows.values[:, 1].long().bincount())


def test_a_model_that_has_not_converged_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    early = LogisticRegression(max_iter=1)
    inputs = np.random.default_rng(0).normal(size=(80, 3))
    assert 0 <= area_under_curve(early, inputs, 40) <= 1
    monkeypatch.setattr("ganzoo_table.metrics.efficacy._classifiers", lambda: [early])
    real, fake, test = (network(200, seed) for seed in range(3))
    category = next(each.name for each in COLUMNS if each.kind == "category")
    found = MLEfficacy(target=category)(*sides(real, fake, test, *COLUMNS))
    assert 0 < found["efficacy_real"] < 1
