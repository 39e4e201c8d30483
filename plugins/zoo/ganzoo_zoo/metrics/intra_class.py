"""The Fréchet distance per class, for conditional generators."""

from collections.abc import Mapping
from statistics import fmean

from ganzoo.api import DataError, Evaluated
from ganzoo.nn import Moments, class_labels, frechet_distance

HINT = "remove intra-class from eval.metrics"


class IntraClass:
    """Fréchet distance per class, for conditional recipes.

    It finds generators that make the wrong class, or few different samples per class, which the
    distance over all classes may miss. Each class has only a part of the samples, so the values
    are far higher than the distance over all samples: compare them only with each other, at the
    same number of samples.

    Returns ``intra_class_fd``, the mean, and ``intra_class_fd_worst``, that of the worst class.

    Source: Miyato and Koyama 2018, arXiv:1802.05637, section 5 (intra FID).

    Raises:
        DataError: one side has no labels, or a class of one side is missing or single on the other.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        by_class = moments_by_class(real, "the reference has none")
        made = moments_by_class(
            fake, "the samples have none: the recipe is not conditional, or an npz lacks `labels`"
        )
        if missing := sorted(by_class.keys() ^ made.keys()):
            raise DataError(
                f"the metric 'intra-class' needs two samples of each class on both sides, and the "
                f"class {missing[0]} has fewer on one of them",
                hint=f"score more samples, or {HINT}",
            )
        distances = [frechet_distance(by_class[name], made[name]) for name in by_class]
        return {"intra_class_fd": fmean(distances), "intra_class_fd_worst": max(distances)}


def moments_by_class(side: Evaluated, unlabelled: str) -> dict[int, Moments]:
    """Return class → moments of its features, for the classes with two samples or more."""
    labels = class_labels("intra-class", side, unlabelled)
    counts = labels.bincount()
    return {
        int(name): Moments.of(side.features, (labels == name).nonzero()[:, 0])
        for name in (counts >= 2).nonzero()[:, 0]
    }
