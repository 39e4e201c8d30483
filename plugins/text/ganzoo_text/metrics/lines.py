"""Lines as arrays, for metrics: their tokens, their lengths, the hold-out, their n-grams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganzoo.api import DataError, Evaluated, SampleSpec
from ganzoo.nn import Vocabulary

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Sides:
    """Real lines, generated ones, and real ones held out: (N, L)."""

    spec: SampleSpec
    real: Tokens
    fake: Tokens
    held_out: Tokens | None

    @property
    def compared(self) -> dict[str, Tokens]:
        """Generated and held-out lines, as many of each, by the ending of a number's name.

        Counts of n-grams differ more between fewer lines, so a fair comparison needs equal numbers.
        """
        if self.held_out is None:
            return {"": self.fake}
        count = min(len(self.fake), len(self.held_out))
        return {"": some(self.fake, count), "_held_out": some(self.held_out, count)}


def sides_of(metric: str, real: Evaluated, fake: Evaluated, *, training: bool = False) -> Sides:
    """Return both sides as token numbers.

    Held-out lines are those of the split ``test``, unless they are the real lines themselves.

    Args:
        training: take the split ``train`` as real lines, whatever the reference is.

    Raises:
        DataError: the samples have no vocabulary.
    """
    spec = fake.extraction.spec if fake.extraction else None
    if spec is None or not spec.vocabulary:
        raise DataError(f"{metric} needs samples with a vocabulary: text")
    compared = real.splits.get("train", real) if training else real
    test = real.held_out(compared)
    held_out = None if test is None else test.samples.numpy()
    return Sides(spec, compared.samples.numpy(), fake.samples.numpy(), held_out)


def some(lines: Tokens, count: int) -> Tokens:
    """Return at most `count` lines, chosen at random by their content and not by their order."""
    ordered = lines[np.lexsort(lines.T)]
    return ordered[np.random.default_rng(0).permutation(len(ordered))[:count]]


def lengths(spec: SampleSpec, lines: Tokens, *, with_end: bool = True) -> NDArray[np.int64]:
    """Return the number of tokens of each line, with or without the one that ends it."""
    end = Vocabulary(spec).end
    if end is None:
        return np.full(len(lines), lines.shape[1])
    ended = lines == end
    return np.where(ended.any(1), ended.argmax(1) + with_end, lines.shape[1])


def n_grams(
    spec: SampleSpec, lines: Tokens, n: int, *, with_end: bool = True
) -> tuple[Tokens, Tokens]:
    """Return each run of n tokens as one number, and its line; no run goes over the line's end.

    Raises:
        DataError: the vocabulary is so large that the numbers of runs overflow.
    """
    size = spec.vocabulary or 0
    if size**n >= 2**62:
        raise DataError(
            f"runs of {n} of {size} tokens have no number", hint="dataset.vocabulary=5000"
        )
    places = max(lines.shape[1] - n + 1, 0)
    codes = np.zeros((len(lines), places), dtype=np.int64)
    for offset in range(n):
        codes = codes * size + lines[:, offset : offset + places]
    inside = np.arange(places) + n <= lengths(spec, lines, with_end=with_end)[:, None]
    rows = np.broadcast_to(np.arange(len(lines))[:, None], codes.shape)
    return codes[inside], rows[inside]
