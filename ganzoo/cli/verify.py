"""``ganzoo verify``: does a recipe reproduce its published score?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import completion, options
from ganzoo.cli.output import emit, emit_json, say
from ganzoo.cli.run import Job, RunOptions, jobs_of, queued
from ganzoo.errors import ComparisonError, DataError, UsageError
from ganzoo.recipes.load import Recipe, shipped_recipes
from ganzoo.recipes.lock import read_lock
from ganzoo.recipes.overrides import override_layer
from ganzoo.recipes.schema import Mark, marked
from ganzoo.report.entries import Unranked, read_entry
from ganzoo.report.published import PublishedFigure
from ganzoo.report.verify import Conditions, Verdict, judge, measured_in
from ganzoo.runs.directory import INFO, RunDirectory
from ganzoo.runs.references import command
from ganzoo.training.progress import is_main_process

if TYPE_CHECKING:
    from ganzoo.components.plan import Plan

NOT_REPRODUCED = 11
CANNOT_BE_COMPARED = 12
EXIT_CODES = {
    "reproduced": 0,
    "not reproduced": NOT_REPRODUCED,
    "cannot be compared": CANNOT_BE_COMPARED,
}

ALLOWED = (*marked(Mark.CADENCE, Mark.EXECUTION, Mark.READING), "dataset.path")
"""Keys that an override may set: they change no numbers, or say where the data is."""


@dataclass
class Case:
    """One recipe with its published score, its jobs, and its runs."""

    figure: PublishedFigure
    words: tuple[str, ...]
    """The recipe and overrides of a command that trains more seeds of it."""
    jobs: list[Job] = field(default_factory=list)
    runs: list[RunDirectory] = field(default_factory=list)
    reason: str | None = None
    """Why the scores cannot be compared."""
    hint: str | None = None

    def verdict(self, runs_directory: Path) -> Verdict:
        """Compare the scores of the runs with the published one."""
        measured = []
        try:
            measured = [measured_in(run, self.figure) for run in self.runs if not self.reason]
        except ComparisonError as error:
            self.reason, self.hint = error.message, error.hint
        if self.reason:
            return Verdict("cannot be compared", self.figure, self.reason, self.hint)
        return judge(self.figure, measured, self.words, runs_directory)


@click.command()
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="RECIPE|RUN… [KEY=VALUE…]",
    shell_complete=completion.recipes_and_overrides,
)
@click.option(
    "--seeds", type=options.Seeds(), metavar="LIST", help="One run per seed: 0,1,2 or 0-4."
)
@options.runs_directory
@options.max_time
@options.expect_processes
@options.plugin
@options.as_json
def verify(words: tuple[str, ...], as_json: bool, **flags: Any) -> None:
    """Say if RECIPE reproduces its published score, with the numbers.

    Trains what is not finished yet in --runs-dir, as `ganzoo run --resume auto` does. The mean over
    the seeds is compared with the published value under its protocol. A RUN that is finished is
    compared as it is; runs of one experiment count as its seeds.

    KEY=VALUE may only change how the same numbers are computed, or say where the data is.

    Exit code: 0 reproduced, 11 not reproduced, 12 cannot be compared (other protocol, data or
    weights that are not here, a failed run).
    """
    given = RunOptions(**flags, resume="auto")
    named = [word for word in words if _is_run(word, given.runs_dir)]
    rest = tuple(word for word in words if word not in named)
    cases = _cases_of_runs(named, given.runs_dir) if named else []
    if named and given.seeds is not None:
        raise click.UsageError("--seeds trains recipes; name the runs of other seeds as well")
    if rest or not named:
        cases += _cases_of_recipes(rest, given)
    _train([each for each in cases if not each.reason and not each.runs], given)
    if not is_main_process():
        return
    verdicts = [each.verdict(given.runs_dir) for each in cases]
    if as_json:
        emit_json([each.to_dict() for each in verdicts])
    else:
        emit("\n\n".join("\n".join(each.lines()) for each in verdicts))
    for hint in dict.fromkeys(each.hint for each in verdicts if each.hint):
        say(f"try: {hint}")
    if codes := sorted(filter(None, (EXIT_CODES[each.outcome] for each in verdicts))):
        raise click.exceptions.Exit(codes[0])


def _is_run(word: str, runs_directory: Path) -> bool:
    """Return whether a word names runs, as `RunDirectory.find` reads it, and no recipe."""
    if "=" in word or word in shipped_recipes():
        return False
    if word == "last" or (Path(word) / INFO).is_file():
        return True
    return any(word and run.name.startswith(word) for run in RunDirectory.all(runs_directory))


def _cases_of_runs(references: Sequence[str], runs_directory: Path) -> list[Case]:
    """Return one case per experiment of the runs.

    Raises:
        UsageError: a run's recipe has no published score.
    """
    cases: dict[str, Case] = {}
    for reference in references:
        run = RunDirectory.find(reference, runs_directory)
        entry = read_entry(run)
        lock = read_lock(run.lock_file)
        name = str(lock.get("name", run.name))
        if not isinstance(lock.get("published"), dict):
            raise _nothing_published(str(run.lock_file))
        figure = PublishedFigure.of(name, lock["published"], lock.get("reproduced"))
        key = run.name if isinstance(entry, Unranked) else entry.experiment
        case = cases.setdefault(key, Case(figure, (str(run.lock_file),)))
        if run.path.resolve() not in [each.path.resolve() for each in case.runs]:
            case.runs.append(run)
    return list(cases.values())


def _cases_of_recipes(words: tuple[str, ...], given: RunOptions) -> list[Case]:
    """Return one case per recipe; every recipe is checked.

    Raises:
        UsageError: a recipe has no published score, or an override makes another experiment.
        GanzooError: a recipe cannot be run, and not because its data is missing.
    """
    jobs = jobs_of(words, given.seeds)
    own = [word for word in words if "=" in word and word in jobs[0].overrides]
    cases: dict[str, Case] = {}
    for job in jobs:
        if job.recipe in cases:
            cases[job.recipe].jobs.append(job)
            continue
        registry = options.registry(given.plugin)
        loaded = Recipe.load(job.recipe, (), registry)
        settings = loaded.settings
        if settings.published is None:
            raise _nothing_published(job.recipe)
        _only_same_numbers(job.recipe, own)
        about = settings.published.model_dump()
        figure = PublishedFigure.of(settings.name, about, settings.reproduced)
        case = cases[job.recipe] = Case(figure, (job.recipe, *own), [job])
        try:
            case.reason = _conditions(given.plan(job)).conflict(figure)
        except (DataError, NoExtractor) as error:  # data, or the extractor's weights, not here
            case.reason, case.hint = error.message, error.hint
    return list(cases.values())


class NoExtractor(UsageError):
    """The recipe leaves the extractor to its data, and no extractor here fits that data."""


def _conditions(plan: Plan) -> Conditions:
    """Return what the final scores of a plan will be made under.

    Raises:
        NoExtractor: there will be none, for lack of an extractor or its weights.
    """
    from ganzoo.components.build import reference_of
    from ganzoo.components.extractors import why_unscored

    if plan.extractor is None and plan.recipe.settings.eval.extractor == "auto":
        why = why_unscored(plan.components["dataset",].registration, plan.registry, plan.spec)
        raise NoExtractor(why.message, hint=why.hint)
    return Conditions(
        plan.extractor.id if plan.extractor else None,
        plan.budget.final_samples,
        len(reference_of(plan)),
        plan.recipe.settings.eval.reference,
    )


def _only_same_numbers(recipe: str, overrides: Sequence[str]) -> None:
    """Raise UsageError for an override of a key that is not `ALLOWED`."""
    data = override_layer(list(overrides)).data
    keys = [
        f"{section}.{key}" if isinstance(part, dict) and section != "callbacks" else section
        for section, part in data.items()
        for key in (part if isinstance(part, dict) and part else (section,))
    ]
    for key in keys:
        if key == "seed":
            raise UsageError(
                "verify takes seeds with --seeds", hint=command("verify", recipe, "--seeds", "0-2")
            )
        if key not in ALLOWED:
            raise UsageError(
                f"{key} makes another experiment than the published one; verify takes only keys "
                f"that change no numbers: {', '.join(ALLOWED)}",
                hint=command("run", recipe, *overrides),
            )


def _nothing_published(recipe: str) -> UsageError:
    return UsageError(
        f"{recipe} carries no published score to compare with",
        hint=command("run", recipe) + "   # its key `published` would hold one",
    )


def _train(cases: Sequence[Case], given: RunOptions) -> None:
    """Train what is not finished; a failure of one job does not stop the others."""
    from ganzoo.training.progress import TerminalReporter
    from ganzoo.training.rejoin import finished_or_trained

    deadline = time.monotonic() + given.max_time if given.max_time else None
    for case in cases:
        failures: list[tuple[Job, int]] = []
        for job in case.jobs:
            with queued(job, failures, deadline):
                reporter = TerminalReporter()
                training = given.training(reporter, deadline)
                case.runs.append(finished_or_trained(given.plan(job), training))
        if failures:
            failed = ", ".join(f"{job} (exit code {code})" for job, code in failures)
            case.reason = f"not every run is finished: {failed}"
