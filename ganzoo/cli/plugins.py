"""``ganzoo plugins``: what is installed, and why one does not work."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit_json, emit_table, say
from ganzoo.registry.discovery import Namespace
from ganzoo.registry.names import PLURALS
from ganzoo.registry.registry import Registry
from ganzoo.registry.unknown import INSTALL_ZOO
from ganzoo.report.table import Table

COLUMNS = ("namespace", "distribution", "version", "origin", "status", "components", "load ms")


@click.command()
@options.as_json
@options.plugin
def plugins(as_json: bool, plugin: Path | None) -> None:
    """List the plugins, and why one does not work.

    Third-party plugins are not reviewed by ganzoo: installing one is trusting it.
    """
    namespaces = options.registry(plugin).namespaces()
    if as_json:
        emit_json([described(namespace) for namespace in namespaces])
        return
    if not namespaces:
        say(f"no plugin is installed\ntry: {INSTALL_ZOO}")
        return
    emit_table(Table(COLUMNS, [row(each) for each in namespaces], {"components", "load ms"}))
    for namespace in namespaces:
        for note in notes(namespace):
            say(f"{namespace.name}: {note}")


def described(namespace: Namespace) -> dict[str, object]:
    """Return a namespace as JSON data, with the number of components of each kind."""
    counts = Counter(PLURALS[each.kind] for each in namespace.registrations)
    hidden = ("registrations", "entry_point", "loaded")
    fields = {name: value for name, value in asdict(namespace).items() if name not in hidden}
    return fields | {"components": dict(counts)}


def row(namespace: Namespace) -> tuple[str, ...]:
    """Return a line of the table."""
    return (
        namespace.name,
        namespace.distribution,
        namespace.version,
        namespace.origin,
        namespace.status,
        str(len(namespace.registrations)),
        f"{namespace.load_seconds * 1000:.0f}" if namespace.loaded else "-",
    )


def notes(namespace: Namespace) -> list[str]:
    """Return what a reader should know beside the table."""
    found = []
    if namespace.error:
        found.append(namespace.error)
    if namespace.eager_torch:
        found.append("its import loads torch, which makes every listing slow")
    if namespace.origin == "third-party" and namespace.status == "ok":
        found.append("third-party: not reviewed by ganzoo")
    return found


def warn(registry: Registry) -> None:
    """Say which plugins are left out of what was listed, and where there is none at all."""
    namespaces = registry.namespaces()
    for namespace in namespaces:
        if namespace.status not in ("ok", "disabled"):
            say(
                f"left out: {namespace.name} ({namespace}) is {namespace.status}: {namespace.error}"
            )
    if not namespaces:
        say(f"no plugin is installed\ntry: {INSTALL_ZOO}")
