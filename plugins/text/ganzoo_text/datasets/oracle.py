"""Lines of a random LSTM, as SeqGAN's experiments have them."""

from __future__ import annotations

from functools import lru_cache

from torch import Tensor

from ganzoo.api import NonNegativeInt, PositiveInt, SampleSpec
from ganzoo_text import oracle
from ganzoo_text.datasets.sentences import Sentences, require_split


class Oracle(Sentences):
    """Lines of a random LSTM: token numbers without words.

    Published scores have `vocabulary` 5000 and 10,000 lines of 20 tokens, of the authors' weights;
    these are drawn from a seed, so the entropy is another. The metric `text/oracle-nll` takes off
    the oracle's own.

    Args:
        length: lines of a split.
        tokens: of a line, L.
        vocabulary: number of different tokens.
        seed: of the LSTM's weights and of the lines.

    Source: arXiv:1609.05473, section 4.1.
    """

    def __init__(
        self,
        split: str,
        *,
        length: PositiveInt = 10_000,
        tokens: PositiveInt = 20,
        vocabulary: PositiveInt = 500,
        seed: NonNegativeInt = 0,
    ) -> None:
        require_split("the oracle", split)
        drawn = _drawn(vocabulary, seed, length, tokens, split)
        super().__init__(SampleSpec("text", (tokens,), vocabulary=vocabulary), drawn)

    def source_files(self) -> dict:
        return {}


@lru_cache(maxsize=2)  # a large one takes a minute, and a data set is made several times in a run
def _drawn(vocabulary: int, seed: int, length: int, tokens: int, split: str) -> Tensor:
    return oracle.Oracle(vocabulary, seed).draw(length, tokens, 2 * seed + (split == "test"))
