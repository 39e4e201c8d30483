"""How alike generated lines are among themselves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ganzoo.api import DataError, Evaluated, PositiveInt, SampleSpec
from ganzoo_text.metrics.lines import Tokens, lengths, n_grams, sides_of, some

SMALL = 0.1
"""Stands for no match, so that a line without a common 4-gram is not 0 (Chen & Cherry 2014,
method 1)."""

Scores = NDArray[np.float64]


class SelfBLEU:
    """Mean BLEU of each generated line against all others: 1 if all are alike, and not short.

    The line itself is not among its references, other than in Texygen's code, so the numbers are
    lower than published ones. A line of fewer tokens than n has no n-gram, which counts as 0.1 of
    a match. It grows with the number of lines; `self_bleu_held_out` has as many, and is what a
    generator should have: less is noise, more is a lack of variety.

    Args:
        longest: BLEU's largest n.
        count: lines, chosen by their content.

    Source: Zhu et al. 2018, arXiv:1802.01886, section 3.2; BLEU: Papineni et al. 2002,
    doi:10.3115/1073083.1073135.
    """

    def __init__(self, *, longest: PositiveInt = 4, count: PositiveInt = 1000) -> None:
        self.longest, self.count = longest, count

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("self-bleu", real, fake, training=True)
        found = {}
        for ending, lines in sides.compared.items():
            chosen = some(lines, self.count)
            if len(chosen) < 2:
                raise DataError("one line has no other to compare with")
            found[f"self_bleu{ending}"] = float(bleu(sides.spec, chosen, self.longest).mean())
        return found


def bleu(spec: SampleSpec, lines: Tokens, longest: int) -> Scores:
    """Return the BLEU of each line against all others, (N,)."""
    own = lengths(spec, lines, with_end=False)
    logs = np.zeros(len(lines))
    for n in range(1, longest + 1):
        matches = _matches(*n_grams(spec, lines, n, with_end=False), len(lines))
        logs += np.log(np.maximum(matches, SMALL) / np.maximum(own - n + 1, 1))
    distances = np.abs(own[:, None] - own) + np.where(np.eye(len(own)), np.inf, 0.0)
    closest = own[distances.argmin(1)]
    brevity = np.minimum(0.0, 1 - closest / np.maximum(own, 1))
    return np.exp(logs / longest + brevity)


def _matches(grams: Tokens, rows: Tokens, count: int) -> Scores:
    """Return how many n-grams of each line are matched, clipped by their most in another line."""
    pairs, times = np.unique(np.stack([grams, rows]), axis=1, return_counts=True)
    order = np.lexsort([-times, pairs[0]])
    gram, row, times = pairs[0][order], pairs[1][order], times[order]
    first = np.r_[True, gram[1:] != gram[:-1]] if len(gram) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(first)
    ends = np.r_[starts[1:], len(gram)]
    second = np.where(ends - starts > 1, times[np.minimum(starts + 1, len(gram) - 1)], 0)
    most = np.repeat(times[starts], ends - starts)
    most[starts] = second  # the line that has the most is compared with the second
    return np.bincount(row, weights=np.minimum(times, most), minlength=count)
