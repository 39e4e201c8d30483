"""Lines of a text file, or of a folder of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from ganzoo_zoo.datasets.sources import is_shown, walk

from ganzoo.api import DataError, Fraction, OwnData, OwnRecipe, PositiveInt, SampleSpec, parse_json
from ganzoo.nn import END, FIELD, UNKNOWN, lines_of
from ganzoo_text.characters import characters
from ganzoo_text.datasets.sentences import Sentences, require_split, rows_of, split_of
from ganzoo_text.own import text_recipe

SUFFIXES = (".txt", ".jsonl")
Unit = Literal["characters", "words"]
ONE_EACH = "one text on each line"
LOOKED_AT = 100
"""Lines of a jsonl in which the field of the text is looked for."""
SHOWN = 40
"""Letters of a rare word that a line about it shows."""


class Line(NamedTuple):
    """A line of a file, and where it stands."""

    where: str
    text: str


class Lines(Sentences):
    """Lines of a txt or jsonl file, or of all such files of a folder.

    UTF-8, with or without a byte order mark; lines end with LF, CRLF or CR. A line of a jsonl is a
    string, or an object with a field for the text. Equal lines are in the same split. What is left
    out or replaced is counted in `skipped`: empty lines, lines that are too long, rare tokens.

    Args:
        path: a txt or jsonl file, or a folder of them.
        unit: what a token is: characters (an emoji is one, however many code points it has), or
            the words between spaces.
        length: tokens of the longest line, L.
        too_long: what becomes of longer lines: ``leave-out``, or ``cut`` after L tokens.
        vocabulary: number of the most frequent tokens that are kept; others become U+FFFD, one
            token. None: all.
        field: of the objects of a jsonl.
        holdout: share of the different lines that are the split ``test``.

    Raises:
        DataError: a file cannot be read, is not UTF-8 or not JSON (names the line), or no line is
            left.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        unit: Unit = "characters",
        length: PositiveInt = 64,
        too_long: Literal["leave-out", "cut"] = "leave-out",
        vocabulary: PositiveInt | None = None,
        field: str = FIELD,
        holdout: Fraction = 0.1,
    ) -> None:
        require_split("a file of lines", split)
        self.path = path
        self.files, self.skipped = files_of(path)
        lines = self._read(field)
        split_up = [(line, tokens_of(line.text, unit)) for line in lines]
        long = [line for line, tokens in split_up if len(tokens) > length]
        if too_long == "leave-out":
            split_up = [each for each in split_up if len(each[1]) <= length]
        self._report(long, f"{_DONE[too_long]} {length} {unit}")
        kept = [tokens[:length] for _, tokens in split_up]
        if not lines:
            raise DataError(f"{path} has no lines", hint=ONE_EACH)
        if not kept:
            longest = max(len(tokens_of(line.text, unit)) for line in long)
            what = f"{path} has no line of at most {length} {unit}"
            raise DataError(what, hint=f"dataset.length={longest}")
        counts = Counter(token for tokens in kept for token in tokens)
        tokens = self._known(counts, vocabulary, unit)
        known = set(tokens)
        separator = " " if unit == "words" else ""
        spec = SampleSpec(
            "text", (length,), vocabulary=len(tokens), tokens=tokens, separator=separator
        )
        texts = [separator.join(_replaced(line, known)) for line in kept]
        super().__init__(spec, rows_of(spec, split_of(texts, split, holdout)))
        if not len(self):
            what, enough = ("to train on", 0) if split == "train" else ("that are held out", 0.1)
            raise DataError(f"{path} has no lines {what}", hint=f"dataset.holdout={enough}")

    @staticmethod
    def new_recipe(own: OwnData) -> OwnRecipe:
        """Return a WGAN-GP for these lines, with what was found as comments."""
        files, _ = files_of(own.data)
        field = field_of(files)
        texts = [line.text for file in files for line in read_lines(file, field)]
        present = [text for text in texts if text.strip()]
        if not present:
            raise DataError(f"{own.data} has no lines", hint=ONE_EACH)
        jsonl = sum(file.suffix.lower() == ".jsonl" for file in files)
        samples = "new.jsonl" if 2 * jsonl > len(files) else "new.txt"
        return text_recipe(own, present, len(texts) - len(present), field, samples)

    def source_files(self) -> dict[str, Path]:
        return {_name(self.path, file): file for file in self.files}

    def _read(self, field: str) -> list[Line]:
        """Return the lines that are not empty."""
        every = [line for file in self.files for line in read_lines(file, field)]
        self._report([line for line in every if not line.text.strip()], "empty lines")
        return [line for line in every if line.text.strip()]

    def _known(self, counts: Counter[str], vocabulary: int | None, unit: str) -> tuple[str, ...]:
        """Return the tokens by their frequency, after the end token and the unknown one."""
        ordered = sorted(counts, key=lambda token: (-counts[token], token))
        frequent = ordered[:vocabulary]
        if rare := ordered[len(frequent) :]:
            times = sum(counts[token] for token in rare)
            self.skipped.append(
                f"rare {unit}, for which {UNKNOWN} stands: {len(rare)}, in {times} places: "
                f"{' '.join(repr(each[:SHOWN]) for each in rare[:10])}"
                f"{' …' if len(rare) > 10 else ''}"
            )
        unknown = (UNKNOWN,) if rare and UNKNOWN not in frequent else ()
        return (END, *unknown, *frequent)

    def _report(self, lines: Sequence[Line], what: str) -> None:
        if lines:
            self.skipped.append(f"{what}: {len(lines)}, the first is {lines[0].where}")


