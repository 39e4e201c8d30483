"""Whether generated lines repeat each other, or copy the data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ganzoo.api import Evaluated, PositiveInt
from ganzoo_text.metrics.lines import Tokens, n_grams, sides_of


class Distinct:
    """Shares of different n-grams and lines, and of lines that are in the training data.

    `distinct_n` is the number of different n-grams over that of all n-grams (Li et al. 2016,
    arXiv:1510.03055, section 5). It falls with the number of lines, so `…_held_out` has as many.
    `distinct_lines` is the same for whole lines. `copied_lines` is the share of lines that are
    training lines too; where few sentences are possible, right ones are copies.
    NaN: no line has n tokens.

    Args:
        longest: the largest n.
    """

    def __init__(self, *, longest: PositiveInt = 3) -> None:
        self.longest = longest

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("distinct", real, fake, training=True)
        known = set(map(bytes, sides.real))
        found = {}
        for ending, lines in sides.compared.items():
            for n in range(1, min(self.longest, sides.spec.shape[0]) + 1):
                found[f"distinct_{n}{ending}"] = _share(n_grams(sides.spec, lines, n)[0])
            texts = list(map(bytes, np.ascontiguousarray(lines)))
            found[f"distinct_lines{ending}"] = len(set(texts)) / len(texts)
            found[f"copied_lines{ending}"] = sum(text in known for text in texts) / len(texts)
        return found


def _share(grams: Tokens) -> float:
    return len(np.unique(grams)) / len(grams) if len(grams) else float("nan")
