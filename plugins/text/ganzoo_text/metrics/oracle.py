"""The likelihood of generated lines under the oracle that made the data."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ganzoo.api import DataError, Evaluated, NonNegativeInt, PositiveInt
from ganzoo_text.metrics.lines import sides_of
from ganzoo_text.oracle import Oracle


class OracleNLL:
    """NLL_oracle of generated lines in nats a token, and how far it is above the oracle's own.

    `nll_oracle_floor` is that of held-out lines of the oracle itself, `nll_oracle_excess` the
    difference, which can be compared between oracles, and `nll_oracle_excess_standard_error` its
    error over other lines. It says nothing about variety: one likely line, repeated, is below the
    floor. Compare `nll_gen` of `text/nll` as well.

    Args:
        vocabulary: of the data set.
        seed: of the data set.

    Source: Yu et al. 2017, arXiv:1609.05473, eq. 9.
    """

    def __init__(self, *, vocabulary: PositiveInt = 500, seed: NonNegativeInt = 0) -> None:
        self.vocabulary, self.seed = vocabulary, seed

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("oracle-nll", real, fake, training=True)
        if sides.spec.tokens or sides.spec.vocabulary != self.vocabulary:
            what = f"the metric is for text/oracle with vocabulary {self.vocabulary}"
            raise DataError(what, hint="give it the vocabulary and the seed of the data set")
        if sides.held_out is None:
            raise DataError("there is no split test to hold out")
        oracle = Oracle(self.vocabulary, self.seed)
        floor, found = (oracle.nll(torch.from_numpy(x)) for x in (sides.held_out, sides.fake))
        excess = found.mean() - floor.mean()
        error = (found.var() / len(found) + floor.var() / len(floor)).sqrt()
        return {
            "nll_oracle": found.mean().item(),
            "nll_oracle_floor": floor.mean().item(),
            "nll_oracle_excess": excess.item(),
            "nll_oracle_excess_standard_error": error.item(),
        }
