"""``ganzoo conformance``: check components against the contract of their kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.api import HOOKS
from ganzoo.cli import completion, options
from ganzoo.cli.output import emit, emit_json, emit_table, say
from ganzoo.errors import PluginError, UsageError
from ganzoo.registry.names import kind_of

if TYPE_CHECKING:
    from ganzoo.testing.outcomes import Outcome
    from ganzoo.testing.suite import Trial


@click.command()
@click.argument("pattern", required=False, shell_complete=completion.components)
@click.argument("parameters", nargs=-1, metavar="[PARAMETER=VALUE…]")
@click.option("--kind", shell_complete=completion.kinds, help="Only components of this kind.")
@click.option(
    "--spec",
    "specs",
    multiple=True,
    metavar="SPEC",
    help="Also try this spec: image:3x32x32, image:3x32x32:10 (classes), or JSON.",
)
@click.option(
    "--latent",
    "latents",
    multiple=True,
    metavar="LATENT",
    help="Draw the latents of games from this: an id, or JSON with its parameters.",
)
@click.option("--list", "listing", is_flag=True, help="Describe each check.")
@options.as_json
@options.plugin
def conformance(
    pattern: str | None,
    parameters: tuple[str, ...],
    kind: str | None,
    specs: tuple[str, ...],
    latents: tuple[str, ...],
    listing: bool,
    as_json: bool,
    plugin: Path | None,
) -> None:
    """Check components against the contract of their kind.

    PATTERN is a shell pattern over ids, such as 'acme/*'. PARAMETER=VALUE sets a parameter that
    has no default, or tries another value. The exit code is 2 if a check fails; checks that
    could not run are listed and are no failure.
    """
    kind = kind_of(kind) if kind else None
    if listing:
        _list(kind, as_json)
        return
    if pattern is None:
        raise UsageError(
            "missing PATTERN: an id or a shell pattern", hint="ganzoo conformance 'acme/*'"
        )
    from ganzoo.testing.suite import trials

    found = trials(
        pattern,
        registry=options.registry(plugin),
        kind=kind,
        everywhere=options.parameters(parameters),
        specs=specs,
        latents=latents,
    )
    outcomes = _examine(found, quiet=as_json)
    if as_json:
        emit_json([each.to_dict() for each in outcomes])
    _conclude(outcomes)


def _list(kind: str | None, as_json: bool) -> None:
    from ganzoo.report.table import Table
    from ganzoo.testing.suite import CHECKS

    rows = [
        (each, check.name, check.proves)
        for each in HOOKS
        for check in CHECKS[each]
        if kind in (None, each)
    ]
    columns = ("kind", "check", "proves")
    if as_json:
        emit_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        emit_table(Table(columns, rows))


def _examine(trials: list[Trial], *, quiet: bool) -> list[Outcome]:
    """Run every check; unless `quiet`, print each component's outcome as soon as it is known."""
    from ganzoo.testing.outcomes import EXEMPT, PASSED, summary
    from ganzoo.testing.registrations import missing_descriptions
    from ganzoo.testing.suite import by_component

    outcomes: list[Outcome] = []
    for component, its_trials in by_component(trials):
        its_outcomes = [trial.outcome() for trial in its_trials]
        outcomes += its_outcomes
        if quiet:
            continue
        emit(f"{component}: {summary(its_outcomes)}")
        said = set()
        for each in its_outcomes:
            if each.outcome not in (PASSED, EXEMPT) and each.message not in said:
                emit(f"  {each}")
                said.add(each.message)
        if note := missing_descriptions(its_trials[0].component):
            emit(f"  note: {note}")
    return outcomes


def _conclude(outcomes: list[Outcome]) -> None:
    """Raise PluginError if a check failed."""
    from ganzoo.testing.outcomes import FAILED, summary

    failed = [each for each in outcomes if each.outcome == FAILED]
    if not failed:
        say(f"conformance: {summary(outcomes)}")
        return
    first = failed[0]
    hint = f"ganzoo conformance --list --kind {first.kind}"
    if first.error and first.error.__cause__:
        hint = f"ganzoo conformance {first.component} --kind {first.kind} --traceback"
    raise PluginError(f"conformance: {summary(outcomes)}", hint=hint) from first.error
