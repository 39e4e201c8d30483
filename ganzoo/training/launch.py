"""From a recipe to a run, and from a run's directory back to where it stopped."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from shlex import quote
from typing import Any

import torch

from ganzoo.components.build import make
from ganzoo.components.plan import Plan
from ganzoo.components.planner import load_recipe, make_plan
from ganzoo.errors import DataError, RecipeError, UsageError
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.lock import identity, read_lock, write_lock
from ganzoo.registry.registry import Registry
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import require_run
from ganzoo.runs.files import write_atomic
from ganzoo.runs.references import DEFAULT_DIRECTORY, command, reference_to
from ganzoo.runs.samples import write_sample_spec
from ganzoo.sampling.labels import label_counts
from ganzoo.training.assemble import make_step, require_fit
from ganzoo.training.best import previous_best
from ganzoo.training.continuity import (
    checked_code,
    not_backwards,
    only_budget_and_cadence,
    other_world_size,
)
from ganzoo.training.dry_run import dry_run
from ganzoo.training.ending import ending
from ganzoo.training.log import LogFile
from ganzoo.training.precision import numerics
from ganzoo.training.processes import Processes, find_processes
from ganzoo.training.reporter import Reporter, Reporters
from ganzoo.training.scorer import Scorer
from ganzoo.training.signals import StopAsked, StopFlag, stop_flag
from ganzoo.training.threads import cpu_threads, threads_for
from ganzoo.training.trainer import Trainer
from ganzoo.version import __version__


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what: nothing here changes the experiment."""

    runs_directory: Path = DEFAULT_DIRECTORY
    name: str | None = None
    max_seconds: float | None = None
    expect_processes: int | None = None
    allow_drift: bool = False
    strict_code: bool = False
    take_over: bool = False
    reporter: Reporter = field(default_factory=Reporter)


