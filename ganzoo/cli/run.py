"""``ganzoo run``: check recipes, train them, score them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from ganzoo.cli import options


@click.command()
@click.argument("recipes_and_overrides", nargs=-1, required=True, metavar="RECIPE… [KEY=VALUE…]")
@click.option("--seeds", type=options.Seeds(), metavar="LIST", help="Run each with these: 0,1,2.")
@click.option("--print", "only_print", is_flag=True, help="Write one command a run, run nothing.")
@click.option(
    "--resume",
    type=click.Choice(["auto"]),
    help="Go on with the same experiment if it is there; do nothing if it is finished.",
)
@click.option("--name", help="Name of the run, instead of the recipe's.")
@click.option("--allow-drift", is_flag=True, help="Run a lock although its code has changed.")
@options.runs_directory
@options.max_time
@options.expect_processes
@options.plugin
def run(recipes_and_overrides: tuple[str, ...], **given: Any) -> None:
    """Check RECIPE, train it with a progress bar, score it on the way and at the end.

    RECIPE is a YAML file or a name that `ganzoo recipes` lists. KEY=VALUE overrides anything in
    it: train.steps=500, generator.width=32, loss=hinge.

    Several recipes, or --seeds, run one after another; those that are finished are skipped, and
    one that fails does not stop the rest.
    """
    recipes = [word for word in recipes_and_overrides if "=" not in word]
    overrides = [word for word in recipes_and_overrides if "=" in word]
    if not recipes:
        raise click.UsageError("name a recipe: a YAML file, or one of `ganzoo recipes`")
    seeds = given["seeds"]
    jobs = [
        (recipe, [*overrides, f"seed={seed}"] if seeds else overrides)
        for recipe in recipes
        for seed in seeds or (0,)
    ]
    if given["only_print"]:
        for recipe, changes in jobs:
            click.echo(shlex.join(["ganzoo", "run", recipe, *changes, *_flags(given)]))
    elif len(jobs) == 1:
        _run_one(*jobs[0], given)
    else:
        _run_all(jobs, given)


def _flags(given: dict[str, Any]) -> list[str]:
    """Return the options of one printed command, which is safe to start twice."""
    flags = ["--resume", "auto", "--runs-dir", str(given["runs_dir"])]
    if given["max_time"]:
        flags += ["--max-time", f"{given['max_time']:.0f}s"]
    for option in ("name", "plugin", "expect_processes"):
        if given[option]:
            flags += [f"--{option.replace('_', '-')}", str(given[option])]
    return flags


def _run_one(recipe: str, overrides: list[str], given: dict[str, Any]) -> None:
    from ganzoo.cli.progress import TerminalReporter
    from ganzoo.engine.launch import Options, prepare, resume, start
    from ganzoo.engine.rejoin import same_run

    reporter = TerminalReporter()
    registry = options.registry(given["plugin"])
    plan = prepare(recipe, overrides, registry, allow_drift=given["allow_drift"])
    chosen = Options(
        runs_directory=given["runs_dir"],
        name=given["name"],
        max_seconds=given["max_time"],
        expect_processes=given["expect_processes"],
        reporter=reporter,  # type: ignore[arg-type]
    )
    known = same_run(plan, chosen.runs_directory, chosen.name) if given["resume"] else None
    if known is None:
        directory = start(plan, chosen)
    else:
        directory = known
        steps = plan.budget.steps
        if known.status() == "finished" and known.info().get("steps", 0) >= steps:
            reporter.say("run", f"{known.path}  is finished already")
        else:
            resume(known, [f"train.steps={steps}"], chosen)
    epilogue(directory, reporter)


def epilogue(directory: Any, reporter: Any) -> None:
    """Say where the run is and what it scored; its path alone goes to standard output."""
    finals = [s for s in directory.scores() if s.sampling and s.sampling.selected == "final"]
    if finals:
        score = finals[-1]
        reporter.say("score", f"{score.value:.4g}  {score.protocol.words()}  final")
    pictures = sorted(Path(directory.samples_directory).glob("step-*.png"))
    if pictures:
        reporter.say("look", str(pictures[-1]))
    if not reporter.silent:
        click.echo(str(directory.path))


def _run_all(jobs: list[tuple[str, list[str]]], given: dict[str, Any]) -> None:
    """Run every job; raise the first failure's exit code at the end. A stop signal stops all."""
    from ganzoo.cli.errors import report
    from ganzoo.errors import GanzooError, Interrupted, Unfinished

    failures = []
    for recipe, overrides in jobs:
        try:
            _run_one(recipe, overrides, given | {"resume": "auto"})
        except (Interrupted, Unfinished):
            raise
        except GanzooError as error:
            report(error)
            failures.append((recipe, overrides, error.exit_code))
    if failures:
        for recipe, overrides, code in failures:
            click.echo(f"failed (exit code {code}): {shlex.join([recipe, *overrides])}", err=True)
        raise SystemExit(failures[0][2])
