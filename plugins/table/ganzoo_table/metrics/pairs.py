"""How like the real ones the relations between two columns are."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from ganzoo.api import Evaluated
from ganzoo_table.metrics.columns import Sides, Values, codes, is_number, sides_of

SPREAD = 0.05
"""A pair whose real association is below this is left out: unrelated columns are easy."""


class PairTrends:
    """The mean similarity of related pairs of columns: 1 is equal.

    Two numbers: 1 - |difference of their correlations| / 2. Otherwise 1 minus the total variation
    distance of their joint distribution, where numbers are binned by the quantiles of the real
    column on both sides, and beyond the 50 most frequent categories all are one. Pairs that are
    hardly associated are left out: those whose correlation, or joint distribution, is within 0.05
    of that of the same rows with each column shuffled. Chance associates columns of few rows too.
    `pair_trends_pairs` counts the pairs that are left.

    `pair_trends_independent` is what the real rows score after each column was shuffled: a
    generator below it has learned no relation. `pair_trends_held_out` is that of held-out rows.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("pair-trends", real, fake)
        pairs = related(sides)
        result = {"pair_trends_pairs": float(len(pairs))}
        if pairs:
            result["pair_trends"] = mean_similarity(sides, sides.fake, pairs)
            result["pair_trends_independent"] = mean_similarity(sides, shuffled(sides.real), pairs)
            if sides.held_out is not None:
                result["pair_trends_held_out"] = mean_similarity(sides, sides.held_out, pairs)
        return result


def shuffled(rows: Values) -> Values:
    """Return rows whose columns are independent: each is sorted, then shuffled by a fixed seed."""
    random = np.random.default_rng(0)
    return np.stack([random.permutation(np.sort(column)) for column in rows.T], 1)


def related(sides: Sides) -> list[tuple[int, int]]:
    """Return the pairs of columns that are associated in the real rows."""
    independent = shuffled(sides.real)
    return [
        pair
        for pair in combinations(range(len(sides.columns)), 2)
        if 1 - _similarity(sides, independent, pair) > SPREAD / (2 if _numbers(sides, pair) else 1)
    ]


def mean_similarity(sides: Sides, rows: Values, pairs: list[tuple[int, int]]) -> float:
    """Return the mean similarity of pairs of columns of some rows to the real ones."""
    return float(np.mean([_similarity(sides, rows, pair) for pair in pairs]))


def _numbers(sides: Sides, pair: tuple[int, int]) -> bool:
    return all(is_number(sides.columns[index]) for index in pair)


def _similarity(sides: Sides, rows: Values, pair: tuple[int, int]) -> float:
    if _numbers(sides, pair):
        both = [_correlation(each[:, pair[0]], each[:, pair[1]]) for each in (sides.real, rows)]
        return 1 - abs(both[0] - both[1]) / 2
    joint = [_joint(sides, each, pair) for each in (sides.real, rows)]
    keys = joint[0].keys() | joint[1].keys()
    return 1 - sum(abs(joint[0].get(key, 0) - joint[1].get(key, 0)) for key in keys) / 2


def _correlation(first: Values, second: Values) -> float:
    both = ~(np.isnan(first) | np.isnan(second))
    first, second = first[both], second[both]
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0  # not by the deviation: that of equal numbers is 0 but for rounding
    return float(np.corrcoef(first, second)[0, 1])


def _joint(sides: Sides, rows: Values, pair: tuple[int, int]) -> dict[tuple[int, int], float]:
    """Return the share of each pair of categories or bins."""
    found = []
    for index in pair:
        column = sides.columns[index]
        found.append(codes(column, rows[:, index], sides.real[:, index]))
    keys, counts = np.unique(np.stack(found, 1), axis=0, return_counts=True)
    return {(int(a), int(b)): count / len(rows) for (a, b), count in zip(keys, counts, strict=True)}
