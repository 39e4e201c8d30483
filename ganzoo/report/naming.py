"""What an experiment is called beside others, and what sets it apart where names agree."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganzoo.recipes.lock import NOT_THE_EXPERIMENT
from ganzoo.registry.names import shorten
from ganzoo.report.entries import Entry

Leaves = dict[str, Any]

ABSENT = object()
CODE = "lock"
"""The part of a lock that says by which code it was made."""


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
    more = [f"and {len(differing) - len(told)} more"] if len(differing) > len(told) else []
    return [", ".join([_said(key, each) for key in told] + more) for each in leaves]


def leaves_of(lock: Mapping[str, Any]) -> Leaves:
    """Return all that a condition can ask for: every key, the name and the seed.

    What both optimizers share stands under their own keys and under ``optimizers.both``.
    """
    (folded,) = _with_both([_leaves(lock)])
    own = {key: lock[key] for key in ("name", "seed") if key in lock}
    return own | _leaves(lock) | folded


def differences_of(locks: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Return each key whose values differ, and the value in every lock, ``-`` where it has none."""
    leaves = _with_both([_leaves(lock) for lock in locks])
    keys = _differing(leaves)
    return [(key, [_word(each[key]) if key in each else "-" for each in leaves]) for key in keys]


def _leaves(lock: Mapping[str, Any]) -> Leaves:
    """Return ``a.b.c`` → value for all that makes the experiment, in the lock's order.

    A component has a leaf of its own, its id, under the node's path; what is off has none.
    """
    essence = {key: value for key, value in lock.items() if key not in NOT_THE_EXPERIMENT}
    return dict(_walk(essence, ()))


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
        if all(repr(each.get(key, ABSENT)) == repr(each.get(twin, ABSENT)) for each in leaves)
    }
    dropped = {twins[key] for key in shared}
    return [
        {shared.get(key, key): value for key, value in each.items() if key not in dropped}
        for each in leaves
    ]


def _walk(tree: Any, path: tuple[str, ...]) -> Iterable[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        if "use" in tree:
            yield ".".join(path), shorten(str(tree["use"]))
        for key, value in tree.items():
            if key != "use":
                yield from _walk(value, (*path, str(key)))
    elif tree is not None:
        yield ".".join(path), tree


def _differing(leaves: Sequence[Leaves]) -> list[str]:
    """Return the keys whose values differ, components before parameters and code last.

    The parameters of a component that others do not have, or have another of, are no difference
    of their own.
    """
    keys = list(dict.fromkeys(key for each in leaves for key in each))
    differing = [key for key in keys if len({repr(each.get(key, ABSENT)) for each in leaves}) > 1]
    nodes = {key for key in differing if any(other.startswith(f"{key}.") for other in keys)}
    own = [key for key in differing if not any(key.startswith(f"{node}.") for node in nodes)]
    of_code = {key for key in own if key.split(".")[0] == CODE}
    if len(of_code) < len(own):
        own = [key for key in own if key not in of_code]
    return sorted(own, key=lambda key: key not in nodes)


def _enough(differing: Iterable[str], leaves: Sequence[Leaves]) -> list[str]:
    """Return the first keys that tell all apart, leaving out what tells nothing further."""
    told: list[str] = []
    apart = 1
    for key in differing:
        kinds = len({repr([each.get(other, ABSENT) for other in (*told, key)]) for each in leaves})
        if kinds > apart:
            told.append(key)
            apart = kinds
    return told


def _said(key: str, leaves: Leaves) -> str:
    return f"{key}={_word(leaves[key])}" if key in leaves else f"no {key}"


def _word(value: Any) -> str:
    """Return a value as a recipe would have it; a component of a list is its name."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_word, value))}]"
    if isinstance(value, Mapping) and "use" in value:
        return shorten(str(value["use"]))
    return str(value)
