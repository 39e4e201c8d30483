"""``ganzoo list``: the components of one kind."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from ganzoo.api import HOOKS, MODALITIES, Registration
from ganzoo.cli import completion, options
from ganzoo.cli.output import emit_json, emit_table, say
from ganzoo.cli.plugins import warn
from ganzoo.modalities import modality
from ganzoo.registry.names import PLURALS, kind_of, no_match, shorten
from ganzoo.registry.registry import Registry
from ganzoo.report.table import Table
from ganzoo.version import __version__


@click.command()
@click.argument("kind", required=False, shell_complete=completion.kinds)
@click.argument("pattern", default="*", shell_complete=completion.components)
@options.as_json
@options.plugin
def list(kind: str | None, pattern: str, as_json: bool, plugin: Path | None) -> None:
    """List the components of one KIND whose name matches PATTERN.

    KIND is generators, losses, datasets and so on; without it, the components of each kind are
    counted. PATTERN is a shell pattern, such as '*gan*' or 'acme/*'.
    """
    registry = options.registry(plugin)
    if kind is None:
        counts = {PLURALS[each]: len(found(registry, each, "*")) for each in HOOKS}
        if as_json:
            emit_json(counts)
        else:
            rows = [(plural, str(count)) for plural, count in counts.items()]
            emit_table(Table(("kind", "components"), rows, numbers={"components"}))
        warn(registry, nothing_found=not any(counts.values()))
        return
    kind = kind_of(kind)
    components = found(registry, kind, pattern)
    if as_json:
        emit_json(components)
    elif components:
        emit_table(Table(("id", "summary", "paper"), [row(each) for each in components]))
    else:
        names = [shorten(each["id"]) for each in found(registry, kind, "*")]
        say(no_match(PLURALS[kind], pattern, names))
    warn(registry, nothing_found=not components)


def found(registry: Registry, kind: str, pattern: str) -> Sequence[dict[str, Any]]:
    """Return the components of a kind as JSON data; recipes start with those of ganzoo itself."""
    if kind == "recipe":
        from ganzoo.cli.recipes import every_recipe  # reads YAML, which components do not need

        return [each for each in every_recipe(registry) if fnmatchcase(each["id"], pattern)]
    own = [each for each in MODALITIES if fnmatchcase(each, pattern)] if kind == "modality" else []
    registrations = [*map(own_modality, own), *registry.list(kind, pattern)]
    return [described(each) for each in registrations]


def own_modality(name: str) -> Registration:
    """Return what a plugin would register for one of ganzoo's own modalities."""
    own = type(modality(name))
    summary = (own.__doc__ or "").partition("\n")[0].removesuffix(".")
    target = f"{own.__module__}:{own.__name__}"
    return Registration("modality", "", name, target, "ganzoo-core", __version__, 1, summary)


def described(registration: Registration) -> dict[str, Any]:
    """Return a registration as JSON data, with its full id."""
    return {"id": registration.id} | asdict(registration)


def row(component: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return a row of the table; the summary mentions revisions after the first."""
    summary = component.get("summary") or component.get("description") or ""
    revision = component.get("revision", 1)
    words = f"{summary} (revision {revision})" if revision > 1 else summary
    return shorten(component["id"]), words, component["paper"] or ""
