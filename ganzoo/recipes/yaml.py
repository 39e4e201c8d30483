"""Strict YAML: read it with the line and column of every value, and write it back.

Differences from PyYAML's safe loader: ``2e-4`` is a number; only ``true`` and ``false`` are
booleans; ``012`` is twelve; there are no dates, sexagesimals, octals or underscores. Duplicate
keys, anchors, aliases, merge keys, tags, empty values, control characters, numbers that are not
finite or do not fit in 64 bits, and texts beyond `MAX_DEPTH`, `MAX_VALUES` or `MAX_BYTES` are
errors. `to_yaml` writes text that this reader and any other YAML reader take for the same data.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.error import Mark

from ganzoo.errors import Problem, RecipeError
from ganzoo.registry.names import suggest
from ganzoo.untrusted import read_regular

SUFFIXES = (".yaml", ".yml")
MAX_BYTES = 2**20
MAX_DEPTH = 32
MAX_VALUES = 5000
"""Keys, values and list items together; a lock has about 400."""

KeyPath = tuple[str, ...]
"""The keys that lead to a value. List positions count from "0"."""

Marks = dict[KeyPath, tuple[int, int]]


# --- scalars -------------------------------------------------------------------------------------

_PREFIX = "tag:yaml.org,2002:"
_NULL = f"{_PREFIX}null"

PATTERNS: Mapping[str, re.Pattern[str]] = {
    _NULL: re.compile(r"(?:null|~|)\Z"),
    f"{_PREFIX}bool": re.compile(r"(?:true|false)\Z"),
    f"{_PREFIX}int": re.compile(r"[-+]?[0-9]+\Z"),
    f"{_PREFIX}float": re.compile(
        r"""(?: [-+]? (?: [0-9]+ \. [0-9]* | \. [0-9]+ ) (?: [eE] [-+]? [0-9]+ )?
              | [-+]? [0-9]+ [eE] [-+]? [0-9]+
              | [-+]? \. (?: inf | Inf | INF )
              | \. (?: nan | NaN | NAN ) ) \Z""",
        re.VERBOSE,
    ),
}
"""Tag → pattern of a plain scalar of that type. Anything that matches none of them is text."""


def construct(tag: str, value: str) -> bool | int | float | str | None:
    """Return the value of a scalar from its tag and its spelling.

    Raises:
        ValueError: no recipe may hold this value; the message says why.
    """
    return _CONSTRUCTORS.get(tag, check_printable)(value)


def check_printable(text: str) -> str:
    """Return the text if it has no control characters except newline and tab.

    Raises:
        ValueError: it has one, or a lone surrogate.
    """
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t":
            raise ValueError(f"contains a character that cannot be printed: {character!r}")
    return text


def check_int64(number: int) -> int:
    """Return the integer if it fits in 64 bits, as every format that we write to requires."""
    if not -(2**63) < number < 2**63:
        raise ValueError("is an integer that does not fit in 64 bits")
    return number


def check_finite(number: float) -> float:
    """Return the number if it is finite: infinity and NaN are no valid parameters."""
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    return number


def _null(value: str) -> None:
    if value == "":
        raise ValueError("has no value - write null for none, or {} for an empty mapping")


def _int(value: str) -> int:
    digits = value.lstrip("+-").lstrip("0") or "0"
    # int() of a very long text is slow, and beyond 4,300 digits an error: such numbers are refused.
    number = int(digits) if len(digits) < 20 else 2**63
    return check_int64(-number if value.startswith("-") else number)


def _float(value: str) -> float:
    return check_finite(float(value.lower().replace(".inf", "inf").replace(".nan", "nan")))


_CONSTRUCTORS: dict[str, Callable[[str], bool | int | float | str | None]] = {
    _NULL: _null,
    f"{_PREFIX}bool": lambda value: value == "true",
    f"{_PREFIX}int": _int,
    f"{_PREFIX}float": _float,
}


# --- reading -------------------------------------------------------------------------------------


@dataclass
class Reading:
    """A text as plain data, as far as it could be read, and every problem found in it."""

    file: str
    data: Any = None
    marks: Marks = field(default_factory=dict)
    """Line and column of each key and list item."""
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, mark: Mark, what: str, path: KeyPath = ()) -> None:
        """Record a problem."""
        place = (mark.line + 1, mark.column + 1)
        self.problems.append(Problem(self.file, *place, ".".join(path), what))


def read_text(path: Path, file: str) -> str:
    """Return the text of a recipe file; `file` is its name in messages.

    Raises:
        RecipeError: the file is missing, a directory, larger than 1 MiB, not UTF-8, or cannot be
            read.
    """
    try:
        if path.is_dir():
            raise refusal(file, "is a directory, not a recipe", "name the .yaml file in it")
        if not path.is_file():
            names = [each.name for each in path.parent.glob("*") if each.suffix in SUFFIXES]
            near = suggest(path.name, names)
            guess = f" - did you mean {str(Path(file).with_name(near))!r}?" if near else ""
            raise refusal(file, f"does not exist{guess}", "ganzoo recipes")
        if path.stat().st_size > MAX_BYTES:
            raise refusal(file, "is larger than 1 MiB", "a recipe is a page of text")
        return read_regular(path, MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise refusal(file, f"cannot be read: {error.strerror}", None) from error
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        problem = Problem(file, line, column, "", "is not UTF-8 text")
        raise RecipeError([problem], hint="save the file as UTF-8") from error


def refusal(file: str, what: str, hint: str | None) -> RecipeError:
    """Return the error for a file, or a word in its place, that is no readable recipe."""
    return RecipeError([Problem(file, 0, 0, "", what)], hint=hint)


def read_document(path: Path, file: str) -> Reading:
    """Return the mapping in a recipe file; `file` is its name in messages.

    Raises:
        RecipeError: the file cannot be read; or every problem of its text.
    """
    return load_document(read_text(path, file), file)


def load_document(text: str, file: str) -> Reading:
    """Return the mapping in the text of a recipe; `file` is its name in messages.

    Raises:
        RecipeError: every problem of the text.
    """
    reading = read_mapping(text, file)
    if reading.problems:
        raise RecipeError(sorted(reading.problems))
    return reading


def read_mapping(text: str, file: str) -> Reading:
    """Read a text that holds a mapping. `data` is a mapping even where there are problems."""
    reading = read(text, file)
    if not reading.problems and not isinstance(reading.data, dict):
        what = "the file is empty" if reading.data is None else "is not a mapping of keys to values"
        what += " - a recipe begins with `recipe: 1`"
        reading.problems.append(Problem(file, 1, 1, "", what))
    if not isinstance(reading.data, dict):
        reading.data = {}
    return reading


def read(text: str, file: str) -> Reading:
    """Read any text. `data` is None where its syntax is broken."""
    reading = Reading(file)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        reading.problems.append(Problem(file, 1, 1, "", "is larger than 1 MiB"))
        return reading
    root = _compose(text, reading)
    if root is not None:
        reading.data = _value(root, (), reading)
    return reading


class _LimitExceeded(Exception):
    """More than `MAX_DEPTH` or `MAX_VALUES`: stop reading."""


class _Loader(yaml.SafeLoader):
    """Composes nodes with our own table of scalars; reports anchors, aliases and tags."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # none of PyYAML's

    def __init__(self, text: str, reading: Reading) -> None:
        super().__init__(text)
        self.reading = reading
        self.depth = 0
        self.values = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            mark: Any = event.start_mark
            self.reading.refuse(mark, "aliases are not part of recipes - use `extends`")
            return yaml.ScalarNode(_NULL, "null", mark, mark)
        if event.anchor is not None:
            self.reading.refuse(event.start_mark, "anchors are not part of recipes - use `extends`")
            event.anchor = None
        if event.tag is not None:
            self.reading.refuse(event.start_mark, f"tags such as {event.tag!r} are not allowed")
            event.tag = None
        if self.depth == MAX_DEPTH:
            self.reading.refuse(event.start_mark, f"is nested more than {MAX_DEPTH} levels deep")
            raise _LimitExceeded
        if self.values == MAX_VALUES:
            what = f"is beyond the limit of {MAX_VALUES:,} keys and values"
            self.reading.refuse(event.start_mark, what)
            raise _LimitExceeded
        self.depth += 1
        self.values += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _compose(text: str, reading: Reading) -> yaml.Node | None:
    loader = None
    try:
        loader = _Loader(text, reading)
        return loader.get_single_node()
    except _LimitExceeded:
        pass
    except yaml.reader.ReaderError as error:
        where = _mark_of(text, int(error.position))
        reading.refuse(where, f"contains a character that YAML does not allow: {error.character!r}")
    except yaml.MarkedYAMLError as error:
        mark, words = _explain_syntax_error(error)
        reading.refuse(mark or _mark_of(text, 0), f"is not YAML: {words}")
    except (ValueError, OverflowError):  # PyYAML: "\UFFFFFFFF", or a version of 5,000 digits
        mark = loader.get_mark() if loader else _mark_of(text, 0)
        reading.refuse(mark, "is not YAML: an escape or a number that is out of range")
    return None


