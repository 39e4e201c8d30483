"""``ganzoo info``: one component or recipe, with its parameters and origin."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from ganzoo.api import MODALITIES, Registration
from ganzoo.cli import completion, options
from ganzoo.cli.output import emit, emit_json, emit_table
from ganzoo.errors import PluginError
from ganzoo.recipes.load import Recipe, locate, shipped_recipes
from ganzoo.recipes.schema import named_components
from ganzoo.registry.names import LOCAL_NAMESPACE, kind_of, shorten
from ganzoo.registry.registry import Registry
from ganzoo.report.table import Table


@click.command()
@click.argument("name", metavar="ID", shell_complete=completion.components_and_recipes)
@click.option(
    "--kind",
    shell_complete=completion.kinds,
    help="The kind, if several kinds have a component of that name.",
)
@options.plugin
@options.as_json
def info(name: str, kind: str | None, plugin: Path | None, as_json: bool) -> None:
    """Show the component or recipe ID: summary, parameters, paper, licence, origin.

    If several kinds share the name, as a generator and a discriminator often do, each is shown.
    """
    registry = options.registry(plugin)
    found = descriptions(registry, name, kind_of(kind) if kind else None)
    if as_json:
        emit_json(found)
        return
    for number, each in enumerate(found):
        if number:
            emit()
        show_recipe(each) if each["kind"] == "recipe" else show_component(each)


def descriptions(registry: Registry, name: str, kind: str | None) -> list[dict[str, Any]]:
    """Return the components and recipes with this name, as JSON data.

    Raises:
        PluginError: there is none, or it is broken; the message says why.
    """
    if name in MODALITIES and kind in (None, "modality"):
        from ganzoo.cli.list import own_modality

        return [_component(registry, own_modality(name))]
    shipped = [_recipe(registry, name)] if name in shipped_recipes() else []
    if shipped and kind == "recipe":
        return shipped
    try:
        registrations = (
            [registry.get(kind, name)] if kind else registry.find(name, others=shipped_recipes())
        )
    except PluginError:
        if kind or not shipped:
            raise
        registrations = []
    return shipped + [
        _recipe(registry, each.id, each) if each.kind == "recipe" else _component(registry, each)
        for each in registrations
    ]


def _component(registry: Registry, registration: Registration) -> dict[str, Any]:
    from ganzoo.cli.list import described
    from ganzoo.components.sampling_parameters import sampling_rows
    from ganzoo.components.signature import parameter_model, parameter_rows

    factory = registry.resolve(registration)
    model = parameter_model(registration.kind, registration.id, factory)
    about = described(registration) | {
        "documentation": cleandoc(factory.__doc__ or ""),
        "parameters": parameter_rows(registration, factory),
        "schema": model.model_json_schema(),
    }
    if registration.kind == "generator":
        about["sampling_parameters"] = sampling_rows(registration.id, factory)
    return about


def _recipe(
    registry: Registry, name: str, registration: Registration | None = None
) -> dict[str, Any]:
    from ganzoo.version import __version__

    recipe = Recipe.load(name, (), registry)
    settings = recipe.settings
    return {
        "kind": "recipe",
        "id": name,
        "distribution": registration.distribution if registration else "ganzoo",
        "version": registration.version if registration else __version__,
        "file": str(locate(name, registry).path),
        "summary": settings.description or (registration.summary if registration else ""),
        "paper": settings.paper or (registration.paper if registration else None),
        "license": registration.license if registration else None,
        "components": [
            {
                "slot": ".".join(slot),
                "id": node.use,
                "parameters": node.model_dump(exclude={"use", "parameters"}, exclude_defaults=True)
                | node.parameters,
            }
            for slot, _, node in named_components(settings)
        ],
    }


def show_component(about: Mapping[str, Any]) -> None:
    """Print a component: its facts, its documentation, a table of its parameters."""
    emit(f"{about['kind']} {about['id']}, revision {about['revision']}")
    summary, documentation = about["summary"], about["documentation"]
    if summary:
        emit(summary)
        first, _, rest = documentation.partition("\n\n")
        if first.removesuffix(".") == summary:  # the summary is the docstring's first line
            documentation = rest
    owner = f"{about['distribution']} {about['version']}, {about['target']}"
    if about["namespace"] == LOCAL_NAMESPACE:
        owner = f"{about['target'].partition(':')[2]} in {about['distribution']}"
    _show_facts(
        {
            "from": owner,
            "paper": about["paper"],
            "licence": about["license"],
            "modalities": ", ".join(sorted(about["modalities"])),
            "can be": ", ".join(sorted(about["capabilities"])),
            "splits": ", ".join(about["splits"]),
            "extractor": about["extractor"],
            "reads": ", ".join(about["suffixes"]),
            "trained for": ", ".join(about["datasets"]),
            "files": ", ".join(file["name"] for file in about["files"]),
        }
    )
    if documentation:
        emit(f"\n{documentation}")
    emit()
    if about["parameters"]:
        lines = [(each["name"], each["type"], each["default"]) for each in about["parameters"]]
        emit_table(Table(("parameter", "type", "default"), lines))
    else:
        emit("no parameters")
    if about.get("sampling_parameters"):
        lines = [tuple(each.values()) for each in about["sampling_parameters"]]
        emit()
        emit_table(Table(("sampling parameter", "type", "default"), lines))
        emit("\nset by eval.sampling in a recipe, and by `ganzoo sample RUN --set NAME=VALUE`")


def show_recipe(about: Mapping[str, Any]) -> None:
    """Print a recipe: its facts, its components, and the commands that show and run it."""
    name = about["id"]
    emit(f"recipe {name}")
    if about["summary"]:
        emit(about["summary"])
    _show_facts(
        {
            "from": f"{about['distribution']} {about['version']}, {about['file']}",
            "paper": about["paper"],
            "licence": about["license"],
        }
    )
    rows = [
        (each["slot"], shorten(each["id"]), _words(each["parameters"]))
        for each in about["components"]
    ]
    emit()
    emit_table(Table(("slot", "component", "parameters"), rows))
    emit(f"\nganzoo show {name}   prints all of it, defaults too")
    emit(f"ganzoo run {name}    trains it")


def _show_facts(facts: Mapping[str, str | None]) -> None:
    for fact, value in facts.items():
        if value:
            emit(f"{fact}: {value}")


def _words(parameters: Mapping[str, Any]) -> str:
    """Return parameters as a recipe's flow mapping would write them."""
    from ganzoo.runs.records import to_json

    return ", ".join(f"{name}: {to_json(value).decode()}" for name, value in parameters.items())
