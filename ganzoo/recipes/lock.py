"""`recipe.lock.yaml`: a recipe with every choice made, and the experiment that it identifies.

A lock is a recipe with one more key, `lock`: the revisions and versions of the code, and the
defaults that the recipe left alone. Two runs belong to one experiment if their locks agree in
everything that changes numbers; see `experiment`. No plugin is imported to find that out.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ganzoo.errors import Problem, RecipeError
from ganzoo.recipes.overrides import plain
from ganzoo.recipes.schema import (
    Group,
    Mark,
    Node,
    RegularizerNode,
    Settings,
    marked,
    models_in,
)
from ganzoo.recipes.show import settings_data
from ganzoo.recipes.yaml import read_document, to_yaml
from ganzoo.runs.files import write_atomic

ENGINE_REVISION = 2
"""Revision of the core's own computation. Raise it when the core computes other numbers, or when a
recipe key gets another default."""

NOT_THE_EXPERIMENT = frozenset(marked(Mark.ABOUT, Mark.CADENCE, Mark.EXECUTION))
"""Keys in which runs of one experiment may differ."""

COUNTS = ("revision", "code_sha256")
"""Facts about a component's code that belong to the experiment: its revision, or, for a
``--plugin`` file, which has no revision, the hash of its code without comments."""

RECORDED = ("distribution", "version", "source_sha256")
"""Facts about a component's code that are recorded only."""

_ORDER = (*Settings.model_fields, "lock")
_MISSING = object()

Tree = dict[str, Any]


# --- the file ------------------------------------------------------------------------------------


def write_lock(path: Path, lock: Mapping[str, Any]) -> None:
    """Write a lock: plain data, its outermost keys in the order of the schema.

    The order of inner keys is kept: that of regularizers decides how a sum of terms is rounded.
    """
    ordered = {key: plain(lock[key]) for key in sorted(lock, key=_ORDER.index)}
    write_atomic(path, to_yaml(ordered).encode())


def read_lock(path: Path) -> Tree:
    """Return the lock in a file.

    Raises:
        RecipeError: the file cannot be read, or is not a lock.
    """
    lock: Tree = read_document(path, str(path)).data
    if not isinstance(lock.get("lock"), dict):
        problem = Problem(str(path), 1, 1, "lock", "is missing: this file is not a lock")
        raise RecipeError([problem])
    return lock


def identity(lock: Mapping[str, Any], path: Path, folder: str | None = None) -> dict[str, str]:
    """Return what a list of many runs needs from a lock, for run.json; see `is_current`.

    Args:
        folder: name of the folder or file with the data; None: the last part of its path.
    """
    return {
        "sha256": file_hash(path),
        "rules": _digest(sorted(NOT_THE_EXPERIMENT)),
        "experiment": experiment_id(lock),
        "code": _digest(code(lock)),
        "dataset": str(lock["dataset"]["use"]),
        "folder": folder_of(lock) if folder is None else folder,
    }


def is_current(known: Mapping[str, Any], path: Path) -> bool:
    """Return whether an `identity` is still that of the lock in a file, which need not be read."""
    rules = _digest(sorted(NOT_THE_EXPERIMENT))
    return known.get("sha256") == file_hash(path) and known.get("rules") == rules


def file_hash(path: Path) -> str:
    """Return the sha256 of a file in hex; empty if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


# --- the experiment ------------------------------------------------------------------------------


def experiment_id(lock: Mapping[str, Any]) -> str:
    """Return 12 hex digits that the seeds of one experiment share."""
    return _digest(experiment(lock))


def experiment(lock: Mapping[str, Any], without: tuple[str, ...] = ()) -> Tree:
    """Return the part of a lock that identifies its experiment, as a smaller lock.

    That is: component ids, their revisions, the parameters and keys that change numbers, and the
    engine's revision. Left out is each key or parameter that equals its default at the time of the
    lock, so that a default added by a later version changes nothing. Data that has moved
    counts with its first path.

    Args:
        without: further keys to leave out, as ``section.key``.
    """
    about = lock.get("lock", {})
    if moved := about.get("moved"):
        lock = {**lock, "dataset": {**lock["dataset"], **moved}}
    dropped = NOT_THE_EXPERIMENT.union(without, ["lock"])
    defaults = about.get("defaults")
    tree = _pruned(lock, (), dropped, defaults if isinstance(defaults, dict) else {})
    components = {
        slot: {name: each[name] for name in COUNTS if name in each}
        for slot, each in locked_components(lock).items()
        if slot.partition(".")[0] not in dropped
    }
    return {**tree, "lock": {"engine": about.get("engine"), "components": components}}


def data_paths(lock: Mapping[str, Any]) -> dict[str, str]:
    """Return ``dataset.NAME`` → path of each parameter of a lock's data set that is a path."""
    return {
        f"dataset.{name}": value
        for name, value in lock["dataset"].items()
        if isinstance(value, str) and os.path.isabs(value)
    }


