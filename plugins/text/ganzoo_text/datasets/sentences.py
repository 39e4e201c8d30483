"""Lines of text in memory."""

from __future__ import annotations

from collections.abc import Sequence

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


def require_split(name: str, split: str) -> None:
    """Raise DataError unless the split is ``train`` or ``test``."""
    if split not in ("train", "test"):
        raise DataError(f"{name} has no split {split!r}", hint="eval.reference=train")
