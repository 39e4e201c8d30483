"""Name experiments; distinguish those of one name by the keys in which their locks differ."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ganzoo.recipes.lock import experiment
from ganzoo.recipes.schema import Mark, marked
from ganzoo.registry.names import shorten
from ganzoo.report.entries import Entry

NOT_IN_NAMES = (*marked(Mark.ABOUT), "lock")
"""Outermost keys of a lock that never distinguish experiments."""

OF_CODE = (".revision", ".code")
"""Suffixes of the keys of leaves about code."""

OWN = ("name", "seed")
"""Keys of a single run, which a condition can also name."""


class Leaf(NamedTuple):
    """One value of a lock."""

    value: Any
    """As the lock has it."""
    counted: str | None
    """Its part in the experiment, as text; None for a default and for keys that do not count."""


Leaves = dict[str, Leaf]


def names_of(experiments: Mapping[str, Entry]) -> dict[str, str]:
    """Return a name for each experiment; equal names are followed by the keys that differ.

    The keys are written as overrides that would turn one experiment into the other. Only as many
    are shown as distinguish all experiments of the name; the rest is counted. Samples that no run
    made have no recipe, and keep their name.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    names = {identifier: example.name for identifier, example in experiments.items()}
    for identifier, example in experiments.items():
        if example.kind == "run":
            alike[example.name].append(identifier)
    for name, same in alike.items():
        alone = len(same) == 1  # its lock need not be read, which matters with many runs
        marks = [""] if alone else _marks([experiments[each].lock for each in same])
        for identifier, mark in zip(same, marks, strict=True):
            names[identifier] = f"{name} ({mark})" if mark else name
    return names


def _marks(locks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the text that distinguishes each lock from the others; empty for a single one."""
    leaves = _with_both([_leaves(lock) for lock in locks])
    differing = _differing(leaves)
    shown = _enough(differing, leaves)
    rest = [key for key in differing if key not in shown and not key.endswith(OF_CODE)]
    more = [f"and {len(rest)} more"] if rest else []
    return [", ".join([_override(key, each) for key in shown] + more) for each in leaves]


def leaves_of(lock: Mapping[str, Any]) -> dict[str, Any]:
    """Return every key that a condition can name, with its value.

    Settings that both optimizers share are under their own keys and under ``optimizers.both``.
    """
    leaves = _leaves(lock)
    (folded,) = _with_both([leaves])
    values = {key: each.value for key, each in (leaves | folded).items() if each.value is not None}
    code = {key: value for key, value in lock.get("lock", {}).items() if key != "defaults"}
    own = {key: lock[key] for key in OWN if key in lock}
    return own | values | dict(_walk({"lock": code}, ()))


def differences_of(locks: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Return each key in which locks differ, with every lock's value, ``-`` if it has none."""
    leaves = _with_both([_leaves(lock) for lock in locks])
    keys = _differing(leaves)
    return [(key, [_value(key, each) or "-" for each in leaves]) for key in keys]


def _leaves(lock: Mapping[str, Any]) -> Leaves:
    """Return ``a.b.c`` → value of a lock, in its order, without the keys that only describe.

    The leaf at a component's path is its id. Its revision is a leaf too, and so is the code of a
    ``--plugin`` file.
    """
    counting = experiment(lock)
    code = counting.pop("lock")
    kept = dict(_walk(counting, ()))
    described = {key: value for key, value in lock.items() if key not in NOT_IN_NAMES}
    leaves = {
        key: Leaf(value, repr(kept[key]) if key in kept else None)
        for key, value in _walk(described, ())
    }
    revisions = {"engine.revision": code["engine"]}
    for slot, each in code["components"].items():
        revisions[f"{slot}.revision"] = each.get("revision")
        if "code_sha256" in each:
            revisions[f"{slot}.code"] = each["code_sha256"][:8]
    return leaves | {key: Leaf(value, repr(value)) for key, value in revisions.items()}


def _with_both(leaves: Sequence[Leaves]) -> list[Leaves]:
    """Return the leaves, with those that both optimizers share moved to ``optimizers.both``."""
    first, second = "optimizers.generator", "optimizers.discriminator"
    twins = {
        key: second + key.removeprefix(first)
        for key in dict.fromkeys(key for each in leaves for key in each)
        if key == first or key.startswith(f"{first}.")
    }
    shared = {
        key: "optimizers.both" + key.removeprefix(first)
        for key, twin in twins.items()
        if all(each.get(key) == each.get(twin) for each in leaves)
    }
    dropped = {twins[key] for key in shared}
    return [
        {shared.get(key, key): value for key, value in each.items() if key not in dropped}
        for each in leaves
    ]


def _walk(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        if "use" in tree:
            yield ".".join(path), shorten(str(tree["use"]))
        for key, value in tree.items():
            if key != "use":
                yield from _walk(value, (*path, str(key)))
    else:
        yield ".".join(path), tree


def _differing(leaves: Sequence[Leaves]) -> list[str]:
    """Return the keys by which experiments differ, components before parameters, code last.

    If components differ, their parameters are not listed as well.
    """
    keys = list(dict.fromkeys(key for each in leaves for key in each))
    differing = [key for key in keys if len({_counted(each, key) for each in leaves}) > 1]
    nodes = {key for key in differing if any(other.startswith(f"{key}.") for other in keys)}
    own = [key for key in differing if not any(key.startswith(f"{node}.") for node in nodes)]
    return sorted(own, key=lambda key: (key.endswith(OF_CODE), key not in nodes))


def _counted(leaves: Leaves, key: str) -> str | None:
    return leaves[key].counted if key in leaves else None


def _enough(differing: Iterable[str], leaves: Sequence[Leaves]) -> list[str]:
    """Return the first keys that distinguish all locks, without those that add nothing."""
    chosen: list[str] = []
    distinct = 1
    for key in differing:
        kinds = len({tuple(_counted(each, other) for other in (*chosen, key)) for each in leaves})
        if kinds > distinct:
            chosen.append(key)
            distinct = kinds
    return chosen


def _override(key: str, leaves: Leaves) -> str:
    value = _value(key, leaves)
    return f"no {key}" if value is None else f"{key}={value}"


def _value(key: str, leaves: Leaves) -> str | None:
    leaf = leaves.get(key)
    return None if leaf is None or leaf.value is None else _word(leaf.value)


def _word(value: Any) -> str:
    """Return a value as in a recipe; a component in a list by its name."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_word, value))}]"
    if isinstance(value, Mapping) and "use" in value:
        return shorten(str(value["use"]))
    return str(value)
