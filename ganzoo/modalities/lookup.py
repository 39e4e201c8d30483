"""From the name of a modality to the object: ganzoo's own, and those that plugins register."""

from __future__ import annotations

import inspect
import os
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast

from ganzoo.errors import GROUP, PluginError, raised_at
from ganzoo.modalities.contract import Modality

MODALITIES = ("image", "video", "audio", "text", "table", "vector")
"""The modalities of ganzoo itself. Those of plugins have ids, such as ``acme/points``."""

STORED_DTYPES = ("uint8", "int64", "float32", "float64")
"""Torch dtypes that a stored form may have."""

_TARGETS = {name: f"ganzoo.modalities.{name}:{name.title()}" for name in MODALITIES}


class BadModality(PluginError, ValueError):
    """A modality that is unknown or not installed, or whose class breaks the contract."""


def modality(name: str) -> Modality:
    """Return the modality of that name.

    Raises:
        BadModality: there is none, its plugin is not installed, or its class is wrong.
    """
    if name not in _TARGETS and "/" in name:
        _ask_plugin(name.partition("/")[0])
    if name not in _TARGETS:
        known = ", ".join(sorted(_TARGETS))
        raise BadModality(
            f"unknown modality {name!r}; known: {known}", hint="ganzoo list modalities"
        )
    return _made(name, _TARGETS[name])


def register_modality(name: str, target: str) -> None:
    """Make a plugin's modality known by its id; `target` is ``package.module:Class``."""
    _TARGETS[name] = target


@cache
def _made(name: str, target: str) -> Modality:
    module, _, attribute = target.partition(":")
    hint = f"ganzoo info {name}"
    try:
        made = getattr(import_module(module), attribute)()
    except Exception as error:
        what = f"{type(error).__name__}: {error}{raised_at(error)}"
        raise BadModality(
            f"modality {name!r} ({target}) cannot be made: {what}", hint=hint
        ) from error
    if wrong := _wrong(made):
        raise BadModality(f"modality {name!r} ({_place(type(made))}) {wrong}", hint=hint)
    return cast("Modality", made)


def _wrong(made: Any) -> str | None:
    """Return what a modality lacks that every modality must have, or None."""
    if not isinstance(made, Modality):
        return f"is a {type(made).__name__}, not a subclass of ganzoo.api.Modality"
    axes = getattr(made, "axes", None)
    if type(axes) is not int or axes < 1:
        return "does not set axes, the number of axes of one stored sample"
    if made.stored_dtype not in STORED_DTYPES:
        return f"has stored_dtype {made.stored_dtype!r}, not one of {', '.join(STORED_DTYPES)}"
    for method in ("specs", "preview"):
        if getattr(type(made), method) is getattr(Modality, method):
            near = get_close_matches(method, vars(type(made)), n=1)
            guess = f" - did you mean {near[0]!r} to be it?" if near else ""
            return f"does not define {method}(){guess}"
    return None


def _place(cls: type) -> str:
    """Return the file and line of a class."""
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return cls.__module__


def _ask_plugin(namespace: str) -> None:
    """Register the modalities of an installed plugin that no registry has loaded.

    That is so in a worker process, and in code that makes a plugin's data set by hand.

    Raises:
        BadModality: the plugin is broken.
    """
    chosen = os.environ.get("GANZOO_PLUGINS")
    if chosen is not None and namespace not in chosen.split(","):
        return

    def register(name: str, target: str, **about: object) -> None:
        register_modality(f"{namespace}/{name}", target)

    for point in entry_points(group=GROUP, name=namespace):
        try:
            if hook := getattr(point.load(), "register_modalities", None):
                hook(register)
        except Exception as error:  # whatever a plugin's module may raise
            what = f"{type(error).__name__}: {error}{raised_at(error)}"
            raise BadModality(
                f"plugin {namespace!r} is broken: {what}", hint="ganzoo plugins"
            ) from error
