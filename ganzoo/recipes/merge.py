"""The merge: a left fold over the layers of a recipe, from the root of `extends` to the overrides.

A layer is one file's data, or the overrides, and where each value was written. Mappings are merged
deeply; lists and scalars are replaced. A child that changes the component of a slot drops the
parameters inherited for the old component; a child that gives one budget (`train.steps` or
`train.samples`) drops the other. Nulls stay in the data until the last layer is merged; then
`without_nulls` removes the slots that hold them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ganzoo.errors import Problem, truncate
from ganzoo.recipes.schema import BOTH, BUDGETS, DEFAULT_IDS, MAPS, NAMED_BY_KEY, SIDES, kind_of
from ganzoo.recipes.yaml import KeyPath, Marks
from ganzoo.registry.names import qualify, shorten

COMMAND_LINE = "command line"
OVERRIDES = "overrides"
"""Name in messages of overrides that are given as a mapping in Python."""
NOWHERE = (0, 0)
"""Line and column of values that are not in a file."""

Place = TypeVar("Place")


# --- paths in plain data -------------------------------------------------------------------------


def children(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a mapping, or the positions of a list, with their values."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(index), each) for index, each in enumerate(value))


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of a value and of everything inside it, outer paths first."""
    yield path
    for key, each in children(value):
        yield from paths(each, (*path, key))


def value_at(data: Any, path: KeyPath) -> Any:
    """Return the value at `path`, or None if there is none."""
    for key in path:
        data = dict(children(data)).get(key)
    return data


def component_paths(data: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every component slot that has a value."""
    if kind_of(path):
        yield path
        return
    for key, each in children(data):
        yield from component_paths(each, (*path, key))


def long_form(value: Any, path: KeyPath = ()) -> Any:
    """Return the value with every short component ``name`` written as ``{use: name}``."""
    if kind_of(path):
        return {"use": value} if isinstance(value, str) else value
    if isinstance(value, dict):
        return {key: long_form(each, (*path, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [long_form(each, (*path, str(index))) for index, each in enumerate(value)]
    return value


def component_at(data: Any, path: KeyPath) -> str | None:
    """Return the full id of the component of the slot at `path`; None if it names none.

    An optimizer of one player without `use` is that of ``both``.
    """
    node = value_at(data, path)
    use = node.get("use") if isinstance(node, dict) else None
    if isinstance(use, str):
        return qualify(use)
    if path in SIDES:
        return component_at(data, BOTH)
    if path[0] in NAMED_BY_KEY:
        return qualify(path[-1])
    return qualify(DEFAULT_IDS[path]) if path in DEFAULT_IDS else None


# --- layers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Origin:
    """Where a value was written. Line and column count from 1; both are 0 for an override."""

    file: str
    line: int
    column: int
    directory: Path = field(compare=False)
    """Directory that a relative path written there is relative to."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Layer:
    """One source of a recipe (a file or the overrides), or several sources merged.

    `data` has every component in long form; `origins` has every path of `data`, including the root
    `()`; `notes` says what merging dropped.
    """

    data: dict[str, Any]
    origins: dict[KeyPath, Origin]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: dict[str, Any], marks: Marks, file: str, directory: Path) -> "Layer":
        """Return the layer of one source. `file` is its name in messages."""
        data = long_form(data)
        places = {path: nearest(marks, path) for path in paths(data)}
        return cls(data, {path: Origin(file, *each, directory) for path, each in places.items()})

    def without(self, *keys: str) -> "Layer":
        """Return the layer without some of its top-level keys."""
        data = {key: value for key, value in self.data.items() if key not in keys}
        origins = {path: each for path, each in self.origins.items() if not {*path[:1]} & {*keys}}
        return Layer(data, origins, self.notes)


def nearest(places: dict[KeyPath, Place], path: KeyPath) -> Place:
    """Return the place of `path`, or of the closest enclosing path that has one."""
    while path and path not in places:
        path = path[:-1]
    return places[path]


def problem_at(origins: dict[KeyPath, Origin], path: KeyPath, what: str) -> Problem:
    """Return a problem located where `path`, or the closest value around it, was written."""
    origin = nearest(origins, path)
    return Problem(origin.file, origin.line, origin.column, truncate(".".join(path), 200), what)


# --- merging -------------------------------------------------------------------------------------

_REMOVABLE = (
    *(
        (section,)
        for section in (*MAPS, "augmentation", "latent", "optimizers", "init", "requires")
    ),
    ("train", "ema"),
    ("train", "stop"),
    ("eval", "sampling"),
)
"""Paths, in addition to component slots, that null resets to their defaults."""

_NULL_MEANS_NONE = (("eval", "extractor"),)
"""Slots in which null is a value."""


