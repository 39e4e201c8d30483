"""Sentences of a probabilistic grammar, whose membership and entropy are known."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ganzoo.api import NonNegativeInt, PositiveInt, SampleSpec
from ganzoo.nn import END
from ganzoo_text.datasets.sentences import Sentences, require_split, rows_of
from ganzoo_text.grammar import ANIMALS


class Grammar(Sentences):
    """Sentences such as "the small dog that sees two cats sleeps", at most 12 words.

    A probabilistic context-free grammar of our own draws them. A verb agrees with its noun, over a
    relative clause too, so runs of four words do not tell whether a sentence is right. The metric
    `text/grammar` decides that, and knows the probability of each sentence.

    Args:
        length: sentences of a split.
        unit: what a token is.
        seed: of the sentences.
    """

    def __init__(
        self,
        split: str,
        *,
        length: PositiveInt = 10_000,
        unit: Literal["words", "characters"] = "words",
        seed: NonNegativeInt = 0,
    ) -> None:
        require_split("the grammar", split)
        random = np.random.default_rng([seed, split == "test"])
        sentences = [ANIMALS.draw(random) for _ in range(length)]
        words = unit == "words"
        letters = {letter for word in ANIMALS.words for letter in word} | {" "}
        tokens = (END, *(ANIMALS.words if words else sorted(letters)))
        spec = SampleSpec(
            "text",
            (ANIMALS.longest(lambda word: 1) if words else ANIMALS.longest(len, 1),),
            vocabulary=len(tokens),
            tokens=tokens,
            separator=" " if words else "",
        )
        super().__init__(spec, rows_of(spec, [" ".join(each) for each in sentences]))

    def source_files(self) -> dict:
        return {}