_DONE = {"leave-out": "lines of more than", "cut": "ends of lines after"}


def files_of(path: Path) -> tuple[list[Path], list[str]]:
    """Return the text files of a path, and the names of other files of a folder.

    Raises:
        DataError: there are none.
    """
    if path.is_dir():
        inside = sorted(path / name for name in walk(path) if is_shown(name))
        found = [each for each in inside if each.suffix.lower() in SUFFIXES]
        others = [f"{each} is no {' or '.join(SUFFIXES)}" for each in inside if each not in found]
    else:
        found, others = [path] if path.suffix.lower() in SUFFIXES and path.is_file() else [], []
    if not found:
        missing = "" if path.exists() else "does not exist, and "
        what = f"{path} {missing}is no {' or '.join(SUFFIXES)} file, and no folder of them"
        raise DataError(what, hint="dataset.path=FILE.txt")
    return found, others


def field_of(files: Iterable[Path]) -> str:
    """Return the field of a jsonl's objects that holds the text: ``text``, or the longest one."""
    for file in files:
        if file.suffix.lower() != ".jsonl":
            continue
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            first = list(islice(filter(str.strip, lines), LOOKED_AT))
        lengths: Counter[str] = Counter()
        for line in first:
            with suppress(ValueError):  # read_lines will name it
                found = parse_json(line)
                texts = found.items() if isinstance(found, dict) else ()
                lengths.update({name: len(each) for name, each in texts if isinstance(each, str)})
        if lengths:
            return FIELD if FIELD in lengths else lengths.most_common(1)[0][0]
    return FIELD


def read_lines(file: Path, field: str = FIELD) -> Iterable[Line]:
    """Yield the lines of a file.

    Raises:
        DataError: it cannot be read, or a line of a jsonl holds no text.
    """
    return (Line(f"{file}:{number}", text) for number, text in lines_of(file, field))


def tokens_of(text: str, unit: Unit) -> list[str]:
    """Return the words or the characters of a line."""
    return text.split() if unit == "words" else characters(text)


def _replaced(tokens: Sequence[str], known: Container[str]) -> list[str]:
    """Return tokens with one unknown token for each rare one, however many code points it has."""
    return [token if token in known else UNKNOWN for token in tokens]


def _name(path: Path, file: Path) -> str:
    return file.relative_to(path).as_posix() if path != file else file.name
