"""``ganzoo plugins``: the installed plugins, and why one does not work."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from ganzoo.api import HOOKS
from ganzoo.cli import options
from ganzoo.cli.output import emit, emit_json, emit_table, say
from ganzoo.registry.discovery import Namespace
from ganzoo.registry.names import PLURALS
from ganzoo.registry.registry import Registry
from ganzoo.registry.unknown import INSTALL_ZOO
from ganzoo.report.table import Table

COLUMNS = ("namespace", "distribution", "version", "origin", "status", "load ms", "loads torch")


@click.command()
@options.as_json
@options.plugin
def plugins(as_json: bool, plugin: Path | None) -> None:
    """List the plugins, how many components each has, and the reason if one does not load.

    Third-party plugins are not reviewed by ganzoo: installing one means trusting it.
    """
    namespaces = options.registry(plugin).namespaces()
    if as_json:
        emit_json([described(namespace) for namespace in namespaces])
        return
    if not namespaces:
        say(f"no plugin is installed\ntry: {INSTALL_ZOO}")
        return
    emit_table(Table(COLUMNS, [row(each) for each in namespaces], {"load ms"}))
    if bringing := [each for each in namespaces if each.registrations]:
        emit()
        emit_table(counted(bringing))
    for note in notes(namespaces):
        say(note)


def described(namespace: Namespace) -> dict[str, object]:
    """Return a namespace as JSON data, with the number of components of each kind."""
    counts = counts_of(namespace)
    return {
        "namespace": namespace.name,
        "distribution": namespace.distribution,
        "version": namespace.version,
        "origin": namespace.origin,
        "status": namespace.status,
        "error": namespace.error,
        "hint": namespace.hint,
        "load_ms": round(namespace.load_seconds * 1000, 1) if namespace.loaded else None,
        "loads_torch": namespace.eager_torch if namespace.loaded else None,
        "components": {PLURALS[kind]: counts[kind] for kind in HOOKS if counts[kind]},
    }


def counts_of(namespace: Namespace) -> Counter[str]:
    """Return the number of components of each kind in a plugin."""
    return Counter(each.kind for each in namespace.registrations)


def row(namespace: Namespace) -> tuple[str, ...]:
    """Return a plugin's row; ``-`` stands for what is unknown because it was not loaded."""
    return (
        namespace.name,
        namespace.distribution,
        namespace.version,
        namespace.origin,
        namespace.status,
        f"{namespace.load_seconds * 1000:.0f}" if namespace.loaded else "-",
        ("yes" if namespace.eager_torch else "no") if namespace.loaded else "-",
    )


def counted(namespaces: Sequence[Namespace]) -> Table:
    """Return the number of components: a row per kind, a column per plugin."""
    counts = {each.name: counts_of(each) for each in namespaces}
    rows = [
        (PLURALS[kind], *(str(counts[name][kind] or "-") for name in counts))
        for kind in HOOKS
        if any(counts[name][kind] for name in counts)
    ]
    return Table(("brings", *counts), rows, numbers=counts)


def notes(namespaces: Sequence[Namespace]) -> list[str]:
    """Return the notes below the tables: errors with their hints, warnings."""
    found = []
    for namespace in namespaces:
        if namespace.error:
            found.append(f"{why(namespace)}\ntry: {namespace.hint}")
        if namespace.eager_torch and namespace.origin != "local":
            found.append(
                f"{namespace.name}: its import loads torch, which makes every listing slow;"
                " `ganzoo conformance` shows its author how to fix that"
            )
    foreign = [each.name for each in namespaces if each.origin == "third-party"]
    if foreign:
        found.append(f"third-party, not reviewed by ganzoo: {', '.join(dict.fromkeys(foreign))}")
    return found


def why(namespace: Namespace) -> str:
    """Return one line that says why a plugin is not used."""
    return f"{namespace.name} ({namespace}) is {namespace.predicate}: {namespace.error}"


def warn(registry: Registry, *, nothing_found: bool = False) -> None:
    """Warn about plugins that are missing in a listing, or if no plugin is installed.

    Plugins that the user switched off are only named if nothing was found.
    """
    namespaces = registry.namespaces()
    silent = ("ok",) if nothing_found else ("ok", "disabled")
    left_out = [each for each in namespaces if each.status not in silent]
    for namespace in left_out:
        say(f"left out: {why(namespace)}")
    if len(left_out) == 1:
        say(f"try: {left_out[0].hint}")
    elif left_out:
        say("try: ganzoo plugins")
    if not namespaces:
        say(f"no plugin is installed\ntry: {INSTALL_ZOO}")
