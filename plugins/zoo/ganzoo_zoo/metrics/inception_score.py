"""The Inception score: are samples of a clear class, and of all classes."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated


class InceptionScore:
    """How clear and how varied the classes are that the extractor's classifier sees.

    exp(E_x KL(p(y|x) || p(y))), from 1 to the number of classes; higher is better. It ignores the
    real data: memorised and adversarial samples score well, and so do classes that the data does
    not have. Compare with the score of the real data. Computed over all samples at once; published
    scores are means over ten splits, which are a little lower, and use the classes of ImageNet, so
    they only compare with the same classifier.

    Returns ``inception_score`` and ``inception_score_real``.

    Source: Salimans et al. 2016, arXiv:1606.03498, section 4; Barratt and Sharma 2018,
    arXiv:1801.01973, for what it does not say.

    Raises:
        DataError: the extractor has no classifier.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        if fake.class_logits is None or real.class_logits is None:
            raise DataError(
                "the metric 'inception-score' needs an extractor with a classifier, as toy-cnn is",
                hint="remove inception-score from eval.metrics",
            )
        return {
            "inception_score": inception_score(fake.class_logits),
            "inception_score_real": inception_score(real.class_logits),
        }


def inception_score(logits: Tensor) -> float:
    """Return exp(H(y) - E H(y|x)) for logits (N, K)."""
    log_p = torch.log_softmax(logits.double(), dim=1)
    p = log_p.exp()
    marginal = p.mean(dim=0)
    entropy = -torch.special.xlogy(marginal, marginal).sum()
    conditional = -(p * log_p).sum(dim=1).mean()
    return (entropy - conditional).exp().item()
