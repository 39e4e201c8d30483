"""Whether a classifier can tell generated windows from real ones, by their features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated, PositiveInt
from ganzoo_table.metrics.detection import FOLDS, area_under_curve, models
from ganzoo_table.metrics.features import some_rows
from ganzoo_table.series.metrics.sides import independent, windows_of
from ganzoo_table.series.windows import Values

BLOCK = 512


class FeatureC2ST:
    """Classifier two-sample test on the features of the run's extractor: area under the ROC curve.

    Source: Lopez-Paz & Oquab 2017, arXiv:1610.06545. 0.5: indistinguishable. The classifier is a
    logistic regression on standardised features, over 5 folds, since random convolutions are made
    for linear ones (arXiv:1910.13051). ``…_held_out`` compares held-out windows with as many of the
    others; it is near 0.5 but for chance. ``…_independent`` are real values in any order.

    Args:
        samples: windows of each side, at most.
    """

    def __init__(self, *, samples: PositiveInt = 2_000) -> None:
        self.samples = samples

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        ours, result = real.features.double().numpy(), {}
        centre = ours.mean(0)
        scale = np.where(np.ptp(ours, axis=0) > 0, ours.std(0), 1.0)  # 1: a constant feature
        for ending, others in _others(real, fake):
            count = min(len(ours), len(others), self.samples)
            if count < 2 * FOLDS:
                raise DataError(
                    f"feature-c2st needs {2 * FOLDS} windows a side, and there are {count}"
                )
            rows = np.concatenate([some_rows(each, count) for each in (ours, others)])
            inputs = (rows - centre) / scale
            result[f"feature_c2st{ending}"] = area_under_curve(models()["linear"], inputs, count)
        return result


def _others(real: Evaluated, fake: Evaluated) -> Iterator[tuple[str, Values]]:
    """Yield the features of what is compared with the real windows, by the ending of its name."""
    yield "", fake.features.double().numpy()
    if (test := real.held_out()) is not None:
        yield "_held_out", test.features.double().numpy()
    if real.extraction is not None:
        windows = torch.from_numpy(independent(windows_of("feature-c2st", real)))
        yield "_independent", _features(real.extraction.features(windows.split(BLOCK)))


def _features(blocks: Iterator[Tensor]) -> Values:
    return torch.cat(list(blocks)).double().numpy()
