"""Sampling parameters: keyword-only arguments of a generator's `forward`, besides `noise`.

They change how a trained generator is sampled, such as a truncation or a temperature. Training uses
their defaults. They are validated like a factory's parameters.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, get_type_hints

from pydantic import BaseModel
from torch import nn

from ganzoo.components.parameters import WrongParameters, validated
from ganzoo.components.plan import ComponentPlan
from ganzoo.components.signature import (
    argument_docs,
    model_of,
    parameter_values,
    plain_values,
    rows_of,
)
from ganzoo.errors import Findings, PluginError
from ganzoo.recipes.load import Recipe
from ganzoo.registry.loading import info_command

NOISE = "noise"
"""The argument of `forward` through which the engine passes a `ganzoo.api.Noise`."""

KEY = ("eval", "sampling")
"""The key of a recipe that sets sampling parameters."""


def sampling_model(id: str, forward: Callable[..., Any]) -> type[BaseModel]:
    """Return the pydantic model of a generator's sampling parameters.

    Args:
        forward: of the live network, or of its class.

    Raises:
        PluginError: a sampling parameter has no type or no default; the message names it.
    """
    arguments = inspect.signature(forward).parameters.items()
    own = {n: each for n, each in arguments if each.kind is each.KEYWORD_ONLY and n != NOISE}
    hints = _hints(id, forward, own)
    for name, each in own.items():
        missing = "type" if name not in hints else "default"
        if name not in hints or each.default is each.empty:
            raise PluginError(
                f"{id} has an argument {name!r} of forward without a {missing}",
                hint="in the plugin, write forward(z, y=None, *, truncation: float = 1.0)",
            )
    return model_of(f"sampling parameters of {id}", own.values(), hints, argument_docs(forward))


def sampling_rows(id: str, factory: Callable[..., Any]) -> list[dict[str, str]]:
    """Return name, type and default of each sampling parameter of a generator; do not build it.

    Empty for a function whose return annotation is not a network's class.

    Raises:
        PluginError: the signature of `forward` breaks the contract.
    """
    made = factory
    if not inspect.isclass(factory):
        made = inspect.signature(factory, eval_str=True).return_annotation
    forward = getattr(made, "forward", None)
    return rows_of(sampling_model(id, forward)) if forward else []


def check_sampling(
    recipe: Recipe, generator: ComponentPlan, network: nn.Module
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of ``eval.sampling``, as G's `forward` gets them and as plain data.

    Args:
        network: the live generator.

    Raises:
        RecipeError: unknown parameters and wrong values, each with its position in the recipe.
        PluginError: the signature of `forward` breaks the contract.
    """
    given = recipe.settings.eval.sampling
    model = sampling_model(generator.id, network.forward)
    try:
        checked = validated(model, given)
    except WrongParameters as wrong:
        findings = Findings()
        for path, what in wrong.found:
            hint = info_command(generator.registration, "--kind", "generator")
            what = what if model.model_fields else f"{generator.id} has no sampling parameters"
            findings.add(recipe.problem((*KEY, *path), what), hint)
        findings.raise_any()
        raise
    values, plain = parameter_values(checked), plain_values(checked)
    return {name: values[name] for name in given}, {name: plain[name] for name in given}


def _hints(id: str, forward: Callable[..., Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the types of some arguments; other annotations may exist for type checkers only."""
    function: Any = inspect.unwrap(getattr(forward, "__func__", forward))
    own = {name: each for name, each in function.__annotations__.items() if name in names}
    try:
        holder = SimpleNamespace(__annotations__=own)
        return get_type_hints(holder, function.__globals__, include_extras=True)
    except NameError as error:
        raise PluginError(
            f"{id} annotates an argument of forward with a name that does not exist at run time: "
            f"{error}",
            hint="import the types of parameters outside of `if TYPE_CHECKING`",
        ) from error