def prepare(
    recipe: str | Path | Recipe,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    registry: Registry | None = None,
    *,
    allow_drift: bool = False,
    strict_code: bool = False,
) -> Plan:
    """Return a plan that has passed every check: YAML, keys, ids, parameters, fit, dry run.

    Raises:
        RecipeError, PluginError, DataError: what is wrong, before anything is trained.
        UsageError: something that is no recipe.
    """
    registry = registry or Registry()
    if not isinstance(recipe, str | Path | Recipe):
        raise UsageError(
            f"a recipe is a file, the name of one, or a Recipe, and no {type(recipe).__name__}",
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


def check_data(plan: Plan) -> list[str]:
    """Decode every sample of the training data once, where the data set offers to.

    Returns:
        What the data set leaves out, a line each.

    Raises:
        DataError: naming what cannot be read.
    """
    if hasattr(plan.dataset, "check") and (bad := plan.dataset.check()):
        shown = "; ".join(bad[:10]) + ("; …" if len(bad) > 10 else "")
        raise DataError(f"{len(bad)} files cannot be read: {shown}")
    return list(getattr(plan.dataset, "skipped", ()))


def start(plan: Plan, options: Options) -> RunDirectory:
    """Train a new run to its end; return its directory.

    Raises:
        UsageError: `options` name a run that cannot be, or a directory that cannot be written.
        GanzooError: what ends a run; see `ganzoo.errors`.
    """
    started = time.monotonic()
    processes = find_processes(options.expect_processes, plan.recipe.settings.train)
    require_fit(plan, processes)
    for line in check_data(plan):
        options.reporter.noted(f"left out: {line}")
    settings = plan.recipe.settings
    path = None
    with stop_flag(options.max_seconds, started) as flag:
        if processes.is_main:
            name = options.name or settings.name
            directory = RunDirectory.create(options.runs_directory, name, settings.seed)
            _write_identity(directory, plan)
            path = directory.path
        directory = RunDirectory(processes.share(path))
        _own_and_train(plan, directory, processes, options, flag, resumed=False)
    return directory


def resume(
    directory: RunDirectory,
    overrides: Sequence[str] | Mapping[str, Any],
    options: Options,
    registry: Registry | None = None,
) -> None:
    """Go on with a run in its own directory, from its newest whole checkpoint.

    Raises:
        UsageError: an override of anything but budget and cadence.
        PluginError: the components are not those that the run was started with.
    """
    started = time.monotonic()
    only_budget_and_cadence(directory, overrides)
    registry = registry or registry_of(directory)
    plan = make_plan(recipe_of(directory, overrides, registry), registry)
    not_backwards(directory, plan)
    plan = checked_code(
        read_lock(directory.lock_file),
        plan,
        command("resume", reference_to(directory.path)),
        allow_drift=options.allow_drift,
        strict=options.strict_code,
    )
    processes = find_processes(options.expect_processes, plan.recipe.settings.train)
    require_fit(plan, processes)
    with stop_flag(options.max_seconds, started) as flag:
        changed = bool(overrides)
        _own_and_train(plan, directory, processes, options, flag, resumed=True, changed=changed)


def registry_of(directory: RunDirectory) -> Registry:
    """Return a registry with the run's own copy of its ``--plugin`` file, if it had one."""
    local = directory.path / "plugin.py"
    return Registry.with_local(local) if local.is_file() else Registry()


def recipe_of(
    directory: RunDirectory, overrides: Sequence[str] | Mapping[str, Any], registry: Registry
) -> Recipe:
    """Return the recipe that a run was started with, as its lock says it.

    Raises:
        UsageError: it is the score of samples that no run made.
        DataError: the lock is missing or torn.
        RecipeError: an override that cannot be.
    """
    require_run(directory)
    try:
        read_lock(directory.lock_file)
    except RecipeError as error:
        raise DataError(
            f"{reference_to(directory.path)} has no legible lock: {error.message}",
            hint=command("run", directory.recipe_file) + "   # anew, with the overrides it had",
        ) from error
    return Recipe.load(directory.lock_file, overrides, registry)


def _write_identity(directory: RunDirectory, plan: Plan) -> None:
    lock = plan.lock()
    write_atomic(directory.recipe_file, plan.recipe.text.encode())
    write_lock(directory.lock_file, lock)
    settings = plan.recipe.settings
    counts = label_counts(settings.labels, plan.dataset) if settings.conditional else None
    write_sample_spec(directory, plan.spec, counts)
    directory.env_file.write_text(json.dumps(_environment(), indent=1) + "\n", encoding="utf-8")
    directory.write_info(
        recipe=plan.recipe.name, lock=identity(lock, directory.lock_file), ganzoo=__version__
    )
    if plan.registry.local_file:
        (directory.path / "plugin.py").write_bytes(plan.registry.local_source)
        directory.write_info(plugin_sha256=plan.registry.local_sha256)


def _environment() -> dict[str, Any]:
    packages = {d.metadata["Name"]: d.version for d in distributions()}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "packages": dict(sorted(packages.items())),
    }