def _mark_of(text: str, position: int) -> Mark:
    before = text[:position]
    column = position - (before.rfind("\n") + 1)
    return Mark("", position, before.count("\n"), column, None, 0)


def _value(node: yaml.Node, path: KeyPath, reading: Reading) -> Any:
    reading.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, reading)
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [_value(item, (*path, str(index)), reading) for index, item in items]
    try:
        return construct(node.tag, node.value)
    except ValueError as error:
        reading.refuse(node.start_mark, str(error), path)
        return None


def _mapping(node: yaml.MappingNode, path: KeyPath, reading: Reading) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        what = _wrong_key(key_node)
        key = key_node.value
        if not what and key in data:
            what = f"is given twice, first in line {reading.marks[(*path, key)][0]}"
        if what:
            where = (*path, key) if isinstance(key, str) and key.isprintable() else path
            reading.refuse(key_node.start_mark, what, where)
            continue
        mark = key_node.start_mark
        reading.marks[(*path, key)] = (mark.line + 1, mark.column + 1)
        data[key] = _value(value_node, (*path, key), reading)
    return data


def _wrong_key(node: yaml.Node) -> str | None:
    if not isinstance(node, yaml.ScalarNode):
        return "a key must be one word, not a list or a mapping"
    if node.value == "<<":
        return "merge keys are not part of recipes - use `extends`"
    if not node.value or not node.value.isprintable():
        return "a key is empty or contains characters that cannot be printed"
    return None