def folder_of(lock: Mapping[str, Any]) -> str:
    """Return the last part of the path of a lock's data; empty if it has none."""
    path = data_paths(lock).get("dataset.path")
    return Path(path).name if path else ""


def locked_components(lock: Mapping[str, Any]) -> dict[str, Tree]:
    """Return the recorded facts about each component's code, by slot."""
    components = lock.get("lock", {}).get("components")
    found = components.items() if isinstance(components, dict) else ()
    return {slot: each for slot, each in found if isinstance(each, dict)}


def code(lock: Mapping[str, Any]) -> Tree:
    """Return the recorded facts about the code that are not part of the experiment."""
    about = lock.get("lock", {})
    components = {
        slot: {name: each.get(name) for name in RECORDED}
        for slot, each in locked_components(lock).items()
    }
    return {"ganzoo": about.get("ganzoo"), "torch": about.get("torch"), "components": components}


def code_differences(locks: Sequence[Mapping[str, Any]], between: str = ", ") -> list[str]:
    """Return the versions and sources that differ among these locks, in words.

    Args:
        between: separator of the values of one item.
    """
    values: dict[str, list[Any]] = {}
    sources: dict[str, list[Any]] = {}
    for lock in locks:
        versions = {name: lock["lock"].get(name) for name in ("ganzoo", "torch")}
        for slot, each in locked_components(lock).items():
            versions |= {str(each.get("distribution")): each.get("version")}
            sources.setdefault(f"source of {slot} ({each.get('id')})", []).append(
                each.get("source_sha256")
            )
        for name, version in versions.items():
            values.setdefault(name, []).append(version)
    distinct = {name: list(dict.fromkeys(filter(None, found))) for name, found in values.items()}
    words = [f"{name} {between.join(map(str, v))}" for name, v in distinct.items() if len(v) > 1]
    return words + [name for name, found in sources.items() if len(set(found)) > 1]


def _pruned(tree: Any, path: tuple[str, ...], dropped: frozenset[str], defaults: Tree) -> Any:
    """Return a copy of a lock without the keys that are dropped or equal their default."""
    if isinstance(tree, list):
        return [_pruned(each, (*path, str(n)), dropped, defaults) for n, each in enumerate(tree)]
    if not isinstance(tree, Mapping):
        return tree
    kept = {}
    for key, value in tree.items():
        below = (*path, str(key))
        name = ".".join(below)
        if name not in dropped and not (name in defaults and _same(value, defaults[name])):
            kept[str(key)] = _pruned(value, below, dropped, defaults)
    return kept


def _same(one: Any, other: Any) -> bool:
    """Return whether two plain values are equal; 1 is 1.0 but not true."""
    return _canonical(one) == _canonical(other)


def _digest(value: Any) -> str:
    return hashlib.sha256(_canonical(value).encode()).hexdigest()[:12]


def _canonical(value: Any) -> str:
    """Return plain data as JSON in one spelling: sorted keys, and 1.0 for 1."""
    return json.dumps(_floats(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _floats(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _floats(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_floats(each) for each in value]
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole and abs(value) < 2**53 else value


# --- defaults ------------------------------------------------------------------------------------


def defaults_in(recipe: Mapping[str, Any], parameters: Mapping[tuple[str, ...], Tree]) -> Tree:
    """Return ``a.b.c`` → value of each key and parameter of a recipe that equals its default.

    A section in which every key equals its default is one entry.

    Args:
        recipe: all of it, as plain data.
        parameters: slot → the defaults of its component's parameters.
    """
    found = dict(_settings_defaults(Settings, recipe, ()))
    for slot, defaults in parameters.items():
        node: Any = recipe
        for step in slot:
            node = node[int(step)] if isinstance(node, list) else node[step]
        if slot[0] == "regularizers":
            own = RegularizerNode(use="any")
            defaults = {**defaults, "weight": own.weight, "every_steps": own.every_steps}
        for name, default in defaults.items():
            if name in node and _same(node[name], default):
                found[".".join((*slot, name))] = node[name]
        for label, group in node.get("groups", {}).items() if slot[0] == "optimizers" else ():
            found |= _settings_defaults(Group, group, (*slot, "groups", label))
    return {key: value for key, value in found.items() if key not in NOT_THE_EXPERIMENT}


def _settings_defaults(
    model: type[BaseModel], tree: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        value, below = tree.get(name, _MISSING), (*path, name)
        default = _MISSING if field.is_required() else settings_data(field.default)
        models = models_in(field)
        if value is _MISSING or (any(issubclass(each, Node) for each in models) and value):
            continue  # a component counts, even the default one: its revision may change
        if default is not _MISSING and _same(value, default):
            yield ".".join(below), value
        elif isinstance(value, Mapping):
            for part in models:
                yield from _settings_defaults(part, value, below)