class Note(NamedTuple):
    """A side effect of merging that the user should know about, or a problem."""

    path: KeyPath
    words: str


def fold(layers: Iterable[Layer]) -> Layer:
    """Merge the layers from left to right; later layers win."""
    return reduce(merge_layers, layers)


def merge_layers(base: Layer, child: Layer) -> Layer:
    """Merge two layers; values that the child gives have the child's origin."""
    data, notes = merge(base.data, child.data)
    origins = {path: _origin(path, base, child) for path in paths(data)}
    words = (note_line(note, child.origins) for note in notes)
    return Layer(data, origins, (*base.notes, *words, *child.notes))


def _origin(path: KeyPath, base: Layer, child: Layer) -> Origin:
    """Return the origin of one merged value: the child's if the child gives it.

    Exception: a mapping of which an override changes only a part keeps its place in the file. An
    override that names the component of a slot has the slot's place.
    """
    if path not in child.origins:
        return base.origins[path]
    given = value_at(child.data, path)
    changed_inside = path in base.origins and isinstance(given, dict) and "use" not in given
    if changed_inside and not child.origins[path].line:
        return base.origins[path]
    return child.origins[path]


def note_line(note: Note, origins: dict[KeyPath, Origin]) -> str:
    """Return a note as a line of text with its location."""
    return f"{nearest(origins, note.path)}  {'.'.join(note.path)}  {note.words}"


def merge(base: dict[str, Any], child: dict[str, Any]) -> tuple[dict[str, Any], list[Note]]:
    """Merge the data of two layers, both with their components in long form."""
    merged = _deep(base, child)
    notes = [
        *_drop_parameters(base, child, merged),
        *_drop_budget(base, child, merged),
        *_nothing_removed(base, child),
    ]
    return merged, notes


def null_removes(path: KeyPath) -> bool:
    """Return whether null removes the inherited value at `path`."""
    slot = kind_of(path) is not None and path not in _NULL_MEANS_NONE
    group = path[:1] == ("optimizers",) and path[2:3] == ("groups",) and len(path) <= 4
    return slot or group or path in _REMOVABLE


def without_nulls(data: Any, path: KeyPath = ()) -> Any:
    """Return merged data, or the part of it at `path`, without the slots that null removed."""
    if not isinstance(data, dict):
        return data
    return {
        key: without_nulls(value, (*path, key))
        for key, value in data.items()
        if value is not None or not null_removes((*path, key))
    }


def _deep(base: Any, child: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(child, dict)):
        return child
    merged = dict(base)
    for key, value in child.items():
        merged[key] = _deep(base[key], value) if key in base else value
    return merged


def _drop_parameters(
    base: dict[str, Any], child: dict[str, Any], merged: dict[str, Any]
) -> Iterator[Note]:
    """Drop from `merged` the parameters that `base` set for components that `child` replaced."""
    for path in component_paths(base):
        before, now = component_at(base, path), component_at(merged, path)
        inherited, given = value_at(base, path), value_at(child, path)
        slots = value_at(merged, path[:-1])
        if before in (None, now) or not isinstance(inherited, dict) or not isinstance(slots, dict):
            continue
        if not isinstance(slots.get(path[-1]), dict):
            continue
        if given is None:  # an optimizer of one side, changed by `both`
            del slots[path[-1]]
        else:
            slots[path[-1]] = given
        dropped = [key for key in inherited if key != "use" and key not in (given or {})]
        if dropped:
            words = f"is now {_name(now)}; dropped parameters of {_name(before)}: "
            yield Note(path, words + ", ".join(map(truncate, dropped)))


def _drop_budget(
    base: dict[str, Any], child: dict[str, Any], merged: dict[str, Any]
) -> Iterator[Note]:
    """Drop the budget of `base` if `child` gives the other one."""
    given = [key for key in BUDGETS if value_at(child, ("train", key)) is not None]
    if len(given) == 1:
        (other,) = set(BUDGETS) - set(given)
        if value_at(base, ("train", other)) is not None:
            merged["train"].pop(other, None)
            yield Note(("train", given[0]), f"replaces train.{other}")


def _nothing_removed(base: dict[str, Any], child: dict[str, Any]) -> Iterator[Note]:
    for section in MAPS:
        if child.get(section) == {} and base.get(section):
            what = "is empty and removes nothing; null removes every inherited entry"
            yield Note((section,), what)
        for key, value in children(child.get(section)):
            if value is None and value_at(base, (section, key)) is None:
                what = "is null, but there is no inherited entry of this name to remove"
                yield Note((section, key), what)


def _name(identifier: str | None) -> str:
    return truncate(repr(shorten(identifier or "")))
