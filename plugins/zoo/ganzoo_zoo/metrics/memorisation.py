"""Whether a generator copies what it was trained on."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated
from ganzoo.nn import Moments, frechet_distance
from ganzoo_zoo.metrics.neighbours import TIED, nearest
from ganzoo_zoo.metrics.subsets import hashes_of, taken

HINT = "remove memorisation from eval.metrics"


class Memorisation:
    """Distances to the training data compared with those to held-out data.

    A generator that has learnt the distribution is as far from one as from the other; one that
    copies is nearer to its training data. Both sets are cut to the same number of samples, because
    a smaller set is always farther away.

    Returns:
        ``fd_train`` and ``fd_holdout``, the Fréchet distances to both;
        ``nearest_ratio``, the median over samples of the distance to the nearest training sample
        divided by the distance to the nearest held-out one: 1 without copying, 0 for copies;
        ``nearer_to_train``, the fraction of samples that are nearer to a training sample than to
        any held-out one: 0.5 without copying, with a standard deviation of 0.5 / n^(1/2) for n
        samples.

    Source: Meehan et al. 2020, arXiv:2004.05675, for the fraction; Alaa et al. 2022,
    arXiv:2102.08921, for nearest neighbours as a test of authenticity.

    Args:
        train: the split used in training.
        holdout: a split not used in training.

    Raises:
        DataError: the data set does not have both splits.
    """

    def __init__(self, *, train: str = "train", holdout: str = "test") -> None:
        self.names = train, holdout

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        seen, unseen = (split_of(real, name) for name in self.names)
        count = min(len(seen.features), len(unseen.features))
        seen, unseen, made = chosen(seen, count), chosen(unseen, count), fake.features
        to_seen, to_unseen = nearest(made, seen), nearest(made, unseen)
        # A picture of both splits is equally far from a sample up to round-off.
        equal = (to_seen - to_unseen).abs() <= TIED * made.norm(dim=1)
        ratio = torch.where(equal, 1.0, to_seen / to_unseen)
        nearer = ((to_seen < to_unseen) & ~equal).double() + equal.double() / 2
        moments = Moments.of(made)
        return {
            "fd_train": frechet_distance(Moments.of(seen), moments),
            "fd_holdout": frechet_distance(Moments.of(unseen), moments),
            "nearest_ratio": ratio.median().item(),
            "nearer_to_train": nearer.mean().item(),
        }


def split_of(real: Evaluated, name: str) -> Evaluated:
    """Return a split of the data set, or raise DataError."""
    if name not in real.splits:
        known = ", ".join(real.splits) or "no known splits"
        raise DataError(
            f"the metric 'memorisation' needs the split {name!r}; the data set has {known}",
            hint=HINT,
        )
    return real.splits[name]


def chosen(side: Evaluated, count: int) -> Tensor:
    """Return the features of `count` samples that do not depend on the order of the data set.

    The samples with the smallest hashes are taken, because a data set may be sorted by class.
    """
    if count == len(side.features):
        return side.features
    return taken(side.features, hashes_of(side).argsort(stable=True)[:count])
