"""The merge: a left fold over the layers of a recipe, from the root of `extends` to the overrides.

Deep for mappings; lists and scalars are replaced whole. A child that changes which component a
slot means drops the parameters that were inherited for the other one; a child that gives one
budget (`train.steps` or `train.samples`) drops the other. Null stays in the data until the last
layer is in; then `without_nulls` removes the slots that hold it.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any, NamedTuple

from ganzoo.recipes.component_paths import (
    MAPS,
    KeyPath,
    at,
    children,
    component_at,
    component_paths,
    kind_of,
    paths,
)
from ganzoo.recipes.scalars import shortened
from ganzoo.recipes.schema import BUDGETS
from ganzoo.recipes.source import Layer, Origin, nearest
from ganzoo.registry.names import shorten

_REMOVABLE = (
    *(
        (section,)
        for section in (*MAPS, "augmentation", "latent", "optimizers", "init", "requires")
    ),
    ("train", "ema"),
    ("train", "stop"),
)
"""Beside components: what null takes away, so that its default is in force."""

_NULL_MEANS_NONE = (("eval", "extractor"),)
"""Slots in which null is a value of its own."""


class Note(NamedTuple):
    """Something that a merge did and nobody asked for in so many words."""

    path: KeyPath
    words: str


def fold(layers: Iterable[Layer]) -> Layer:
    """Merge the layers from left to right; the last one wins."""
    return reduce(merge_layers, layers)


def merge_layers(base: Layer, child: Layer) -> Layer:
    """Merge two layers; what the child says has the child's origin."""
    data, notes = merge(base.data, child.data)
    origins = {path: _origin(path, base, child) for path in paths(data)}
    words = (told(note, child.origins) for note in notes)
    return Layer(data, origins, (*base.notes, *words, *child.notes))


def _origin(path: KeyPath, base: Layer, child: Layer) -> Origin:
    """Return the origin of one merged value: the child's if it says anything of it.

    But a mapping that an override only reaches into stays where the file has it.
    """
    if path not in child.origins:
        return base.origins[path]
    reached_into = path in base.origins and isinstance(at(child.data, path), dict)
    if reached_into and not child.origins[path].line:
        return base.origins[path]
    return child.origins[path]


def told(note: Note, origins: dict[KeyPath, Origin]) -> str:
    """Return a note as a line of text, with its place."""
    return f"{nearest(origins, note.path)}  {'.'.join(note.path)}  {note.words}"


def merge(base: dict[str, Any], child: dict[str, Any]) -> tuple[dict[str, Any], list[Note]]:
    """Merge the data of two layers, both with their components in long form."""
    merged = _deep(base, child)
    notes = [
        *_drop_parameters(base, child, merged),
        *_drop_budget(base, child, merged),
        *_nothing_to_remove(base, child),
    ]
    return merged, notes


def removable(path: KeyPath) -> bool:
    """Whether null takes away what was inherited at `path`."""
    slot = kind_of(path) is not None and path not in _NULL_MEANS_NONE
    group = path[:1] == ("optimizers",) and path[2:3] == ("groups",) and len(path) <= 4
    return slot or group or path in _REMOVABLE


def without_nulls(data: dict[str, Any]) -> dict[str, Any]:
    """Return merged data less the slots that null removed."""

    def kept(value: Any, path: KeyPath) -> Any:
        if not isinstance(value, dict):
            return value
        items = ((key, each, (*path, key)) for key, each in value.items())
        return {
            key: kept(each, inner)
            for key, each, inner in items
            if each is not None or not removable(inner)
        }

    result: dict[str, Any] = kept(data, ())
    return result


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
    """Drop from `merged` what `base` set for components that `child` changed for others."""
    for path in component_paths(base):
        before, now = component_at(base, path), component_at(merged, path)
        inherited, given = at(base, path), at(child, path)
        slots = at(merged, path[:-1])
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
            words = f"is now {_name(now)}; dropped, as set for {_name(before)}: "
            yield Note(path, words + ", ".join(map(shortened, dropped)))


def _drop_budget(
    base: dict[str, Any], child: dict[str, Any], merged: dict[str, Any]
) -> Iterator[Note]:
    """Let the one budget that `child` gives replace the other one that `base` gave."""
    given = [key for key in BUDGETS if at(child, ("train", key)) is not None]
    if len(given) == 1:
        (other,) = set(BUDGETS) - set(given)
        if at(base, ("train", other)) is not None:
            merged["train"].pop(other, None)
            yield Note(("train", given[0]), f"replaces train.{other}")


def _nothing_to_remove(base: dict[str, Any], child: dict[str, Any]) -> Iterator[Note]:
    for section in MAPS:
        for key, value in children(child.get(section)):
            if value is None and at(base, (section, key)) is None:
                yield Note((section, key), "is null, but there is nothing of that name to remove")


def _name(identifier: str | None) -> str:
    return shortened(repr(shorten(identifier or "")))
