"""Text: int64 (L,), token numbers below the vocabulary's size. Networks see them one-hot.

With `SampleSpec.tokens` files and previews are lines of text; without, they are token numbers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import DataError
from ganzoo.modalities import Modality, ReadDataset, SampleSpec, Shape
from ganzoo.modalities.lines import END, FIELD, UNKNOWN, Vocabulary, lines_of
from ganzoo.untrusted import parse_json, read_text

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LINES = (".txt", ".jsonl")
LINE_BREAKS = ("\n", "\r")
NUL = "\0"


class Text(Modality):
    """Sequences of L tokens. All that follows the first end token is the end token again."""

    axes = 1
    stored_dtype = "int64"
    value_range = (0.0, 1.0)
    preview_samples = 16

    def specs(self) -> tuple[SampleSpec, ...]:
        tokens = (END, "a", "b", " ", "\U0001f44d\U0001f3fd", UNKNOWN)
        return (
            SampleSpec("text", (12,), classes=2, vocabulary=7),
            SampleSpec("text", (9,), vocabulary=len(tokens), tokens=tokens),
        )

    def check(self, spec: SampleSpec) -> None:
        if not spec.vocabulary:
            raise ValueError("text samples need a vocabulary")
        if not spec.tokens:
            return
        if not all(isinstance(token, str) for token in spec.tokens):
            raise ValueError("a token is no text")
        if len(set(spec.tokens)) != spec.vocabulary or len(spec.tokens) != spec.vocabulary:
            raise ValueError(f"a vocabulary of {spec.vocabulary} needs as many different tokens")
        if spec.separator not in ("", " "):
            raise ValueError("the separator of tokens is nothing, or a space")
        if spec.separator and any(token.split() != [token] for token in spec.tokens if token):
            raise ValueError("a word holds a space")

    def model_shape(self, spec: SampleSpec) -> Shape:
        assert spec.vocabulary is not None
        return (*spec.shape, spec.vocabulary)

    def encode(self, spec: SampleSpec, stored: Tensor) -> Tensor:
        from torch.nn import functional

        assert spec.vocabulary is not None
        return functional.one_hot(stored, spec.vocabulary).float()

    def decode(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        """Take the most likely token at each position, up to the end of the line."""
        return _ended(spec, samples.argmax(-1))

    def unrounded(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        raise DataError(f"{spec} is made of symbols, and nothing lies between two of them")

    def random(self, spec: SampleSpec, count: int, generator: torch.Generator) -> Tensor:
        """Return one-hot vectors of random tokens."""
        import torch

        assert spec.vocabulary is not None
        tokens = torch.randint(spec.vocabulary, (count, *spec.shape), generator=generator)
        return self.encode(spec, _ended(spec, tokens))

    def invalid(self, spec: SampleSpec, sample: Tensor) -> str | None:
        low, high = int(sample.min()), int(sample.max())
        if low < 0 or high >= (spec.vocabulary or 0):
            return f"tokens from {low} to {high}, the vocabulary is {spec.vocabulary}"
        if not bool((_ended(spec, sample[None])[0] == sample).all()):
            return "tokens after the end of the line"
        return None

    # --- previews and files ---

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Bring the samples as lines; a line break within one is shown as an arrow."""
        lines = _texts(spec, samples)
        for each in LINE_BREAKS:
            lines = [
                line.replace(each, "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}") for line in lines
            ]
        return {".txt": _joined(lines).encode()}

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        """Return the suffixes of files; no txt holds tokens with line breaks or NUL characters."""
        breaks = any(each in token for token in spec.tokens for each in (*LINE_BREAKS, NUL))
        return (*LINES[breaks:], ".npz")

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write one sample a line, UTF-8: its text (txt) or ``{"text": …}`` (jsonl); or an npz.

        Without tokens: numbers with spaces, or lists of numbers.
        """
        suffix = path.suffix.lower()
        if suffix == ".jsonl":
            rows: Sequence[Any] = (
                [{FIELD: text} for text in _texts(spec, samples)]
                if spec.tokens
                else samples.tolist()
            )
            lines = [json.dumps(row, ensure_ascii=False) for row in rows]
            path.write_bytes(_joined(lines).encode())
        elif suffix in LINES:
            path.write_bytes(_joined(_texts(spec, samples)).encode())
        else:
            super().write(spec, path, samples)

    def read(self, spec: SampleSpec, path: Path, read_dataset: ReadDataset) -> Tensor:
        """Read what `write` writes; with tokens, an empty line of a txt is an empty sample.

        Without tokens, empty lines are left out.
        """
        import torch

        suffix = path.suffix.lower()
        if suffix not in LINES or not path.is_file():
            saved = "its text" if spec.tokens else "as numbers of tokens"
            raise DataError(
                f"{path} is neither {', '.join(LINES)} nor npz",
                hint=f"save one sample a line, {saved}",
            )
        if spec.tokens:
            vocabulary = Vocabulary(spec)
            lines = lines_of(path, FIELD, f'{{"{FIELD}": "…"}} on each line')
            rows = [vocabulary.row(text, f"{path}:{number}") for number, text in lines]
        else:
            numbered = enumerate(read_text(path).splitlines(), start=1)
            rows = [
                _numbers(line, suffix, spec, f"{path}:{number}")
                for number, line in numbered
                if line.strip()
            ]
        return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), *spec.shape)


def _ended(spec: SampleSpec, tokens: Tensor) -> Tensor:
    """Return tokens (B, L) with the end token after the first one."""
    if END not in spec.tokens:
        return tokens
    end = spec.tokens.index(END)
    return tokens.masked_fill((tokens == end).cumsum(1) > 0, end)


def _texts(spec: SampleSpec, samples: Tensor) -> list[str]:
    if not spec.tokens:
        return [" ".join(map(str, row)) for row in samples.tolist()]
    vocabulary = Vocabulary(spec)
    return [vocabulary.text(row) for row in samples.tolist()]


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _numbers(line: str, suffix: str, spec: SampleSpec, where: str) -> list[int]:
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