_UNCLOSED = {"flow mapping": ("{", "}"), "flow sequence": ("[", "]")}


def _explain_syntax_error(error: yaml.MarkedYAMLError) -> tuple[Mark | None, str]:
    """Return the most useful place of a syntax error, and a plain description of it."""
    context, problem = error.context or "", error.problem or ""
    here, begun = error.problem_mark or error.context_mark, error.context_mark
    for name, (opening, closing) in _UNCLOSED.items():
        if name in context and begun:
            line = begun.line + 1
            what = f"the {opening!r} of line {line} is not closed, or a ',' is missing before this"
            return here, what if closing in problem else f"{what}: {problem}"
    if "quoted scalar" in context:
        return begun, "the quote that begins here is not closed"
    if "could not find expected ':'" in problem:
        return begun, "is not a `key: value` pair - a key is followed by a ':' and a space"
    if "mapping values are not allowed" in problem:
        return here, (
            "a ':' where no key is allowed - put text that contains one in quotes, and align the "
            "keys of a section"
        )
    if match := re.search(r"found character '(.+)' that cannot start any token", problem):
        if match[1] == "\\t":
            return here, "a tab - indent with spaces"
        return here, f"text cannot begin with {match[1]!r} - put it in quotes"
    if "found another document" in problem:
        return here, "a second document begins here - a recipe is one document"
    if "expected <block end>" in problem:
        return here, "is not in the same column as the lines around it"
    return here, ", ".join(part for part in (context, problem) if part)


# --- writing -------------------------------------------------------------------------------------

_NEVER_WRAP = 2**31


class _Dumper(yaml.SafeDumper):
    """Quotes text that our table or PyYAML's would read as another type; writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _tag, _pattern in PATTERNS.items():
    _Loader.add_implicit_resolver(_tag, _pattern, None)
    _Dumper.add_implicit_resolver(_tag, _pattern, None)


def to_yaml(data: Any) -> str:
    """Return plain data as a YAML document, keys in the order given."""
    return _dump(data, default_flow_style=False)


def yaml_line(value: Any) -> str:
    """Return plain data as YAML in one line."""
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    text = _dump(value, default_flow_style=True, default_style=style)
    return text.removesuffix("\n").removesuffix("\n...")


def _dump(value: Any, **style: Any) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_NEVER_WRAP, **style
    )
    return text
