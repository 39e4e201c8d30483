"""Launch a run: from a recipe to its end, or from its directory on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

from ganzoo.components.build import make
from ganzoo.components.data import check_readable, left_out
from ganzoo.components.fingerprint import Fingerprint
from ganzoo.components.plan import Plan
from ganzoo.components.planner import load_recipe, make_plan
from ganzoo.errors import UsageError
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.references import DEFAULT_DIRECTORY, command, reference_to
from ganzoo.scoring.features import no_op
from ganzoo.training.assemble import make_step, require_fit
from ganzoo.training.callbacks import LogFile, Reporter, Reporters
from ganzoo.training.checkpointing import newest_on_all_ranks, previous_best
from ganzoo.training.continuity import (
    as_words,
    checked_code,
    fingerprint_of,
    not_backwards,
    only_budget_and_cadence,
    only_fewer_metrics,
    other_world_size,
    require_same_data,
    where_data_moved,
)
from ganzoo.training.decoded_cache import with_decoded_cache
from ganzoo.training.dry_run import dry_run
from ganzoo.training.ending import StopAsked, StopFlag, recorded_failures, stop_flag
from ganzoo.training.execution import cpu_threads, numerics, threads_for
from ganzoo.training.processes import Processes, find_processes
from ganzoo.training.progress import TerminalReporter, is_interactive
from ganzoo.training.run_files import (
    create_run,
    lock_of,
    recipe_of,
    record_data,
    registry_of,
    replace_plugin,
    rewrite_lock,
    with_local_code,
)
from ganzoo.training.scorer import Scorer
from ganzoo.training.trainer import Trainer

MOST_LEFT_OUT = 100
"""Lines about what the data set leaves out that run.json keeps, for the run's page."""


def default_reporter() -> Any:
    """Return a reporter that prints to stderr in an interactive session, else a silent one."""
    return TerminalReporter() if is_interactive() else Reporter()


@dataclass(frozen=True)
class Options:
    """How a run is run. Nothing here changes what it computes."""

    runs_directory: Path = DEFAULT_DIRECTORY
    name: str | None = None
    max_seconds: float | None = None
    expect_processes: int | None = None
    allow_drift: bool = False
    strict_code: bool = False
    take_over: bool = False
    reporter: Any = field(default_factory=default_reporter)
    """A `Reporter`, or an object with some of its methods."""


def prepare(
    recipe: str | Path | Recipe,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    registry: Registry | None = None,
    *,
    allow_drift: bool = False,
    strict_code: bool = False,
) -> Plan:
    """Return a plan that passed every check: YAML, keys, ids, parameters, fit, dry run.

    Raises:
        RecipeError, PluginError, DataError: every problem, before anything is trained.
        UsageError: `recipe` is not a recipe.
    """
    registry = registry or Registry()
    if not isinstance(recipe, str | Path | Recipe):
        raise UsageError(
            f"a recipe is a file, the name of one, or a Recipe, not {type(recipe).__name__}",
            hint='ganzoo.run("digits-dcgan-hinge", {"train.steps": 500})',
        )
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe, overrides, registry)
    elif overrides:
        raise UsageError(
            "a loaded recipe has its overrides already", hint="Recipe.load(NAME, OVERRIDES)"
        )
    plan = make_plan(recipe, registry)
    if recipe.lock is not None:
        again = command("run", recipe.reference)
        plan = checked_code(recipe.lock, plan, again, allow_drift=allow_drift, strict=strict_code)
    return dry_run(plan)


def train_run(
    plan: Plan,
    options: Options,
    stopped: RunDirectory | None = None,
    *,
    created: RunDirectory | None = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
) -> RunDirectory:
    """Train a new run to its end, or a stopped one from its newest whole checkpoint.

    Args:
        stopped: directory of the run to resume; None: a new run.
        created: directory of a new run that `create_run` made; None: create it here.
        overrides: what the plan has besides the stopped run's lock.

    Returns:
        The run's directory.

    Raises:
        UsageError: `options` name a run that cannot exist, or a directory that cannot be written.
        GanzooError: what ends a run early; see `ganzoo.errors`.
    """
    started = time.monotonic()
    processes = find_processes(options.expect_processes, plan.recipe.settings.train)
    require_fit(plan, processes)
    check_readable(plan.dataset)
    data = fingerprint_of(plan)
    if stopped:
        reference = reference_to(stopped.path)
        again = command("resume", reference, *as_words(overrides), "--allow-drift")
        require_same_data(stopped, data, again, allow_drift=options.allow_drift)
    with stop_flag(options.max_seconds, started) as flag:
        directory = stopped or created or _create(plan, options, processes)
        with (
            _owned(directory, plan, data, processes, options.take_over, bool(overrides)),
            _prepared(directory, plan, processes, options, flag, resumed=bool(stopped)) as trainer,
        ):
            status = trainer.run()
            if processes.is_main:
                directory.append_event("finished", step=trainer.step.iteration, how=status)
            trainer.reporters.notify("finished", status)
    return directory


