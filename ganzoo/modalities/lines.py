"""Lines of text: a vocabulary of characters or words, and the files that hold them."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from pathlib import Path

from ganzoo.errors import DataError, printable
from ganzoo.modalities import SampleSpec
from ganzoo.untrusted import parse_json, read_regular, reading

END = ""
"""The token that ends a line."""
UNKNOWN = "\ufffd"
"""The token of everything that is not in the vocabulary: U+FFFD, the replacement character."""
FIELD = "text"
"""Field of a line of text in a jsonl file."""


class Vocabulary:
    """Between lines of text and token numbers, by the tokens of a spec."""

    def __init__(self, spec: SampleSpec) -> None:
        self.tokens, self.separator, self.length = spec.tokens, spec.separator, spec.shape[0]
        self._numbers = {token: number for number, token in enumerate(self.tokens) if token != END}
        self._longest = max(map(len, self.tokens), default=1)
        self.end = self.tokens.index(END) if END in self.tokens else None
        """Number of the token that ends a line; None: all lines have L tokens."""

    def numbers(self, text: str) -> list[int]:
        """Return the tokens of a line, without its end: words, or the longest tokens that fit.

        Raises:
            ValueError: something is not in the vocabulary, which has no token for that.
        """
        parts = text.split() if self.separator else self._parts(text)
        unknown = self._numbers.get(UNKNOWN)
        found = []
        for part in parts:
            number = self._numbers.get(part, unknown)
            if number is None:
                raise ValueError(
                    f"{printable(part, one_line=True)[:40]!r} is not in the vocabulary"
                )
            found.append(number)
        return found

    def _parts(self, text: str) -> Iterator[str]:
        start = 0
        while start < len(text):
            sizes = range(min(self._longest, len(text) - start), 1, -1)
            size = next((n for n in sizes if text[start : start + n] in self._numbers), 1)
            yield text[start : start + size]
            start += size

    def row(self, text: str, where: str) -> list[int]:
        """Return a line as the L token numbers of a sample.

        Args:
            where: file and line, for the message.

        Raises:
            DataError: it is too long, too short, or holds something unknown.
        """
        try:
            found = self.numbers(text)
        except ValueError as error:
            raise DataError(f"{where}  {error}", hint="correct the line") from None
        missing = self.length - len(found)
        if missing < 0 or (missing and self.end is None):
            limit = "at most" if self.end is not None else "exactly"
            raise DataError(
                f"{where}  has {len(found)} tokens, and samples have {limit} {self.length}",
                hint="correct the line",
            )
        return found if self.end is None else found + [self.end] * missing

    def text(self, numbers: Sequence[int]) -> str:
        """Return token numbers as text, up to the end of the line."""
        if self.end in numbers:
            numbers = numbers[: numbers.index(self.end)]
        return self.separator.join(self.tokens[number] for number in numbers)


def lines_of(
    path: Path, field: str, other_field: str = "dataset.field=NAME"
) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line: of a txt, or strings or one field of a jsonl.

    Lines end with LF, CRLF or CR. Empty lines of a txt are empty texts; those of a jsonl are left
    out.

    Args:
        other_field: what to do if an object of a jsonl has no such field.

    Raises:
        DataError: the file cannot be read, or a line of a jsonl holds no text.
    """
    content = _content(path)
    lines = content.removesuffix("\n").split("\n") if content else []
    for number, line in enumerate(lines, start=1):
        if path.suffix.lower() != ".jsonl":
            yield number, line
        elif line.strip():
            yield number, _field(line, field, f"{path}:{number}", other_field)


def _content(path: Path) -> str:
    with reading(path, "save it as UTF-8"):
        content = read_regular(path)
    # An error counts from the byte order mark on, so that is removed first.
    content = content.removeprefix(BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}  is not UTF-8", hint="save it as UTF-8") from error
    before, nul, _ = text.partition("\0")
    if nul:
        line = before.count("\n") + 1
        what = f"{path}:{line}  holds a NUL character, as UTF-16 does"
        raise DataError(what, hint="save it as UTF-8")
    return text


def _field(line: str, field: str, where: str, other_field: str) -> str:
    try:
        found = parse_json(line)
    except ValueError as error:
        what = f"{where}  is not JSON: {printable(error, one_line=True)}"
        raise DataError(what, hint="correct the line") from None
    if isinstance(found, dict):
        known = ", ".join(printable(each, one_line=True) for each in found)[:200]
        if field not in found:
            what = f"{where}  has no field {field!r}, only {known or 'none'}"
            raise DataError(what, hint=other_field)
        found = found[field]
    if not isinstance(found, str):
        what = f"{where}  holds no text but a {type(found).__name__}"
        raise DataError(what, hint=f'"…" or {{"{field}": "…"}} on each line')
    return found
