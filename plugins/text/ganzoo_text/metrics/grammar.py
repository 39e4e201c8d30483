"""Whether generated sentences belong to the grammar."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from ganzoo.api import DataError, Evaluated, SampleSpec
from ganzoo.nn import Vocabulary
from ganzoo_text.grammar import ANIMALS
from ganzoo_text.metrics.lines import Tokens, lengths, sides_of


class GrammarMembership:
    """The share of generated sentences that are right, and of different right ones.

    `valid_share` is that of the sentences of `text/grammar`: 1 is best, and a generator that
    repeats one right sentence has it. `valid_distinct` counts each different right sentence once;
    `valid_distinct_held_out` is what the grammar's own sentences reach. `nll_floor` is the negative
    log-probability of held-out sentences under the grammar, in nats a token: no generator can have
    a lower `nll_gen` in the mean. `grammar_entropy` is the exact entropy, in nats a sentence.
    Of more generated than held-out sentences as many are taken, as different ones get rarer.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("grammar", real, fake, training=True)
        if not sides.spec.tokens or not _probability(_texts(sides.spec, sides.real[:1])[0]):
            raise DataError("the metric is for the data set text/grammar alone")
        found: dict[str, float] = {}
        for ending, lines in sides.compared.items():
            texts = Counter(_texts(sides.spec, lines))
            valid = {text: count for text, count in texts.items() if _probability(text)}
            if not ending:
                found["valid_share"] = sum(valid.values()) / len(lines)
            found[f"valid_distinct{ending}"] = len(valid) / len(lines)
        if sides.held_out is not None:
            found["nll_floor"] = _nll(sides.spec, sides.held_out)
        return {**found, "grammar_entropy": ANIMALS.entropy}


def _nll(spec: SampleSpec, lines: Tokens) -> float:
    """Return the mean over tokens of the negative log-probability of right sentences, in nats."""
    total = sum(-math.log(_probability(text)) for text in _texts(spec, lines))
    return total / int(lengths(spec, lines).sum())


def _texts(spec: SampleSpec, lines: Tokens) -> list[str]:
    vocabulary = Vocabulary(spec)
    return [vocabulary.text(line) for line in lines.tolist()]


def _probability(text: str) -> float:
    return ANIMALS.probability(text.split(" "))