def resume(
    directory: RunDirectory,
    overrides: Sequence[str] | Mapping[str, Any],
    options: Options,
    registry: Registry | None = None,
) -> None:
    """Resume a run in its own directory, from its newest whole checkpoint.

    Args:
        registry: with a repaired ``--plugin`` file; None: that of the run's own copy.

    Raises:
        UsageError: an override of anything but budget, cadence and paths, or a new metric.
        PluginError: the components are not those that the run was started with.
        DataError: the data is missing, or is not that which the run was started with.
        GanzooError: what ends a run early; see `ganzoo.errors`.
    """
    only_budget_and_cadence(directory, overrides)
    lock, repaired = lock_of(directory), registry is not None
    registry = registry or registry_of(directory)
    with where_data_moved("resume", directory, overrides):
        plan = make_plan(recipe_of(directory, overrides, registry), registry)
    not_backwards(directory, plan)
    only_fewer_metrics(directory, plan)
    plan = checked_code(
        with_local_code(lock, plan) if repaired else lock,
        plan,
        command("resume", reference_to(directory.path)),
        allow_drift=options.allow_drift,
        strict=options.strict_code,
    )
    train_run(plan, options, directory, overrides=overrides)


def _create(plan: Plan, options: Options, processes: Processes) -> RunDirectory:
    """Create the directory of a new run on rank 0; return it on every rank."""
    path = None
    if processes.is_main:
        path = create_run(plan, options.runs_directory, options.name).path
    return RunDirectory(processes.share(path))


@contextmanager
def _owned(
    directory: RunDirectory,
    plan: Plan,
    data: Fingerprint,
    processes: Processes,
    take_over: bool,
    write_lock_again: bool,
) -> Iterator[None]:
    """Own a run inside: hold its lock, and record this attempt. Rank 0 does, for all."""
    with directory.hold(take_over=take_over) if processes.is_main else nullcontext():
        if processes.is_main:
            if write_lock_again:
                rewrite_lock(directory, plan)
            directory.begin_attempt()
            replace_plugin(directory, plan)
            record_data(directory, plan, data)
            directory.write_info(
                steps=plan.budget.steps,
                device=str(processes.device),
                world_size=processes.world_size,
                left_out=left_out(plan.dataset, MOST_LEFT_OUT),
            )
        processes.wait()
        yield
        processes.wait()


@contextmanager
def _prepared(
    directory: RunDirectory,
    plan: Plan,
    processes: Processes,
    options: Options,
    flag: StopFlag,
    *,
    resumed: bool,
) -> Iterator[Trainer]:
    """Yield the trainer of a run, with its numerics and threads; record how it fails inside."""
    reporters = Reporters([options.reporter])
    if processes.is_main:  # one process writes files, and calls the recipe's callbacks
        callbacks = [(each, make(each)) for each in plan.group("callbacks").values()]
        reporters = Reporters([options.reporter, LogFile(directory.log_file)], callbacks)
    train = plan.recipe.settings.train
    store = CheckpointStore(directory.checkpoints_directory, train.keep)
    checkpoint = newest_on_all_ranks(store, processes, reporters) if resumed else None
    if resumed and processes.is_main:
        if checkpoint is None:
            reporters.notify("noted", "no checkpoint to go on from: starting again from step 0")
        elif note := other_world_size(checkpoint.manifest, processes.world_size):
            reporters.notify("noted", note)
    with (
        recorded_failures(plan, directory, processes, reporters),
        numerics(train),
        cpu_threads(_threads(plan, directory, processes)),
    ):
        try:
            # A signal ends the run at once while data is read into memory: nothing has to be saved.
            # Several processes continue to the first step, where they stop together.
            alone = processes.world_size == 1
            tell, watch = partial(reporters.notify, "noted"), flag.check if alone else no_op
            plan = with_decoded_cache(plan, processes, tell, watch)
            with flag.at_once() if alone else nullcontext():
                step = make_step(plan, processes, checkpoint)
        except StopAsked as asked:
            at = checkpoint.step if checkpoint else 0
            raise flag.error(quote(str(directory.path)), at) from asked
        tell = partial(reporters.notify, "reading")
        scorer = Scorer.of(plan, processes, flag.at_once, tell) if plan.extractor else None
        best, since = previous_best(directory.scores(), step.iteration, train.stop)
        run = (directory, store, processes, reporters, flag)
        resumed_at = checkpoint.step if checkpoint else None
        trainer = Trainer(plan, step, *run, scorer, best, since, resumed_at)
        _announce(trainer, resumed)
        yield trainer


def _threads(plan: Plan, directory: RunDirectory, processes: Processes) -> int | None:
    """Return the number of CPU threads. A resumed run keeps its own, so that it is bit-exact."""
    if processes.device.type != "cpu":
        return None
    if plan.step_flops is None:
        return processes.share(directory.info().get("threads"))
    threads = threads_for(plan.step_flops)
    if processes.is_main:
        directory.write_info(threads=threads, step_flops=plan.step_flops)
    return threads


def _announce(trainer: Trainer, resumed: bool) -> None:
    plan, processes = trainer.plan, trainer.processes
    if processes.is_main:
        kind = "resumed" if resumed else "started"
        trainer.directory.append_event(kind, step=trainer.step.iteration)
    trainer.reporters.notify(
        "started",
        {
            "name": trainer.directory.name,
            "path": str(trainer.directory.path),
            "recipe": plan.recipe.name,
            "seed": plan.recipe.settings.seed,
            "steps": plan.budget.steps,
            "step": trainer.step.iteration,
            "data": f"{plan.components['dataset',].id} train, {len(plan.dataset)} x {plan.spec}",
            "device": str(processes.device),
            "world_size": processes.world_size,
            "scored": trainer.scorer is not None,
        },
    )
    for note in plan.notes:
        trainer.reporters.notify("noted", note)
