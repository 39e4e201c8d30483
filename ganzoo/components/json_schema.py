"""The JSON Schema (2020-12) of a recipe, with the parameters of every installed component.

Editors use it for completion, documentation of keys, and to underline misspelt ones; `ganzoo check`
finds more. A recipe that extends another may leave out what it inherits, including `use`; the
schema then accepts every parameter of every component of that kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ganzoo.api import Registration
from ganzoo.components.signature import parameter_model, summary_of
from ganzoo.errors import PluginError
from ganzoo.recipes.load import shipped_recipes
from ganzoo.recipes.merge import null_removes
from ganzoo.recipes.schema import (
    BUDGETS,
    KINDS,
    NAMED_BY_KEY,
    Group,
    Node,
    OptimizerNode,
    RegularizerNode,
    Settings,
    models_in,
)
from ganzoo.recipes.yaml import KeyPath
from ganzoo.registry.names import PLURALS, shorten

if TYPE_CHECKING:
    from ganzoo.registry.registry import Registry

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NULL: Schema = {"type": "null"}
GROUP = ("optimizers", "both", "groups", "x")
"""Path of a parameter group; ``x`` is any name."""


def recipe_schema(registry: Registry) -> tuple[Schema, list[str]]:
    """Return the schema, and a line for each component that could not be imported."""
    kinds = sorted(set(KINDS.values()))
    left_out: list[str] = []
    components = {kind: list(_components(kind, registry, left_out)) for kind in kinds}
    top = _mapping(Settings, ())
    top["properties"]["extends"] = _parents(registry)
    top["properties"]["optimizers"] = _optimizers()
    top["required"] = ["recipe"]
    inherits = {"required": ["extends"]}
    budgets = [{"required": [key], "properties": {key: {"type": "integer"}}} for key in BUDGETS]
    whole = {"required": _required(Settings), "properties": {"train": {"oneOf": budgets}}}
    schema = {
        "$schema": DIALECT,
        "title": "ganzoo recipe",
        **top,
        "if": {"not": inherits},
        "then": whole,
        "$defs": {kind: _slot(kind, each) for kind, each in components.items()},
    }
    for each in chain.from_iterable(components.values()):
        schema["$defs"] |= each.definitions
    for section in NAMED_BY_KEY:
        schema["properties"][section] = _named_by_key(section, components)
    return schema, left_out


# --- keys of the core ----------------------------------------------------------------------------


def _mapping(model: type[BaseModel], path: KeyPath) -> Schema:
    """Return the schema of a section of the recipe."""
    plain = model.model_json_schema()["properties"]
    properties = {
        name: _key(model, name, (*path, name), plain[name]) for name in model.model_fields
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _key(model: type[BaseModel], name: str, path: KeyPath, plain: Schema) -> Schema:
    field = model.model_fields[name]
    about = {"description": field.description} if field.description else {}
    if kind := KINDS.get(path):
        return _nullable({"$ref": f"#/$defs/{kind}"}, path) | about
    if kind := KINDS.get((*path, "*")):
        item = {"$ref": f"#/$defs/{kind}"}
        if path == ("eval", "metrics"):
            return {"type": "array", "items": item} | about
        return _map_of(_nullable(item, (*path, "x")), path) | about
    for part in models_in(field):
        inner = _mapping(part, path)
        if path == ("published",):  # never inherited: required keys stand here
            inner["required"] = _required(part)
        return _nullable(inner, path) | about
    return _nullable(_untitled(plain), path) | about


def _nullable(schema: Schema, path: KeyPath) -> Schema:
    """Allow null if it removes something, or is a value."""
    required = len(path) == 1 and Settings.model_fields[path[0]].is_required()
    if path == ("eval", "extractor"):
        return {"anyOf": [{"const": "auto"}, schema, NULL], "default": "auto"}
    if null_removes(path) and not required:
        return {"anyOf": [schema, NULL]}
    return schema


def _map_of(item: Schema, path: KeyPath) -> Schema:
    """Return the schema of a map of components; keys of schedules are paths of numbers."""
    names = {"pattern": r"^[a-z]+(\.[^.]+){1,2}$"} if path == ("schedules",) else {}
    return {"type": ["object", "null"], "additionalProperties": item, "propertyNames": names}


def _required(model: type[BaseModel]) -> list[str]:
    derived = ("name", "optimizers")
    fields = model.model_fields.items()
    return [name for name, field in fields if field.is_required() and name not in derived]


def _optimizers() -> Schema:
    slot = {"anyOf": [{"$ref": "#/$defs/optimizer"}, NULL]}
    words = {
        "both": "The optimizer of both players; without it adam, lr 2e-4, betas [0.5, 0.999].",
        "generator": "What differs for G.",
        "discriminator": "What differs for D.",
    }
    sides = {side: slot | {"description": what} for side, what in words.items()}
    return {
        "type": ["object", "null"],
        "description": Settings.model_fields["optimizers"].description,
        "properties": sides,
        "additionalProperties": False,
    }


def _parents(registry: Registry) -> Schema:
    ids = [*shipped_recipes(), *(each.id for each in registry.list("recipe"))]
    what = "The recipe whose settings this one starts from: an id, or a path inside the project."
    return {
        "type": "string",
        "description": what,
        "anyOf": [{"enum": ids}, {"pattern": r"\.ya?ml$"}],
    }


# --- components ----------------------------------------------------------------------------------


class _Component:
    """A component's names, and the schema of its parameters."""

    def __init__(self, registration: Registration, factory: Any) -> None:
        self.names = list(dict.fromkeys([shorten(registration.id), registration.id]))
        model = parameter_model(registration.kind, registration.id, factory)
        own = f"{registration.kind}.{registration.namespace}.{registration.name}"
        schema = model.model_json_schema(ref_template=f"#/$defs/{own}.{{model}}")
        found = schema.get("$defs", {})
        self.definitions = {f"{own}.{name}": _untitled(each) for name, each in found.items()}
        parameters = schema.get("properties", {})
        self.parameters = {name: _untitled(each) for name, each in parameters.items()}
        words = (registration.summary or summary_of(factory), registration.paper)
        self.about = ". ".join(filter(None, words))


