"""Where components stand in a recipe, and which component a slot means that has no `use`."""

from collections.abc import Iterator, Mapping
from typing import Any

from ganzoo.registry.names import qualify

KeyPath = tuple[str, ...]
"""The keys that lead to a value; the place in a list counts from "0"."""

KINDS: Mapping[KeyPath, str] = {
    ("dataset",): "dataset",
    ("generator",): "generator",
    ("discriminator",): "discriminator",
    ("latent",): "latent",
    ("loss",): "loss",
    ("regularizers", "*"): "regularizer",
    ("augmentation",): "augmentation",
    ("callbacks", "*"): "callback",
    ("optimizers", "both"): "optimizer",
    ("optimizers", "generator"): "optimizer",
    ("optimizers", "discriminator"): "optimizer",
    ("schedules", "*"): "schedule",
    ("eval", "extractor"): "extractor",
    ("eval", "metrics", "*"): "metric",
}
"""Every place of a component → its kind; ``*`` stands for any key of a map or place in a list."""

NAMED_BY_KEY = ("regularizers", "callbacks")
"""Maps whose key is the component's id unless the entry has a `use`."""

MAPS = (*NAMED_BY_KEY, "schedules")
"""Maps whose entries are slots, which null removes."""

DEEP = ("optimizers", "regularizers", "callbacks")
"""Sections whose components have a key of their own: ``optimizers.both``, ``regularizers.r1``."""

DEFAULT_IDS: Mapping[KeyPath, str] = {
    ("latent",): "gaussian",
    ("optimizers", "both"): "adam",
}

BOTH = ("optimizers", "both")
SIDES = (("optimizers", "generator"), ("optimizers", "discriminator"))


def kind_of(path: KeyPath) -> str | None:
    """Return the kind of component that stands at `path`, or None where none does."""
    return KINDS.get(path) or KINDS.get((*path[:-1], "*"))


def scheduled(words: KeyPath) -> KeyPath:
    """Return a path below ``schedules`` with the words of its key, which has dots, made one.

    ``("optimizers", "both", "lr", "end")`` → ``("optimizers.both.lr", "end")``: the key is a slot
    and the name of its parameter.
    """
    deep = bool(words) and (words[0] in DEEP or words[:2] == ("train", "ema"))
    length = 3 if deep else 2
    return (".".join(words[:length]), *words[length:])


def children(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the keys, or places, of a mapping or list with what they hold."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(place), each) for place, each in enumerate(value))


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of a value and of everything in it, from the outside in."""
    yield path
    for key, each in children(value):
        yield from paths(each, (*path, key))


def at(data: Any, path: KeyPath) -> Any:
    """Return what stands at `path`, None where nothing does."""
    for key in path:
        data = dict(children(data)).get(key)
    return data


def component_paths(data: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield where something stands in a component's place."""
    if kind_of(path):
        yield path
        return
    for key, each in children(data):
        yield from component_paths(each, (*path, key))


def long_form(value: Any, path: KeyPath = ()) -> Any:
    """Return the value with every component that is only a name written as ``{use: name}``."""
    if kind_of(path):
        return {"use": value} if isinstance(value, str) else value
    if isinstance(value, dict):
        return {key: long_form(each, (*path, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [long_form(each, (*path, str(place))) for place, each in enumerate(value)]
    return value


def component_at(data: Any, path: KeyPath) -> str | None:
    """Return the full id of the component that the slot at `path` means; None: it does not say.

    An optimizer of one side that does not say is the one of ``both``.
    """
    node = at(data, path)
    use = node.get("use") if isinstance(node, dict) else None
    if isinstance(use, str):
        return qualify(use)
    if path in SIDES:
        return component_at(data, BOTH)
    if path[0] in NAMED_BY_KEY:
        return qualify(path[-1])
    return qualify(DEFAULT_IDS[path]) if path in DEFAULT_IDS else None
