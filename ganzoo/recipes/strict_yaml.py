"""YAML that reads as people expect it to, with the line and column of everything in it.

What differs from PyYAML's safe loader: ``2e-4`` is a number, only ``true`` and ``false`` are
booleans, ``012`` is twelve, there are no dates, sexagesimals, octals or underscores. Refused are
duplicate keys, anchors, aliases, merge keys, tags, empty values, numbers that are not finite or
need more than 64 bits, control characters, and more than `MAX_DEPTH` levels, `MAX_VALUES` values or
`MAX_BYTES` bytes.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.error import Mark

from ganzoo.errors import Problem, RecipeError
from ganzoo.recipes.component_paths import KeyPath
from ganzoo.recipes.scalars import NULL, PATTERNS, construct
from ganzoo.recipes.syntax import explained

MAX_BYTES = 2**20
MAX_DEPTH = 32
MAX_VALUES = 5000
"""Keys, values and items together; a lock has some 400."""

Marks = dict[KeyPath, tuple[int, int]]


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data; `marks` says where each key and list item stands, from 1."""

    data: dict[str, Any]
    marks: Marks


@dataclass
class Reading:
    """What could be read of a text, and every problem met on the way."""

    file: str
    data: Any = None
    marks: Marks = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, mark: Mark, what: str, path: KeyPath = ()) -> None:
        """Note a problem."""
        place = (mark.line + 1, mark.column + 1)
        self.problems.append(Problem(self.file, *place, ".".join(path), what))


def load_document(text: str, file: str) -> Document:
    """Return the mapping that a recipe's text holds; `file` is its name in messages.

    Raises:
        RecipeError: every problem of the text.
    """
    reading = read_mapping(text, file)
    if reading.problems:
        raise RecipeError(sorted(reading.problems))
    return Document(reading.data, reading.marks)


def read_mapping(text: str, file: str) -> Reading:
    """Read a text that holds a mapping; `data` is one even where there are problems."""
    reading = read(text, file)
    if not reading.problems and not isinstance(reading.data, dict):
        what = "the file is empty" if reading.data is None else "is not a mapping of keys to values"
        what += " - a recipe begins with `recipe: 1`"
        reading.problems.append(Problem(file, 1, 1, "", what))
    if not isinstance(reading.data, dict):
        reading.data = {}
    return reading


def read(text: str, file: str) -> Reading:
    """Read any text; where its syntax is broken, `data` is None."""
    reading = Reading(file)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        reading.problems.append(Problem(file, 1, 1, "", "is larger than 1 MiB"))
        return reading
    root = _compose(text, reading)
    if root is not None:
        reading.data = _value(root, (), reading)
    return reading


# --- syntax --------------------------------------------------------------------------------------


class _Bomb(Exception):
    """More than `MAX_DEPTH` or `MAX_VALUES`; reading any further would only feed it."""


class _Loader(yaml.SafeLoader):
    """Composes nodes under our own table of scalars; notes anchors, aliases and tags."""

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
            return yaml.ScalarNode(NULL, "null", mark, mark)
        if event.anchor is not None:
            self.reading.refuse(event.start_mark, "anchors are not part of recipes - use `extends`")
            event.anchor = None
        if event.tag is not None:
            self.reading.refuse(event.start_mark, f"tags such as {event.tag!r} are not allowed")
            event.tag = None
        if self.depth == MAX_DEPTH:
            self.reading.refuse(event.start_mark, f"is nested more than {MAX_DEPTH} levels deep")
            raise _Bomb
        if self.values == MAX_VALUES:
            what = f"is beyond the {MAX_VALUES:,} keys and values that a recipe may have"
            self.reading.refuse(event.start_mark, what)
            raise _Bomb
        self.depth += 1
        self.values += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _pattern in PATTERNS.items():
    _Loader.add_implicit_resolver(_tag, _pattern, None)


def _compose(text: str, reading: Reading) -> yaml.Node | None:
    loader = None
    try:
        loader = _Loader(text, reading)
        return loader.get_single_node()
    except _Bomb:
        pass
    except yaml.reader.ReaderError as error:
        where = _mark_of(text, int(error.position))
        reading.refuse(where, f"holds a character that YAML does not allow: {error.character!r}")
    except yaml.MarkedYAMLError as error:
        mark, words = explained(error)
        reading.refuse(mark or _mark_of(text, 0), f"is not YAML: {words}")
    except (ValueError, OverflowError):  # PyYAML: "\UFFFFFFFF", or a version of 5,000 digits
        mark = loader.get_mark() if loader else _mark_of(text, 0)
        reading.refuse(mark, "is not YAML: an escape or a number that is out of range")
    return None


def _mark_of(text: str, position: int) -> Mark:
    before = text[:position]
    column = position - (before.rfind("\n") + 1)
    return Mark("", position, before.count("\n"), column, None, 0)


# --- values --------------------------------------------------------------------------------------


def _value(node: yaml.Node, path: KeyPath, reading: Reading) -> Any:
    reading.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, reading)
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [_value(item, (*path, str(place)), reading) for place, item in items]
    return _scalar(node, path, reading)


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
        return "a key is one word, not a list or a mapping"
    if node.value == "<<":
        return "merge keys are not part of recipes - use `extends`"
    if not node.value or not node.value.isprintable():
        return "a key is empty or holds characters that cannot be printed"
    return None


def _scalar(node: yaml.Node, path: KeyPath, reading: Reading) -> Any:
    try:
        return construct(node.tag, node.value)
    except ValueError as error:
        reading.refuse(node.start_mark, str(error), path)
        return None