def _components(kind: str, registry: Registry, left_out: list[str]) -> Iterator[_Component]:
    for registration in registry.list(kind):
        try:
            yield _Component(registration, registry.resolve(registration))
        except PluginError as error:
            left_out.append(error.message)


def _slot(kind: str, components: list[_Component]) -> Schema:
    """Return the schema of a slot: a component's name, or a mapping with its parameters."""
    names = [name for each in components for name in each.names]
    return {
        "anyOf": [
            {"type": "string", "enum": names, "description": f"See `ganzoo list {PLURALS[kind]}`."},
            {"$ref": f"#/$defs/{kind}/$defs/node"},
        ],
        "$defs": {"node": _node(kind, components, names)},
    }


def _node(kind: str, components: list[_Component], names: list[str]) -> Schema:
    own = _slot_keys(kind)
    cases: list[Schema] = [
        {
            "if": {"required": ["use"], "properties": {"use": {"enum": each.names}}},
            "then": _closed(each, own),
        }
        for each in components
    ]
    cases.append(
        {
            "if": {"not": {"required": ["use"]}},
            "then": {
                "properties": {**own, **_of_any(components)},
                "additionalProperties": False,
            },
        }
    )
    return {"type": "object", "properties": {"use": {"enum": names}}, "allOf": cases}


def _of_any(components: list[_Component]) -> Schema:
    """Return the parameters of all components; each accepts what any of them accepts."""
    found: dict[str, list[Schema]] = {}
    for component in components:
        for name, schema in component.parameters.items():
            known = found.setdefault(name, [])
            if schema not in known:
                known.append(schema)
    return {name: {"anyOf": found[name]} for name in sorted(found)}


def _closed(component: _Component, own: Schema) -> Schema:
    """Return the schema of a component's parameters; it refuses any other key."""
    keys = {"use": {"description": component.about}, **own, **component.parameters}
    return {"properties": keys, "additionalProperties": False}


def _slot_keys(kind: str) -> Schema:
    """Return the keys of a slot, in addition to its component's parameters."""
    if kind == "optimizer":
        group = _nullable(_mapping(Group, GROUP), GROUP)
        about = OptimizerNode.model_fields["groups"].description
        return {"groups": _map_of(group, GROUP) | {"description": about}}
    if kind != "regularizer":
        return {}
    own = set(RegularizerNode.model_fields) - set(Node.model_fields)
    plain = RegularizerNode.model_json_schema()["properties"]
    return {name: _untitled(plain[name]) for name in plain if name in own}


def _named_by_key(section: str, components: dict[str, list[_Component]]) -> Schema:
    """Return the schema of a map in which the key is the component's id, unless `use` is set."""
    kind = KINDS[section, "*"]
    own, slot = _slot_keys(kind), {"anyOf": [{"$ref": f"#/$defs/{kind}"}, NULL]}
    named = {
        name: {
            "if": {"type": "object", "not": {"required": ["use"]}},
            "then": _closed(each, own),
            "else": slot,
            "description": each.about,
        }
        for each in components[kind]
        for name in each.names
    }
    return {
        "type": ["object", "null"],
        "description": Settings.model_fields[section].description,
        "properties": named,
        "additionalProperties": slot,
    }


def _untitled(schema: Schema) -> Schema:
    return {key: each for key, each in schema.items() if key != "title"}