def _own_and_train(
    plan: Plan,
    directory: RunDirectory,
    processes: Processes,
    options: Options,
    flag: StopFlag,
    *,
    resumed: bool,
    changed: bool = False,
) -> None:
    """Train as the owner of the directory, whose lock is written anew if the plan has changed."""
    with _ownership(directory, processes, options.take_over):
        if processes.is_main:
            if changed:
                lock = plan.lock()
                write_lock(directory.lock_file, lock)
                directory.write_info(lock=identity(lock, directory.lock_file))
            directory.begin_attempt()
            directory.write_info(
                steps=plan.budget.steps,
                device=str(processes.device),
                world_size=processes.world_size,
            )
        processes.wait()
        # One process writes files; so do the observers that a plugin brings.
        writers = [LogFile(directory.log_file), *_callbacks(plan)] if processes.is_main else []
        reporters = Reporters([options.reporter, *writers])
        store = CheckpointStore(directory.checkpoints_directory, plan.recipe.settings.train.keep)
        checkpoint = _newest(store, processes, reporters) if resumed else None
        threads = _threads(plan, directory, processes)
        with (
            ending(plan, directory, processes, reporters),
            numerics(plan.recipe.settings.train),
            cpu_threads(threads),
        ):
            with _nothing_to_save_yet(flag, directory, processes, checkpoint):
                step = make_step(plan, processes, checkpoint)
            scorer = Scorer.of(plan, processes, flag.at_once) if plan.extractor else None
            stop = plan.recipe.settings.train.stop
            best, since = previous_best(directory.scores(), step.step, stop)
            trainer = Trainer(
                plan,
                step,
                directory,
                store,
                processes,
                reporters,
                flag,
                scorer,
                best,
                since,
                resumed_at=checkpoint.step if checkpoint else None,
            )
            _announce(trainer, resumed)
            status = trainer.run()
            if processes.is_main:
                directory.append_event("finished", step=step.step, how=status)
            reporters.tell("finished", status)
        processes.wait()


def _threads(plan: Plan, directory: RunDirectory, processes: Processes) -> int | None:
    """Return the run's CPU threads: a resumed run keeps its number, so that it is bit-exact."""
    if processes.device.type != "cpu":
        return None
    if plan.step_flops is None:
        return processes.share(directory.info().get("threads"))
    threads = threads_for(plan.step_flops)
    if processes.is_main:
        directory.write_info(threads=threads, step_flops=plan.step_flops)
    return threads


def _callbacks(plan: Plan) -> list[Any]:
    return [make(component) for component in plan.group("callbacks").values()]


def _newest(
    store: CheckpointStore, processes: Processes, reporters: Reporters
) -> Checkpoint | None:
    if processes.is_main:
        store.clean()
        checkpoint = store.newest()
        for message in store.set_aside:
            reporters.tell("noted", message)
        if checkpoint is None:
            reporters.tell("noted", "no checkpoint to go on from: starting again from step 0")
        elif note := other_world_size(checkpoint.manifest, processes.world_size):
            reporters.tell("noted", note)
        processes.share(checkpoint.step if checkpoint else None)
        return checkpoint
    step = processes.share(None)
    return None if step is None else store.at(step)


def _announce(trainer: Trainer, resumed: bool) -> None:
    plan, processes = trainer.plan, trainer.processes
    if processes.is_main:
        kind = "resumed" if resumed else "started"
        trainer.directory.append_event(kind, step=trainer.step.step)
    trainer.reporters.tell(
        "started",
        {
            "name": trainer.directory.name,
            "path": str(trainer.directory.path),
            "recipe": plan.recipe.name,
            "seed": plan.recipe.settings.seed,
            "steps": plan.budget.steps,
            "step": trainer.step.step,
            "data": f"{plan.components['dataset',].id} train, {len(plan.dataset)} x {plan.spec}",
            "device": str(processes.device),
            "world_size": processes.world_size,
            "scored": trainer.scorer is not None,
        },
    )
    for note in plan.notes:
        trainer.reporters.tell("noted", note)


@contextmanager
def _nothing_to_save_yet(
    flag: StopFlag, directory: RunDirectory, processes: Processes, checkpoint: Checkpoint | None
) -> Iterator[None]:
    """End the run at a signal inside, where data is read into memory and nothing is lost.

    Several processes go on to the first step, where they stop together.
    """
    if processes.world_size > 1:
        yield
        return
    try:
        with flag.at_once():
            yield
    except StopAsked as asked:
        step = checkpoint.step if checkpoint else 0
        raise flag.error(quote(str(directory.path)), step) from asked


@contextmanager
def _ownership(directory: RunDirectory, processes: Processes, take_over: bool) -> Iterator[None]:
    if not processes.is_main:
        yield
        return
    with directory.hold(take_over=take_over):
        yield
