"""``ganzoo run``: check recipes, train them, score them."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import Any, NamedTuple

import click

from ganzoo.cli import options
from ganzoo.cli.errors import report, report_bug
from ganzoo.cli.output import say
from ganzoo.errors import GanzooError, Interrupted, Unfinished
from ganzoo.report.listing import own_score
from ganzoo.runs.references import check_name


class Job(NamedTuple):
    """One run of the command."""

    recipe: str
    overrides: list[str]

    def __str__(self) -> str:
        return shlex.join([self.recipe, *self.overrides])


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

    Several recipes, or --seeds, are all checked before the first is trained. They run one after
    another; those that are finished are skipped, and one that fails does not stop the rest.
    """
    jobs = jobs_of(recipes_and_overrides, given["seeds"])
    if given["name"] is not None:
        check_name(given["name"])
    given["deadline"] = time.monotonic() + given["max_time"] if given["max_time"] else None
    if given["only_print"]:
        for job in jobs:
            click.echo(shlex.join(["ganzoo", "run", job.recipe, *job.overrides, *_flags(given)]))
    elif len(jobs) == 1 and not given["seeds"]:
        run_one(jobs[0], given)
    else:
        check_all(jobs, given)
        run_all(jobs, given | {"resume": "auto"})


def jobs_of(words: tuple[str, ...], seeds: tuple[int, ...] | None) -> list[Job]:
    """Return a job for each recipe among the words, or for each of its seeds.

    Raises:
        click.UsageError: no recipe, or words that contradict each other.
    """
    overrides = [word for word in words if "=" in word and not os.path.isfile(word)]
    recipes = [word for word in words if word not in overrides]
    if any(word.startswith("=") for word in overrides):
        raise click.UsageError("an override is KEY=VALUE, without spaces around the `=`")
    if not recipes:
        raise click.UsageError("name a recipe: a YAML file, or one of `ganzoo recipes`")
    if seeds is None:
        return [Job(recipe, overrides) for recipe in recipes]
    if own := [word for word in overrides if word.startswith("seed=")]:
        raise click.UsageError(f"{own[-1]} and --seeds both say the seed; choose one")
    return [Job(recipe, [*overrides, f"seed={seed}"]) for recipe in recipes for seed in seeds]


def _flags(given: dict[str, Any]) -> list[str]:
    """Return the options of one printed command, which is safe to start twice."""
    flags = ["--resume", "auto", "--runs-dir", str(given["runs_dir"])]
    if given["max_time"]:
        flags += ["--max-time", f"{given['max_time']:.0f}s"]
    for option in ("name", "plugin", "expect_processes"):
        if given[option]:
            flags += [f"--{option.replace('_', '-')}", str(given[option])]
    return flags + (["--allow-drift"] if given["allow_drift"] else [])


def _plan(job: Job, given: dict[str, Any]) -> Any:
    from ganzoo.training.launch import prepare

    registry = options.registry(given["plugin"])
    return prepare(job.recipe, job.overrides, registry, allow_drift=given["allow_drift"])


def run_one(job: Job, given: dict[str, Any]) -> None:
    """Run one job to its end, and say what came of it."""
    from ganzoo.cli.progress import TerminalReporter
    from ganzoo.training.launch import Options, start
    from ganzoo.training.rejoin import start_or_go_on

    reporter: Any = TerminalReporter()
    plan = _plan(job, given)
    deadline = given["deadline"]
    chosen = Options(
        runs_directory=given["runs_dir"],
        name=given["name"],
        max_seconds=max(deadline - time.monotonic(), 0.0) if deadline else None,
        expect_processes=given["expect_processes"],
        reporter=reporter,
    )
    directory = start_or_go_on(plan, chosen) if given["resume"] else start(plan, chosen)
    epilogue(directory, reporter)


def epilogue(directory: Any, reporter: Any) -> None:
    """Say where the run is and what it scored; its path alone goes to standard output."""
    score = own_score(directory.scores())
    if score and score.sampling and score.sampling.selected == "final":
        reporter.say("score", f"{score.value:.4g}  {score.protocol.words()}  final")
    pictures = sorted(Path(directory.samples_directory).glob("step-*.png"))
    if pictures:
        reporter.say("look", str(pictures[-1]))
    if not reporter.silent:
        click.echo(str(directory.path))


def check_all(jobs: list[Job], given: dict[str, Any]) -> None:
    """Check every recipe once, with the first of its seeds, and say all that is wrong.

    Raises:
        click.exceptions.Exit: something is, with the exit code of the first problem.
    """
    from ganzoo.training.launch import check_data

    first: dict[str, Job] = {}
    for job in jobs:
        first.setdefault(job.recipe, job)
    failures: dict[str, GanzooError] = {}
    for job in first.values():
        try:
            check_data(_plan(job, given))
        except GanzooError as error:
            if error.message not in [each.message for each in failures.values()]:
                report(error)
            failures[job.recipe] = error
    if failures:
        say(f"nothing is trained: {', '.join(failures)} cannot be run")
        raise click.exceptions.Exit(next(iter(failures.values())).exit_code)


def run_all(jobs: list[Job], given: dict[str, Any]) -> None:
    """Run every job, whatever becomes of the others. Only a stop signal or the time limit ends all.

    Raises:
        click.exceptions.Exit: some failed, with the exit code of the first.
    """
    failures: list[tuple[Job, int]] = []
    for job in jobs:
        if given["deadline"] and time.monotonic() >= given["deadline"]:
            again = "the same command again: it skips what is finished"
            raise Unfinished(f"stopped by time limit before {job}", hint=again)
        try:
            run_one(job, given)
        except (Interrupted, Unfinished):
            raise
        except GanzooError as error:
            report(error)
            failures.append((job, error.exit_code))
        except Exception as error:  # a plugin's own, or a bug: the others need not wait for a cure
            report_bug(error)
            failures.append((job, GanzooError.exit_code))
    if failures:
        say(f"{len(failures)} of {len(jobs)} runs failed:")
        for job, code in failures:
            say(f"  exit code {code}: {job}")
        raise click.exceptions.Exit(failures[0][1])
