"""The Inception score: are samples of a clear class, and of all classes."""

from collections.abc import Mapping
from math import exp

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated, PositiveInt
from ganzoo.nn import blocks_of_rows
from ganzoo_zoo.metrics.subsets import order_of


class InceptionScore:
    """How clear and how varied the classes are that the extractor's classifier sees.

    exp(E_x KL(p(y|x) || p(y))), from 1 to the number of classes; higher is better. It ignores the
    real data: memorised and adversarial samples score well, and so do classes that the data does
    not have. Compare with the score of the real data. Published scores are means over ten splits of
    the samples (``splits: 10``), which are lower than the score of all at once, and use the classes
    of ImageNet, so they only compare with the same classifier.

    Returns ``inception_score`` and ``inception_score_real``, over all samples at once; with several
    splits also ``inception_score_10_splits`` and ``…_sd``, mean and standard deviation over them.

    Source: Salimans et al. 2016, arXiv:1606.03498, section 4; Barratt and Sharma 2018,
    arXiv:1801.01973, for what it does not say.

    Args:
        splits: number of equal parts; samples are assigned to them at random.

    Raises:
        DataError: the extractor has no classifier, or there are fewer samples than splits.
    """

    def __init__(self, *, splits: PositiveInt = 1) -> None:
        self.splits = splits

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        if fake.class_logits is None or real.class_logits is None:
            raise DataError(
                "the metric 'inception-score' needs an extractor with a classifier, as toy-cnn is",
                hint="remove inception-score from eval.metrics",
            )
        numbers = {
            "inception_score": inception_score(fake.class_logits),
            "inception_score_real": inception_score(real.class_logits),
        }
        return (
            numbers
            if self.splits == 1
            else {**numbers, **self.over_splits(fake, fake.class_logits)}
        )

    def over_splits(self, side: Evaluated, logits: Tensor) -> dict[str, float]:
        """Return mean and standard deviation over the splits of a side's logits (N, K)."""
        if len(logits) < self.splits:
            raise DataError(
                f"the metric 'inception-score' has {self.splits} splits of {len(logits)} samples",
                hint="score more samples, or leave out splits",
            )
        parts = torch.tensor_split(order_of(side), self.splits)
        values = torch.tensor([inception_score(logits, rows) for rows in parts]).double()
        name = f"inception_score_{self.splits}_splits"
        return {name: values.mean().item(), f"{name}_sd": values.std(correction=0).item()}


def inception_score(logits: Tensor, rows: Tensor | None = None) -> float:
    """Return exp(H(y) - E H(y|x)) for logits (N, K), or for these rows of them."""
    marginal = torch.zeros(logits.shape[1], dtype=torch.float64)
    conditional, n = 0.0, 0
    for block in blocks_of_rows(logits, rows):
        log_p = torch.log_softmax(block.double(), dim=1)
        p = log_p.exp()
        marginal += p.sum(dim=0)
        conditional -= (p * log_p).sum().item()
        n += len(block)
    marginal /= n
    entropy = -torch.special.xlogy(marginal, marginal).sum().item()
    return exp(entropy - conditional / n)
