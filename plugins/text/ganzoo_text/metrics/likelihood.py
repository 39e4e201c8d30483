"""The likelihood of held-out lines under the generator."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ganzoo.api import DataError, Evaluated
from ganzoo_text.metrics.lines import lengths, sides_of, some


class HeldOutNLL:
    """NLL_gen: the negative log-probability of held-out lines under G, in nats a token.

    For generators with `log_prob`. A generator that leaves out what is in the data has a high one,
    so it shows what quality alone does not (arXiv:1811.02549, section 3). `nll_gen_real` is that of
    as many training lines: much lower means that G memorises.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("nll", real, fake, training=True)
        if fake.generator is None:
            raise DataError("samples from a file have no likelihood")
        if sides.held_out is None:
            raise DataError("there is no split test to hold out")
        found = {}
        for name, lines in (("nll_gen", sides.held_out), ("nll_gen_real", sides.real)):
            chosen = some(lines, len(sides.held_out))
            total = fake.generator.log_prob(torch.from_numpy(chosen)).double().sum()
            found[name] = -float(total) / int(lengths(sides.spec, chosen).sum())
        return found
