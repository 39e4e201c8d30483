"""Text: int64 (L,), token numbers below the vocabulary's size. Networks see them one-hot.

A spec has the vocabulary's size and no list of its tokens, so files and previews show the numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import DataError
from ganzoo.modalities import Modality, ReadDataset, SampleSpec, Shape
from ganzoo.untrusted import parse_json, read_text

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LINES = (".txt", ".jsonl")


class Text(Modality):
    """Sequences of L tokens."""

    axes = 1
    stored_dtype = "int64"
    value_range = (0.0, 1.0)
    preview_samples = 16

    def specs(self) -> tuple[SampleSpec, ...]:
        return (SampleSpec("text", (12,), classes=2, vocabulary=7),)

    def check(self, spec: SampleSpec) -> None:
        if not spec.vocabulary:
            raise ValueError("text samples need a vocabulary")

    def model_shape(self, spec: SampleSpec) -> Shape:
        assert spec.vocabulary is not None
        return (*spec.shape, spec.vocabulary)

    def encode(self, spec: SampleSpec, stored: Tensor) -> Tensor:
        from torch.nn import functional

        assert spec.vocabulary is not None
        return functional.one_hot(stored, spec.vocabulary).float()

    def decode(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        """Take the most likely token at each position."""
        return samples.argmax(-1)

    def unrounded(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        raise DataError(f"{spec} is made of symbols, and nothing lies between two of them")

    def random(self, spec: SampleSpec, count: int, generator: torch.Generator) -> Tensor:
        """Return one-hot vectors of random tokens."""
        import torch

        assert spec.vocabulary is not None
        tokens = torch.randint(spec.vocabulary, (count, *spec.shape), generator=generator)
        return self.encode(spec, tokens)

    def invalid(self, spec: SampleSpec, sample: Tensor) -> str | None:
        low, high = int(sample.min()), int(sample.max())
        if low >= 0 and high < (spec.vocabulary or 0):
            return None
        return f"tokens from {low} to {high}, the vocabulary is {spec.vocabulary}"

    # --- previews and files ---

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Bring the samples as lines."""
        return {".txt": _lines(samples, ".txt").encode()}

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        return (*LINES, ".npz")

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write one sample a line: numbers with spaces (txt) or JSON lists (jsonl); or an npz."""
        suffix = path.suffix.lower()
        if suffix in LINES:
            path.write_text(_lines(samples, suffix), encoding="utf-8")
        else:
            super().write(spec, path, samples)

    def read(self, spec: SampleSpec, path: Path, read_dataset: ReadDataset) -> Tensor:
        """Read what `write` writes; empty lines are left out."""
        import torch

        suffix = path.suffix.lower()
        if suffix not in LINES or not path.is_file():
            raise DataError(
                f"{path} is neither {', '.join(LINES)} nor npz",
                hint="save one sample a line, as numbers of tokens",
            )
        lines = read_text(path).splitlines()
        rows = [
            _tokens(line, suffix, spec, f"{path}:{number}")
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), *spec.shape)


def _lines(samples: Tensor, suffix: str) -> str:
    rows = samples.tolist()
    words = [json.dumps(row) if suffix == ".jsonl" else " ".join(map(str, row)) for row in rows]
    return "".join(f"{line}\n" for line in words)


def _tokens(line: str, suffix: str, spec: SampleSpec, where: str) -> list[int]:
    """Return the token numbers of one line.

    Raises:
        DataError: something else stands there, too few or too many, or outside the vocabulary.
    """
    try:
        found: Any = parse_json(line) if suffix == ".jsonl" else [int(w) for w in line.split()]
    except ValueError:
        found = None
    length, vocabulary = spec.shape[0], spec.vocabulary or 0
    valid = isinstance(found, list) and all(type(token) is int for token in found)
    if valid and len(found) == length and all(0 <= token < vocabulary for token in found):
        return [*found]
    raise DataError(
        f"{where}  is not {length} token numbers from 0 to {vocabulary - 1}",
        hint="3 1 4 … in a .txt file, [3, 1, 4, …] in a .jsonl file",
    )
