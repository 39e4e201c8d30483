"""``ganzoo run``: check recipes, train them, score them."""

from __future__ import annotations

import gc
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ganzoo.cli import completion, options
from ganzoo.cli.main import report_and_get_code
from ganzoo.cli.output import emit, report_error, say
from ganzoo.errors import GanzooError, Interrupted, Unfinished
from ganzoo.recipes import Recipe
from ganzoo.recipes.schema import Settings
from ganzoo.report.entries import own_score
from ganzoo.runs.references import check_name
from ganzoo.runs.samples import last_preview

if TYPE_CHECKING:
    from ganzoo.components.plan import Plan
    from ganzoo.runs.directory import RunDirectory
    from ganzoo.training.launch import Options


class Job(NamedTuple):
    """One run to train."""

    recipe: str
    overrides: list[str]

    def __str__(self) -> str:
        return shlex.join([self.recipe, *self.overrides])


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The flags of ``ganzoo run``."""

    seeds: tuple[int, ...] | None
    only_print: bool = False
    resume: str | None = None
    name: str | None = None
    allow_drift: bool = False
    strict_code: bool = False
    runs_dir: Path
    max_time: float | None
    """Seconds."""
    expect_processes: int | None
    plugin: Path | None

    def flags(self) -> list[str]:
        """Return the flags of one printed command, which is safe to start twice."""
        flags = ["--resume", "auto", "--runs-dir", str(self.runs_dir)]
        flags += ["--max-time", f"{self.max_time:.0f}s"] if self.max_time else []
        flags += ["--name", self.name] if self.name else []
        flags += ["--plugin", str(self.plugin)] if self.plugin else []
        if self.expect_processes:
            flags += ["--expect-processes", str(self.expect_processes)]
        flags += ["--allow-drift"] if self.allow_drift else []
        return flags + (["--strict-code"] if self.strict_code else [])

    def plan(self, job: Job) -> Plan:
        """Return a job's plan, which has passed every check."""
        from ganzoo.training.launch import prepare

        registry = options.registry(self.plugin)
        code = {"allow_drift": self.allow_drift, "strict_code": self.strict_code}
        return prepare(job.recipe, job.overrides, registry, **code)

    def training(self, reporter: Any, deadline: float | None) -> Options:
        """Return the options of one job; `deadline` is a time of `time.monotonic`."""
        from ganzoo.training.launch import Options

        return Options(
            runs_directory=self.runs_dir,
            name=self.name,
            max_seconds=max(deadline - time.monotonic(), 0.0) if deadline else None,
            expect_processes=self.expect_processes,
            allow_drift=self.allow_drift,
            strict_code=self.strict_code,
            reporter=reporter,
        )


@click.command()
@click.argument(
    "recipes_and_overrides",
    nargs=-1,
    required=True,
    metavar="RECIPE… [KEY=VALUE…]",
    shell_complete=completion.recipes_and_overrides,
)
@click.option(
    "--seeds", type=options.Seeds(), metavar="LIST", help="One run per seed: 0,1,2 or 0-4."
)
@click.option(
    "--print", "only_print", is_flag=True, help="Print one command per run, train nothing."
)
@click.option(
    "--resume",
    type=click.Choice(["auto"]),
    help="Continue the same experiment if it exists; do nothing if it is finished.",
)
@click.option("--name", help="Name of the run; default: the recipe's.")
@click.option("--allow-drift", is_flag=True, help="Run a lock file even if a revision has changed.")
@click.option(
    "--strict-code", is_flag=True, help="Refuse a lock file if any code or version differs."
)
@options.runs_directory
@options.max_time
@options.expect_processes
@options.plugin
def run(recipes_and_overrides: tuple[str, ...], **flags: Any) -> None:
    """Check RECIPE, train it, score it during training and at the end.

    RECIPE is a YAML file or a name that `ganzoo recipes` lists. KEY=VALUE overrides any of its
    keys: train.steps=500, generator.width=32, loss=hinge.

    Several recipes, or several --seeds, are all checked before the first is trained. They run one
    after another; finished ones are skipped, and a failure does not stop the rest.
    """
    given = RunOptions(**flags)
    jobs = jobs_of(recipes_and_overrides, given.seeds)
    if given.name is not None:
        check_name(given.name, ("run", jobs[0].recipe))
    if given.only_print:
        for recipe in dict.fromkeys(job.recipe for job in jobs):
            Recipe.load(recipe, jobs[0].overrides, options.registry(given.plugin))
        for job in jobs:
            emit(shlex.join(["ganzoo", "run", job.recipe, *job.overrides, *given.flags()]))
        return
    deadline = time.monotonic() + given.max_time if given.max_time else None
    import_training()
    is_queue = len(jobs) > 1 or given.seeds is not None
    if is_queue:
        check_all(jobs, given)
    from ganzoo.training.ending import require_not_collapsed
    from ganzoo.training.launch import train_run
    from ganzoo.training.progress import TerminalReporter
    from ganzoo.training.rejoin import start_or_resume

    train = start_or_resume if is_queue or given.resume else train_run
    failures: list[tuple[Job, int]] = []
    for job in jobs:
        with queued(job, failures, deadline) if is_queue else nullcontext():
            reporter = TerminalReporter()
            directory = train(given.plan(job), given.training(reporter, deadline))
            print_result(directory, reporter)
            require_not_collapsed(directory)
    if failures:
        say(f"{len(failures)} of {len(jobs)} runs failed:")
        for job, code in failures:
            say(f"  exit code {code}: {job}")
        raise click.exceptions.Exit(failures[0][1])


