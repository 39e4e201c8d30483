"""Whether a classifier can tell generated rows from real ones."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from ganzoo.api import DataError, Evaluated
from ganzoo_table.metrics.columns import Values, sides_of
from ganzoo_table.metrics.features import inputs_of, some_rows

FOLDS = 5


class C2ST:
    """Classifier two-sample test: area under the ROC curve, over 5 folds. 0.5: indistinguishable.

    Source: Lopez-Paz & Oquab 2017, arXiv:1610.06545. With logistic regression (`c2st_linear`) and
    gradient-boosted trees (`c2st_trees`). `…_held_out` compares held-out real rows with as many of
    the others; it is near 0.5 but for chance. Below that, rows are copies of real ones: a model
    that has learned a row takes its copy for the same side.

    Args:
        samples: rows of each side, at most.
    """

    def __init__(self, *, samples: int = 5_000) -> None:
        self.samples = samples

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("c2st", real, fake)
        result = {}
        for ending, other in (("", sides.fake), ("_held_out", sides.held_out)):
            if other is None:
                continue
            count = min(len(sides.real), len(other), self.samples)
            if count < 2 * FOLDS:
                raise DataError(
                    f"c2st needs {2 * FOLDS} rows a side, and there are {count}",
                    hint="a larger eval.samples, or leave table/c2st out of eval.metrics",
                )
            rows = [some_rows(each, count) for each in (sides.real, other)]
            inputs = np.concatenate([inputs_of(sides.columns, sides.real, each) for each in rows])
            for name, model in models().items():
                result[f"c2st_{name}{ending}"] = area_under_curve(model, inputs, count)
        return result


def models() -> dict[str, object]:
    """Return the classifiers by name."""
    return {
        "linear": LogisticRegression(max_iter=1000),
        "trees": HistGradientBoostingClassifier(random_state=0, max_iter=100),
    }


@contextmanager
def no_convergence_warnings() -> Iterator[None]:
    """Let a model stop before it has converged: a score shows what it has learned by then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def area_under_curve(model: object, inputs: Values, count: int) -> float:
    """Return the area for `count` real rows, then as many others, over 5 folds."""
    sides = np.repeat([0, 1], count)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with no_convergence_warnings():
        said = cross_val_predict(model, inputs, sides, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(sides, said))
