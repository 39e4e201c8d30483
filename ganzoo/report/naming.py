"""Name experiments, and tell those of one name apart by what differs between their locks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ganzoo.recipes.lock import experiment
from ganzoo.recipes.schema import Mark, marked
from ganzoo.registry.names import shorten
from ganzoo.report.entries import Entry

NOT_IN_NAMES = (*marked(Mark.ABOUT), "lock")
"""Outermost keys of a lock that set no experiment apart."""

OF_CODE = (".revision", ".code")
"""Ends of the keys of leaves that are about code."""

OWN = ("name", "seed")
"""Keys of a run's own, which a condition can ask for although no experiment has them."""


class Leaf(NamedTuple):
    """One value of a lock."""

    value: Any
    """As the lock has it."""
    counted: str | None
    """What of it makes the experiment, as text; None for a default, and if it changes nothing."""


Leaves = dict[str, Leaf]


def names_of(experiments: Mapping[str, Entry]) -> dict[str, str]:
    """Return a name for each experiment; those of one name are told apart by what differs.

    What is told is written as the overrides that would make one of the other, and no more of it
    than sets all of one name apart; how many further keys differ is counted. Samples that no run
    made have no recipe, and keep their name.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    names = {identifier: example.name for identifier, example in experiments.items()}
    for identifier, example in experiments.items():
        if example.kind == "run":
            alike[example.name].append(identifier)
    for name, same in alike.items():
        alone = len(same) == 1  # and its lock, of a thousand, need not be read
        marks = [""] if alone else _marks([experiments[each].lock for each in same])
        for identifier, mark in zip(same, marks, strict=True):
            names[identifier] = f"{name} ({mark})" if mark else name
    return names


def _marks(locks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what sets each lock apart from the others; empty for a single one."""
    leaves = _with_both([_leaves(lock) for lock in locks])
    differing = _differing(leaves)
    told = _enough(differing, leaves)
    untold = [key for key in differing if key not in told and not key.endswith(OF_CODE)]
    more = [f"and {len(untold)} more"] if untold else []
    return [", ".join([_said(key, each) for key in told] + more) for each in leaves]


def leaves_of(lock: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a condition can ask for: every key, the name and the seed.

    What both optimizers share stands under their own keys and under ``optimizers.both``.
    """
    leaves = _leaves(lock)
    (folded,) = _with_both([leaves])
    values = {key: each.value for key, each in (leaves | folded).items() if each.value is not None}
    code = {key: value for key, value in lock.get("lock", {}).items() if key != "defaults"}
    own = {key: lock[key] for key in OWN if key in lock}
    return own | values | dict(_walk({"lock": code}, ()))


def differences_of(locks: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Return each key whose values differ, and the value in every lock, ``-`` if it has none."""
    leaves = _with_both([_leaves(lock) for lock in locks])
    keys = _differing(leaves)
    return [(key, [_value(key, each) or "-" for each in leaves]) for key in keys]


def _leaves(lock: Mapping[str, Any]) -> Leaves:
    """Return ``a.b.c`` → value of a lock, in its order, without the keys that only describe.

    A component's id is the leaf of its node's path. Its revision is a leaf as well, and so is the
    code of a ``--plugin`` file.
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
    """Return the leaves with those under ``optimizers.both`` that both optimizers always share."""
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

    The parameters of a component that others do not have, or have another of, are no difference
    of their own.
    """
    keys = list(dict.fromkeys(key for each in leaves for key in each))
    differing = [key for key in keys if len({_counted(each, key) for each in leaves}) > 1]
    nodes = {key for key in differing if any(other.startswith(f"{key}.") for other in keys)}
    own = [key for key in differing if not any(key.startswith(f"{node}.") for node in nodes)]
    return sorted(own, key=lambda key: (key.endswith(OF_CODE), key not in nodes))


def _counted(leaves: Leaves, key: str) -> str | None:
    return leaves[key].counted if key in leaves else None


def _enough(differing: Iterable[str], leaves: Sequence[Leaves]) -> list[str]:
    """Return the first keys that tell all apart, leaving out what tells nothing further."""
    told: list[str] = []
    apart = 1
    for key in differing:
        kinds = len({tuple(_counted(each, other) for other in (*told, key)) for each in leaves})
        if kinds > apart:
            told.append(key)
            apart = kinds
    return told


def _said(key: str, leaves: Leaves) -> str:
    value = _value(key, leaves)
    return f"no {key}" if value is None else f"{key}={value}"


def _value(key: str, leaves: Leaves) -> str | None:
    leaf = leaves.get(key)
    return None if leaf is None or leaf.value is None else _word(leaf.value)


def _word(value: Any) -> str:
    """Return a value as a recipe would have it; a component of a list is its name."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_word, value))}]"
    if isinstance(value, Mapping) and "use" in value:
        return shorten(str(value["use"]))
    return str(value)
