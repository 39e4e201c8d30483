"""Lines of text in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import DataError, SampleSpec
from ganzoo.nn import Vocabulary


class Sentences:
    """A data set of lines, as token numbers.

    Args:
        tokens: int64 (N, L).
    """

    def __init__(self, spec: SampleSpec, tokens: Tensor) -> None:
        self.spec, self.tokens = spec, tokens

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> tuple[Tensor, None]:
        return self.tokens[index], None

    def tensors(self) -> tuple[Tensor, None]:
        return self.tokens, None


def rows_of(spec: SampleSpec, lines: Sequence[str]) -> Tensor:
    """Return lines that fit a spec as token numbers, int64 (N, L)."""
    vocabulary = Vocabulary(spec)
    rows = [vocabulary.row(line, f"line {number}") for number, line in enumerate(lines, 1)]
    return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), *spec.shape)


def split_of(texts: Sequence[str], split: str, holdout: float) -> list[str]:
    """Return the lines of a split in their order; equal lines are in the same one."""
    different = list(dict.fromkeys(texts))
    order = np.random.default_rng(0).permutation(len(different))
    count = max(round(holdout * len(different)), holdout > 0)
    held_out = {different[index] for index in order[:count]}
    return [text for text in texts if (text in held_out) == (split == "test")]


def require_split(name: str, split: str) -> None:
    """Raise DataError unless the split is ``train`` or ``test``."""
    if split not in ("train", "test"):
        raise DataError(f"{name} has no split {split!r}", hint="eval.reference=train")
