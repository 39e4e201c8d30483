"""Read a factory's signature as the schema of its recipe parameters, and its docstring as their
documentation.

Keyword-only annotated arguments are parameters; the engine passes the positional ones. pydantic
validates in strict JSON mode: ``[0, 0.9]`` is a tuple of floats, ``"yes"`` is not a bool, ``1`` is
a float, and ``1.0`` is not an integer.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model
from torch import nn

from ganzoo.api import Registration
from ganzoo.errors import PluginError
from ganzoo.registry.names import with_article

RESERVED = frozenset({"use", "weight", "every_steps", "groups"})
"""Keys of a recipe's slot; no parameter of a factory may have such a name."""

TAKE_ARGUMENT = ("generator", "discriminator", "latent", "augmentation", "dataset", "optimizer")
"""Kinds whose factories get one positional argument from the engine; the others get none."""


@cache
def parameter_model(kind: str, id: str, factory: Callable[..., Any]) -> type[BaseModel]:
    """Return the pydantic model of a factory's recipe parameters.

    Raises:
        PluginError: the signature breaks the contract; the message names the argument.
    """
    parameters = signature_of(factory).parameters.values()
    hints = _hints(id, factory)
    own: list[inspect.Parameter] = []
    positional = 0
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise _misuse(f"{id} takes {parameter}: a misspelt parameter would vanish in it")
        if parameter.kind is not parameter.KEYWORD_ONLY:
            positional += 1
        elif parameter.name in RESERVED:
            raise _misuse(f"{id} has a parameter {parameter.name!r}, which belongs to the slot")
        elif parameter.name not in hints:
            raise _misuse(f"{id} has a parameter {parameter.name!r} without a type")
        else:
            own.append(parameter)
    if positional != (given := int(kind in TAKE_ARGUMENT)):
        raise _misuse(
            f"{id} takes {positional} positional arguments; {with_article(kind)} is given "
            f"{given}, and its parameters must be keyword-only (after a `*`)"
        )
    return model_of(f"parameters of {id}", own, hints, argument_docs(factory))


def model_of(
    title: str,
    parameters: Iterable[inspect.Parameter],
    hints: Mapping[str, Any],
    docs: Mapping[str, str],
) -> type[BaseModel]:
    """Return the pydantic model of keyword arguments.

    Args:
        hints: types by name.
        docs: descriptions by name.
    """
    fields: dict[str, Any] = {}
    for parameter in parameters:
        default = ... if parameter.default is parameter.empty else parameter.default
        # The alias keeps names that pydantic reserves, such as `copy`, usable as parameters.
        about = docs.get(parameter.name)
        field = Field(default, alias=parameter.name, description=about)
        fields[f"p_{parameter.name}"] = (hints[parameter.name], field)
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=False, protected_namespaces=())
    return create_model(title, __config__=config, **fields)


def _misuse(message: str) -> PluginError:
    """Return the error for a signature that breaks the contract."""
    form = "parameters as (*, factor: float = 1.0): by keyword, each with a type, none a slot's own"
    return PluginError(message, hint=f"in the plugin, write {form}")


def signature_of(factory: Callable[..., Any]) -> inspect.Signature:
    """Return a factory's own signature; of a module without `__init__`, an empty one."""
    if getattr(factory, "__init__", None) is nn.Module.__init__:
        return inspect.Signature()  # nn.Module's (*args, **kwargs) accept nothing
    return inspect.signature(factory)


def _hints(id: str, factory: Callable[..., Any]) -> dict[str, Any]:
    function = factory.__init__ if inspect.isclass(factory) else factory
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise PluginError(
            f"{id} annotates a parameter with a name that does not exist at run time: {error}",
            hint="import the types of parameters outside of `if TYPE_CHECKING`",
        ) from error


def parameter_values(model: BaseModel) -> dict[str, Any]:
    """Return the validated parameters as the factory receives them, with tuples and paths."""
    return {
        field.alias or name: getattr(model, name)
        for name, field in type(model).model_fields.items()
    }


def plain_values(model: BaseModel) -> dict[str, Any]:
    """Return the validated parameters as YAML data."""
    return model.model_dump(mode="json", by_alias=True)


def parameter_names(model: type[BaseModel]) -> list[str]:
    """Return the parameters' names in a recipe."""
    return [field.alias or name for name, field in model.model_fields.items()]


def undescribed(model: type[BaseModel]) -> list[str]:
    """Return the names of the parameters without a description."""
    fields = model.model_fields.items()
    return [field.alias or name for name, field in fields if not field.description]


def path_parameters(model: type[BaseModel]) -> list[str]:
    """Return the names of the parameters that accept a path."""
    return [
        field.alias or name
        for name, field in model.model_fields.items()
        if Path in (field.annotation, *get_args(field.annotation))
    ]


def parameter_rows(registration: Registration, factory: Callable[..., Any]) -> list[dict[str, str]]:
    """Return name, type with bounds, and default of each recipe parameter, as text.

    Raises:
        PluginError: the signature breaks the contract.
    """
    return rows_of(parameter_model(registration.kind, registration.id, factory))


def rows_of(model: type[BaseModel]) -> list[dict[str, str]]:
    """Return name, type with bounds, and default of each parameter of a model, as text."""
    rows = []
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else json.dumps(field.default, default=str)
        bounds = ", ".join(map(_bound, field.metadata))
        kind = _type_words(field.annotation) + (f", {bounds}" if bounds else "")
        rows.append({"name": field.alias or name, "type": kind, "default": default})
    return rows


_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def _bound(bound: Any) -> str:
    for attribute, words in _BOUNDS.items():
        if hasattr(bound, attribute):
            return f"{words} {getattr(bound, attribute)}"
    return str(bound)


def _type_words(annotation: Any) -> str:
    """Return a type in the words of a recipe, such as ``null`` or ``a or b``."""
    if annotation is type(None):
        return "null"
    if annotation is Ellipsis:
        return "…"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return ", ".join([_type_words(arguments[0]), *map(_bound, arguments[1:])])
    if origin is Literal:
        return " or ".join(map(str, arguments))
    if origin in (Union, UnionType):
        return " or ".join(map(_type_words, arguments))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_type_words, arguments))}]"
    return getattr(annotation, "__name__", str(annotation))


_ARGUMENT = re.compile(r"    (\w+): (.+)")
_CONTINUED = re.compile(r"     +(\S.*)")


def summary_of(factory: Any) -> str:
    """Return the first paragraph of a factory's docstring as one line; empty without one."""
    documentation = inspect.getdoc(factory) or ""
    return " ".join(documentation.split("\n\n")[0].split())


def argument_docs(factory: Any) -> dict[str, str]:
    """Return argument → description under ``Args:``, from the docstrings of class and __init__."""
    found: dict[str, str] = {}
    for documented in (factory, getattr(factory, "__init__", None)):
        name = None
        _, _, below = (inspect.getdoc(documented) or "").partition("\nArgs:\n")
        for line in below.split("\n"):
            if match := _ARGUMENT.fullmatch(line):
                name, found[match[1]] = match[1], match[2]
            elif name and (match := _CONTINUED.fullmatch(line)):
                found[name] += f" {match[1]}"
            else:
                break
    return found
