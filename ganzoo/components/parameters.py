"""Validate one component's recipe parameters; return its `ComponentPlan`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from ganzoo.api import Registration
from ganzoo.components.plan import ComponentPlan, Slot
from ganzoo.components.signature import (
    RESERVED,
    parameter_model,
    parameter_names,
    parameter_values,
    path_parameters,
    plain_values,
)
from ganzoo.errors import Problem, RecipeError
from ganzoo.recipes.merge import COMMAND_LINE, NOWHERE
from ganzoo.recipes.validate import readable_errors
from ganzoo.registry.loading import info_command
from ganzoo.registry.names import guess

if TYPE_CHECKING:
    from ganzoo.registry.registry import Registry


class WrongParameters(Exception):
    """Parameters are wrong; `found` has (path below the component, what is wrong) for each."""

    def __init__(self, found: list[tuple[Slot, str]]) -> None:
        super().__init__()
        self.found = found


def plan_component(
    registry: Registry,
    registration: Registration,
    slot: Slot,
    parameters: Mapping[str, Any],
    *,
    place: Problem | None = None,
    directory_of: Callable[[str], Path] = lambda name: Path.cwd(),
    defaults: Mapping[str, Any] = {},
) -> ComponentPlan:
    """Import a component's factory and validate its parameters.

    Args:
        place: position in a recipe; None: on the command line.
        directory_of: parameter → the directory that a relative path in it starts from.
        defaults: values that the engine sets, if the factory has the parameter and the recipe
            does not set it.

    Raises:
        PluginError: the factory cannot be imported or breaks the contract.
        WrongParameters: a parameter is unknown or has the wrong type.
    """
    factory = registry.resolve(registration)
    model = parameter_model(registration.kind, registration.id, factory)
    names = parameter_names(model)
    given = {name: value for name, value in defaults.items() if name in names} | dict(parameters)
    for name in path_parameters(model):
        if isinstance(given.get(name), str):
            given[name] = str(directory_of(name) / Path(given[name]).expanduser())
    checked = validated(model, given)
    return ComponentPlan(
        slot,
        registration,
        factory,
        parameter_values(checked),
        plain_values(checked),
        place or Problem(COMMAND_LINE, *NOWHERE, ".".join(slot), ""),
        _defaults(model, given),
    )


def validated(model: type[BaseModel], given: Mapping[str, Any]) -> BaseModel:
    """Return parameters as their model, validated in strict JSON mode.

    Raises:
        WrongParameters: a parameter is unknown or has the wrong type.
    """
    try:
        return model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        names = parameter_names(model)
        raise WrongParameters(
            [_wrong_parameter(*each, names) for each in readable_errors(error.errors(), given)]
        ) from error


def _defaults(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of the optional parameters as YAML data."""
    required = [field.alias for field in model.model_fields.values() if field.is_required()]
    least = {name: value for name, value in given.items() if name in required}
    values = plain_values(model.model_validate_json(json.dumps(least), strict=True))
    return {name: value for name, value in values.items() if name not in required}


def adhoc_component(
    registry: Registry, kind: str, name: str, parameters: Mapping[str, Any]
) -> ComponentPlan:
    """Return a component outside a recipe, such as the data set of ``ganzoo score``.

    Raises:
        RecipeError: a parameter is unknown or has the wrong type.
        PluginError: the component does not exist, or is broken.
    """
    registration = registry.get(kind, name)
    try:
        return plan_component(registry, registration, (kind,), parameters)
    except WrongParameters as wrong:
        problems = [
            Problem(COMMAND_LINE, *NOWHERE, ".".join((kind, *path)), what)
            for path, what in wrong.found
        ]
        raise RecipeError(problems, hint=info_command(registration)) from None


def _wrong_parameter(path: Slot, what: str, names: list[str]) -> tuple[Slot, str]:
    """Return path and message, in which an unknown key is called a parameter."""
    if not what.startswith("unknown key"):
        return path, what
    if path[-1] in RESERVED:
        owners = "optimizers" if path[-1] == "groups" else "regularizers"
        return path, f"unknown parameter - only {owners} have {path[-1]!r}"
    return path, f"unknown parameter{guess(path[-1], names)}"
