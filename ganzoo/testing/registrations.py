"""Checks of every kind: registration, signature, building; and the check of recipes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError
from torch import nn

from ganzoo.api import CAPABILITIES
from ganzoo.components.signature import signature_of, undescribed
from ganzoo.errors import DataError, PluginError, RecipeError
from ganzoo.recipes.validate import describe_error
from ganzoo.registry.names import LOCAL_NAMESPACE, guess
from ganzoo.testing.checks import case_check, component_check
from ganzoo.testing.component import Case, Component
from ganzoo.testing.outcomes import PASSED, Exempt, Failed, NotChecked

LIST_PLUGIN = """
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from ganzoo.registry import Registry
Registry([sys.argv[1]]).namespaces()
print("torch" in sys.modules)
"""


@component_check()
def lazy_import(component: Component) -> None:
    """Importing the plugin and calling its hooks does not import torch, in a separate process."""
    namespace = component.registration.namespace
    if namespace == LOCAL_NAMESPACE:
        raise Exempt("a single file has its code and its registrations together")
    if _loads_torch(namespace, json.dumps(sys.path)):
        raise Failed(
            "a plugin whose import does not import torch",
            "one that does, which slows every listing",
            "import torch only in the modules that the targets name; "
            "python -X importtime shows what imports it",
        )


@cache
def _loads_torch(namespace: str, path: str) -> bool:
    command = [sys.executable, "-c", LIST_PLUGIN, namespace, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed("a plugin that loads", done.stderr.strip().split("\n")[-1], "ganzoo plugins")
    return done.stdout.strip().endswith("True")


@component_check()
def summary(component: Component) -> None:
    """The registration has a summary, which listings show."""
    if not component.registration.summary.strip():
        try:
            _ = component.factory
        except PluginError:
            raise NotChecked("target failed") from None
        advice = "say what it is in the first line of its docstring"
        raise Failed("a summary", "none", advice)


@component_check()
def target(component: Component) -> None:
    """The registered target can be imported and exists."""
    try:
        _ = component.factory
    except PluginError as error:
        advice = error.hint or "correct the registered target"
        raise Failed("a target that can be imported", error.message, advice) from error


@component_check("target")
def unknown_refused(component: Component) -> None:
    """An unknown parameter is refused: no ``*args`` and no ``**kwargs``."""
    for parameter in signature_of(component.factory).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise Failed(
                "a signature that refuses misspelt parameters",
                f"one that accepts any in {parameter}",
                f"list the parameters instead of {parameter}",
            )


@component_check("unknown-refused")
def parameters(component: Component) -> None:
    """Parameters are keyword-only and have types that JSON values can be validated against."""
    try:
        _ = component.model
    except Exception as error:  # pydantic raises several kinds for unsupported types
        raise Failed(
            "typed keyword-only parameters",
            " ".join(str(error).split()).split(". ")[0],
            getattr(error, "hint", None)
            or "annotate each argument after the `*` with a plain type",
        ) from error


def missing_descriptions(component: Component) -> str:
    """Return a note about parameters without a description; empty if there are none.

    It is about a component that passed `parameters`. No check fails for it.
    """
    passed = component.outcomes.get(parameters.name)
    if not passed or passed.outcome != PASSED or not (missing := undescribed(component.model)):
        return ""
    advice = f"write `{missing[0]}: …` under `Args:` in its docstring, which editors show"
    return f"no description of {', '.join(missing)}; {advice}"


@component_check("parameters")
def defaults(component: Component) -> None:
    """Every default is valid for its own type and bounds, as if a recipe had given it."""
    check_defaults(component.model)


def check_defaults(model: Any) -> None:
    """Raise `Failed` unless every default of a model of parameters is valid for its own type."""
    for name, adapter, default in _defaults(model):
        try:
            adapter.validate_json(adapter.dump_json(default, warnings=False), strict=True)
        except ValidationError as error:
            raise Failed(
                f"a default of {name} that its own type allows",
                f"{name}: {describe_error(error.errors()[0])}",
                "correct the default, or the type",
            ) from None
        except PydanticSerializationError:
            continue  # reported by json_round_trip


@component_check("defaults")
def json_round_trip(component: Component) -> None:
    """Every default keeps its value when written to a lock file and read back."""
    for name, adapter, default in _defaults(component.model):
        expected = f"{name}={default!r} after a round trip through JSON"
        advice = "use a type that JSON has, or one that defines how a list or mapping is read"
        try:
            read = adapter.validate_json(adapter.dump_json(default, warnings=False), strict=True)
        except PydanticSerializationError as error:
            raise Failed(expected, str(error), advice) from None
        if read != default:
            raise Failed(expected, f"{name}={read!r}", advice)


def _defaults(model: Any) -> Iterator[tuple[str, TypeAdapter[Any], Any]]:
    """Yield the name, type and default of each optional parameter."""
    for field in model.model_fields.values():
        if not field.is_required():
            yield field.alias, TypeAdapter(field.rebuild_annotation()), field.default


@component_check("json-round-trip")
def builds(component: Component) -> None:
    """The engine's call builds the component with its defaults, on at least one spec."""
    for case in component.cases:
        if component.kind in ("generator", "discriminator"):
            made = case.make()
            if not isinstance(made, nn.Module):
                advice = "return a module from the factory"
                raise Failed("an nn.Module", f"a {type(made).__name__}", advice)


@case_check()
def capabilities(case: Case) -> None:
    """The capabilities that the instance declares are known words, and registered."""
    registration = case.component.registration
    own = f"{registration.namespace}/"
    for word in sorted(case.capabilities):
        if word not in CAPABILITIES and not word.startswith(own):
            got = f"{word!r}{guess(word, CAPABILITIES)}"
            advice = f"a capability of the plugin's own begins with {own}"
            raise Failed("known capabilities", got, advice)
        if word not in registration.capabilities:
            raise Failed(
                "registered capabilities only",
                f"{word!r}, which is not registered",
                f"add {word!r} to the attribute `capabilities` of the class, or to register(…)",
            )


@component_check("target")
def recipe_check(component: Component) -> None:
    """It passes ``ganzoo check``: YAML, keys, ids, parameters, fit, one update of each player."""
    from ganzoo.training.launch import prepare

    name = component.registration.id
    try:
        prepare(name, (), component.registry)
    except DataError as error:
        hint = f" (try: {error.hint})" if error.hint else ""
        raise NotChecked(f"needs data: {error.message}{hint}") from error
    except (RecipeError, PluginError) as error:
        raise Failed(
            "a valid recipe",
            "; ".join(error.message.split("\n")),
            error.hint or f"ganzoo check {name}",
        ) from error


EVERY_KIND = (
    lazy_import,
    summary,
    target,
    unknown_refused,
    parameters,
    defaults,
    json_round_trip,
    builds,
    capabilities,
)
