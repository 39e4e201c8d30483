"""Whether models that learn from generated rows are right about real ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ganzoo.api import DataError, Evaluated
from ganzoo_table.metrics.columns import Sides, Values, is_number, sides_of
from ganzoo_table.metrics.detection import no_convergence_warnings
from ganzoo_table.metrics.features import content_order, inputs_of


class MLEfficacy:
    """Train on synthetic, test on real: mean of three fixed models, beside train on real.

    Macro F1 for a category, R squared for a number; models are linear, a tree of depth 10, and
    gradient-boosted trees (arXiv:1907.00503, section 5.1, has others). The test is the hold-out.
    NaN: no model can be trained on the rows, as all lack the target or have one category.

    Args:
        target: the column to predict; the last one if it is not given.
    """

    def __init__(self, *, target: str | None = None) -> None:
        self.target = target

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("ml-efficacy", real, fake, training=True)
        names = [column.name for column in sides.columns]
        target = names[-1] if self.target is None else self.target
        if target not in names:
            raise DataError(
                f"ml-efficacy: no column {target!r}", hint=f"target: {' or '.join(names[:20])}"
            )
        if sides.held_out is None:
            raise DataError(
                "ml-efficacy needs a hold-out: the data has no rows in split 'test'",
                hint="dataset.holdout=0.1",
            )
        place = names.index(target)
        _require_truth(sides, place)
        return {
            "efficacy": _mean_score(sides, sides.fake, place),
            "efficacy_real": _mean_score(sides, sides.real, place),
        }


def _require_truth(sides: Sides, place: int) -> None:
    """Raise DataError unless the target can be predicted from something, and judged."""
    assert sides.held_out is not None
    truth = sides.held_out[:, place]
    if len(sides.columns) == 1:
        lack = "a column besides the target"
    elif len(np.unique(truth[~np.isnan(truth)])) < 2:
        lack = f"two different values of the target {sides.columns[place].name!r} in the hold-out"
    else:
        return
    raise DataError(f"ml-efficacy needs {lack}", hint="leave table/ml-efficacy out of eval.metrics")


def _mean_score(sides: Sides, rows: Values, place: int) -> float:
    """Return the mean score on the hold-out of models trained on some rows."""
    assert sides.held_out is not None
    number = is_number(sides.columns[place])
    train, test = (_known(each, place) for each in (rows[content_order(rows)], sides.held_out))
    others = tuple(each for index, each in enumerate(sides.columns) if index != place)
    rest = np.delete(sides.real, place, 1)
    x, x_test = (inputs_of(others, rest, np.delete(each, place, 1)) for each in (train, test))
    y, y_test = train[:, place], test[:, place]
    if number:
        centre, scale = y_test.mean(), y_test.std()
        y, y_test = (y - centre) / scale, (y_test - centre) / scale
    if not len(y) or (not number and len(np.unique(y)) < 2):
        return float("nan")
    scores = []
    for model in _regressors() if number else _classifiers(y):
        with no_convergence_warnings():
            said = model.fit(x, y).predict(x_test)
        score = r2_score(y_test, said) if number else f1_score(y_test, said, average="macro")
        scores.append(float(score))
    return float(np.mean(scores))


def _known(rows: Values, place: int) -> Values:
    return rows[~np.isnan(rows[:, place])]


def _classifiers(classes: Values) -> list:
    """Return models of these training classes, (N,)."""
    counts = np.unique(classes, return_counts=True)[1]
    # Beyond 10,000 rows scikit-learn stops early, by a tenth of the rows that has every class.
    divisible = counts.min() > 1 and len(counts) <= len(classes) // 10
    return [
        LogisticRegression(max_iter=1000),
        DecisionTreeClassifier(max_depth=10, random_state=0),
        HistGradientBoostingClassifier(
            random_state=0, early_stopping="auto" if divisible else False
        ),
    ]


def _regressors() -> list:
    return [
        Ridge(),
        DecisionTreeRegressor(max_depth=10, random_state=0),
        HistGradientBoostingRegressor(random_state=0),
    ]
