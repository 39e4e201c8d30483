"""Metrics of tables on rows whose truth is known."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from ganzoo_table.baselines import gaussian_copula, independent_columns
from ganzoo_table.datasets.bayes_net import COLUMNS, BayesNet, Truth
from ganzoo_table.metrics.detection import C2ST, area_under_curve
from ganzoo_table.metrics.efficacy import MLEfficacy, _classifiers
from ganzoo_table.metrics.features import inputs_of
from ganzoo_table.metrics.likelihood import BayesNetLikelihood
from ganzoo_table.metrics.pairs import PairTrends, shuffled
from ganzoo_table.metrics.records import ClosestRecord
from ganzoo_table.metrics.shapes import ColumnShapes
from scipy.stats import ks_2samp, pearsonr
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


def test_impossible_numbers_have_the_least_probability() -> None:
    truth, row = Truth(0), network(1, 1)

    def log_likelihood(visits: float, income: float) -> float:
        changed = row.copy()
        changed[0, [3, 5]] = visits, income
        return truth.mean_log_likelihood(changed)

    owner, job = int(row[0, 2]), int(row[0, 1])
    rate, (mean, deviation) = truth.visits[owner], truth.income[job, owner]
    weights = [rate**k / math.factorial(k) for k in range(13)]
    two = math.log(weights[2] / sum(weights))
    typical = -math.log(deviation * math.sqrt(2 * math.pi)) - mean  # of the median income
    true = log_likelihood(2, math.exp(mean))
    for visits in (-1, 13, 500):
        found = log_likelihood(visits, math.exp(mean))
        assert found == pytest.approx(true - two + math.log(1e-6))
    for income in (-5, 0, 0.01):
        assert log_likelihood(2, income) == pytest.approx(true - typical + math.log(1e-6))


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
    monkeypatch.setattr("ganzoo_table.metrics.efficacy._classifiers", lambda classes: [early])
    real, fake, test = (network(200, seed) for seed in range(3))
    category = next(each.name for each in COLUMNS if each.kind == "category")
    found = MLEfficacy(target=category)(*sides(real, fake, test, *COLUMNS))
    assert 0 < found["efficacy_real"] < 1


# --- every column kind, with missing values and a constant, against formulas by hand ---

MIXED = (
    Column("count", "integer"),
    Column("size", missing=True),
    Column("colour", "category", ("u", "v", "w"), missing=True),
    Column("same"),
    Column("flag", "boolean"),
    Column("day", "datetime"),
)


def mixed(count: int, seed: int, missing: float = 0.2) -> np.ndarray:
    """Return rows of `MIXED` with ties, missing values and a column of 0.1."""
    random = np.random.default_rng(seed)
    whole = random.integers(0, 4, count).astype(float)
    size = (random.normal(size=count) + whole).round(1)
    colour = np.where(whole == 0, 0.0, random.integers(0, 3, count))
    flag, day = random.integers(0, 2, count), 1e9 + 86_400.0 * random.integers(0, 9, count)
    rows = np.stack([whole, size, colour, np.full(count, 0.1), flag, day], 1)
    for index in (1, 2):
        rows[random.random(count) < missing, index] = math.nan
    return rows


def is_category(column: Column) -> bool:
    return column.kind in ("category", "boolean")


def test_shapes_are_those_of_scipy_and_of_counts_with_the_shares_of_missing_values() -> None:
    real, fake = mixed(61, 1), mixed(40, 2, missing=0.5)
    wanted = []
    for index, column in enumerate(MIXED):
        a, b = real[:, index], fake[:, index]
        gone = abs(np.isnan(a).mean() - np.isnan(b).mean())
        a, b = a[~np.isnan(a)], b[~np.isnan(b)]
        if is_category(column):
            far = sum(abs((a == each).mean() - (b == each).mean()) for each in {*a, *b}) / 2
        else:
            far = ks_2samp(a, b).statistic
        wanted.append((1 - far) * (1 - gone))
    found = ColumnShapes()(*sides(real, fake, None, *MIXED))
    assert found["column_shapes"] == pytest.approx(np.mean(wanted))
    assert found["column_shapes_worst"] == pytest.approx(min(wanted))


def test_the_closest_record_is_that_of_all_pairs_by_hand() -> None:
    real, fake = mixed(61, 1), mixed(41, 2)
    fake[:3] = real[:3]
    extent = np.nanmax(real, 0) - np.nanmin(real, 0)

    def apart(a: float, b: float, index: int) -> float:
        if math.isnan(a) or math.isnan(b):
            return float(math.isnan(a) != math.isnan(b))
        if is_category(MIXED[index]):
            return float(a != b)
        return min(abs(a - b) / (extent[index] or 1), 1)

    far = np.array(
        [[np.mean([apart(*cells) for cells in zip(x, y, range(6), strict=True)]) for y in real]
         for x in fake]
    )  # fmt: skip
    first, second = np.sort(far, 1).T[:2]
    found = ClosestRecord()(*sides(real, fake, None, *MIXED))
    assert found["closest_record"] == pytest.approx(np.median(first))
    assert found["copies"] == (first == 0).mean() >= 3 / 41
    ratio = np.where(second > 0, first / np.where(second > 0, second, 1), 1)
    assert found["closest_record_ratio"] == pytest.approx(np.median(ratio))


def test_a_pair_is_compared_by_its_correlation_or_by_its_joint_counts() -> None:
    real, fake = mixed(61, 1), mixed(40, 2)

    def trend(*columns: int) -> float:
        chosen = [MIXED[index] for index in columns]
        found = PairTrends()(*sides(real[:, columns], fake[:, columns], None, *chosen))
        return found["pair_trends"]

    both = []
    for rows in (real, fake):
        kept = rows[~np.isnan(rows[:, 1])]
        both.append(pearsonr(kept[:, 0], kept[:, 1])[0])
    assert trend(0, 1) == pytest.approx(1 - abs(both[0] - both[1]) / 2)

    present = real[~np.isnan(real[:, 1]), 1]
    edges = np.unique(np.quantile(present, np.linspace(0.1, 0.9, 9)))

    def key(row: np.ndarray) -> tuple[int, int]:
        size = -1 if math.isnan(row[1]) else int((edges <= row[1]).sum())
        return size, -1 if math.isnan(row[2]) else int(row[2])

    counts = [Counter(map(key, rows)) for rows in (real, fake)]
    far = sum(abs(counts[0][each] / 61 - counts[1][each] / 40) for each in {*counts[0], *counts[1]})
    assert trend(1, 2) == pytest.approx(1 - far / 2)


@pytest.mark.parametrize("count", [17, 41, 64])
def test_rows_that_are_all_equal_have_no_correlation(count: int) -> None:
    random = np.random.default_rng(0)
    real = np.repeat(random.normal(size=(60, 1)), 2, 1)
    collapsed = np.tile([0.1, 0.3], (count, 1))
    found = PairTrends()(*sides(real, collapsed, None, X, Column("y")))
    assert found["pair_trends"] == pytest.approx(0.5)  # correlations of 1 and 0


def test_a_value_beside_a_constant_column_is_no_huge_input() -> None:
    other = np.array([[0.2], [0.1]])
    found = inputs_of((X,), np.full((60, 1), 0.1), other)
    assert found == pytest.approx(np.array([[0.1], [0.0]]))


def test_rows_of_the_reference_itself_are_not_held_out() -> None:
    rows, train = mixed(30, 1), mixed(30, 2)
    real, fake = sides(rows, mixed(30, 3), None, *MIXED)
    real.splits["test"], real.splits["train"] = real, sides(train, train, None, *MIXED)[0]  # type: ignore[index]
    for metric in (ColumnShapes(), PairTrends(), C2ST()):
        assert not [name for name in metric(real, fake) if name.endswith("_held_out")]


def test_training_rows_are_those_of_the_split_train_whatever_the_reference_is() -> None:
    rows, train = mixed(30, 1), mixed(30, 2)
    real, fake = sides(rows, train, None, *MIXED)
    real.splits["test"], real.splits["train"] = real, fake  # type: ignore[index]
    found = ClosestRecord()(real, fake)
    assert found["copies"] == 1
    assert found["copies_held_out"] < 1
    efficacy = MLEfficacy(target="count")(real, fake)
    assert efficacy["efficacy"] == efficacy["efficacy_real"]


@pytest.mark.parametrize(
    ("columns", "held_out", "lack"),
    [
        ((X,), [[0.0], [1.0]], "a column besides the target"),
        ((C, X), [[0.0, 2.0], [1.0, 2.0]], "two different values of the target 'x' in the hold"),
        ((C, X), [[0.0, 2.0]], "two different values"),
        ((X, C), [[0.0, 1.0], [0.5, 1.0]], "two different values of the target 'c' in the hold"),
    ],
)
def test_efficacy_says_what_it_lacks(
    columns: tuple[Column, ...], held_out: list, lack: str
) -> None:
    rows = np.tile([[0.0, 0.0], [1.0, 1.0]], (20, 1))[:, : len(columns)]
    with pytest.raises(DataError, match=lack):
        MLEfficacy()(*sides(rows, rows, np.array(held_out), *columns))


@pytest.mark.parametrize("rare", [1, 1100])
def test_trees_learn_many_rows_with_a_category_that_is_there_once(rare: int) -> None:
    classes = np.zeros(10_002)
    classes[-rare:] = np.arange(rare) + 1
    trees = _classifiers(classes)[2]
    assert not trees.early_stopping
    if rare == 1:
        trees.set_params(max_iter=1).fit(classes[:, None], classes)