def import_training() -> None:
    """Import what training needs without garbage collection, which would take a third as long.

    Imports make no garbage. Later collections skip what was imported here.
    """
    if "torch._dynamo" in sys.modules:
        return
    gc.disable()
    import_module("ganzoo.training.launch")
    import_module("torch._dynamo")  # torch's optimizers import it when one is made
    gc.freeze()
    gc.enable()


def jobs_of(words: tuple[str, ...], seeds: tuple[int, ...] | None) -> list[Job]:
    """Return one job per recipe among the words, or one per recipe and seed.

    Raises:
        click.UsageError: no recipe, or words that contradict each other.
    """
    overrides = [word for word in words if "=" in word and not os.path.isfile(word)]
    recipes = [word for word in words if word not in overrides]
    if any(word.startswith("=") for word in overrides):
        raise click.UsageError("an override is KEY=VALUE, without spaces around the `=`")
    if not recipes:
        raise click.UsageError("name a recipe: a YAML file, or one of `ganzoo recipes`")
    for word in recipes[1:]:
        if word.partition(".")[0] in Settings.model_fields and not os.path.exists(word):
            raise click.UsageError(f"{word} has no value: write {word}=VALUE")
    if seeds is None:
        return [Job(recipe, overrides) for recipe in recipes]
    if own := [word for word in overrides if word.startswith("seed=")]:
        raise click.UsageError(f"{own[-1]} and --seeds both set the seed; choose one")
    return [Job(recipe, [*overrides, f"seed={seed}"]) for recipe in recipes for seed in seeds]


def check_all(jobs: list[Job], given: RunOptions) -> None:
    """Check every recipe once, with its first seed, and print all problems.

    Raises:
        click.exceptions.Exit: some recipe has one, with the exit code of the first.
    """
    from ganzoo.components.data import check_readable

    first: dict[str, Job] = {}
    for job in jobs:
        first.setdefault(job.recipe, job)
    failures: dict[str, GanzooError] = {}
    for job in first.values():
        try:
            check_readable(given.plan(job).dataset)
        except GanzooError as error:
            if error.message not in [each.message for each in failures.values()]:
                report_error(error)
            failures[job.recipe] = error
    if failures:
        say(f"nothing is trained: {', '.join(failures)} cannot be run")
        raise click.exceptions.Exit(next(iter(failures.values())).exit_code)


@contextmanager
def queued(job: Job, failures: list[tuple[Job, int]], deadline: float | None) -> Iterator[None]:
    """Record a failure of one of several jobs instead of raising it, so that the others run.

    Raises:
        Interrupted, Unfinished: a stop signal or the time limit, which ends all of them.
    """
    if deadline and time.monotonic() >= deadline:
        again = "the same command again: it skips what is finished"
        raise Unfinished(f"stopped by time limit before {job}", hint=again)
    try:
        yield
    except (Interrupted, Unfinished):
        raise
    except Exception as error:  # even a plugin's error, or a bug: the other jobs can still run
        failures.append((job, report_and_get_code(error, with_traceback=False)))


def print_result(directory: RunDirectory, reporter: Any) -> None:
    """Print the final score and the last preview to stderr, and the run's path to stdout."""
    score = own_score(directory.scores())
    if score and score.selected == "final":
        reporter.say("score", f"{score.value:.4g}  {score.protocol.words()}  final")
    if newest := last_preview(directory):
        reporter.say("look", str(newest[0]))
    if not reporter.silent:
        emit(str(directory.path))
