"""How alike the frequencies of runs of tokens are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ganzoo.api import Evaluated, PositiveInt
from ganzoo_text.metrics.lines import Tokens, n_grams, sides_of


class NGramJSD:
    """Jensen-Shannon divergence of n-grams of generated and of real lines, in bits: 0 to 1.

    The token that ends a line is a part of n-grams. As rare n-grams are seen in one sample and not
    in another, the divergence of real lines is not 0 either: compare with `…_held_out`, that of as
    many held-out lines. NaN: no line of either side has n tokens.

    Args:
        longest: the largest n; there is a number for each n from 1.

    Source: the monitor of arXiv:1704.00028, section 5.3.
    """

    def __init__(self, *, longest: PositiveInt = 4) -> None:
        self.longest = longest

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("n-gram-jsd", real, fake)
        found = {}
        for n in range(1, min(self.longest, sides.spec.shape[0]) + 1):
            wanted, _ = n_grams(sides.spec, sides.real, n)
            for ending, lines in sides.compared.items():
                given, _ = n_grams(sides.spec, lines, n)
                found[f"ngram_jsd_{n}{ending}"] = divergence(wanted, given)
        return found


def divergence(a: Tokens, b: Tokens) -> float:
    """Return the Jensen-Shannon divergence of two samples' frequencies, in bits."""
    if not len(a) or not len(b):
        return 1.0 if len(a) or len(b) else float("nan")
    keys, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    shares = [
        np.bincount(part, minlength=len(keys)) / len(part)
        for part in (places[: len(a)], places[len(a) :])
    ]
    middle = (shares[0] + shares[1]) / 2
    return float(sum(_relative_entropy(share, middle) for share in shares) / 2)


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    there = p > 0
    return float((p[there] * np.log2(p[there] / q[there])).sum())
