"""From a recipe to a run, and from a run's directory back to where it stopped."""

from __future__ import annotations

import json
import platform
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch

from ganzoo import __version__
from ganzoo.build.components import make
from ganzoo.build.plan import Plan
from ganzoo.build.planner import make_plan
from ganzoo.engine.assemble import make_step
from ganzoo.engine.precision import numerics
from ganzoo.engine.processes import Processes, find_processes
from ganzoo.engine.rehearsal import rehearse
from ganzoo.engine.reporter import Reporter, Reporters
from ganzoo.engine.scorer import Scorer
from ganzoo.engine.signals import stop_flag
from ganzoo.engine.threads import cpu_threads, threads_for
from ganzoo.engine.trainer import Trainer, previous_best
from ganzoo.errors import DataError, GanzooError, OutOfMemory, PluginError, UsageError
from ganzoo.recipes.lock import experiment_id, read_lock, write_lock
from ganzoo.recipes.overrides import override_keys
from ganzoo.recipes.recipe import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.directory import RunDirectory

BUDGET_AND_CADENCE = frozenset(
    {
        "train.steps",
        "train.images",
        "train.save_every_steps",
        "train.keep",
        "train.log_every_steps",
        "train.sample_every_steps",
        "eval.every_steps",
    }
)
"""What may differ between a run and its continuation."""


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what: nothing here changes the experiment."""

    runs_directory: Path = Path("runs")
    name: str | None = None
    max_seconds: float | None = None
    expect_processes: int | None = None
    allow_drift: bool = False
    take_over: bool = False
    reporter: Reporter = field(default_factory=Reporter)


def prepare(
    recipe: str | Path | Recipe,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    registry: Registry | None = None,
    *,
    allow_drift: bool = False,
) -> Plan:
    """Return a plan that has passed every check: YAML, keys, ids, parameters, fit, dry run.

    Raises:
        RecipeError, PluginError, DataError: what is wrong, before anything is trained.
    """
    registry = registry or Registry()
    if not isinstance(recipe, Recipe):
        recipe = Recipe.load(recipe, overrides, registry)
    elif overrides:
        raise UsageError("overrides go into Recipe.load, not onto a loaded recipe")
    plan = make_plan(recipe, registry)
    if recipe.lock is not None and not allow_drift:
        refuse_drift(recipe.lock, plan)
    return rehearse(plan)


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
    """Train a new run to its end; return its directory."""
    processes = find_processes(options.expect_processes)
    for line in check_data(plan):
        options.reporter.noted(f"left out: {line}")
    settings = plan.recipe.settings
    path = None
    if processes.is_main:
        name = options.name or settings.name
        directory = RunDirectory.create(options.runs_directory, name, settings.seed)
        _write_identity(directory, plan)
        path = directory.path
    directory = RunDirectory(processes.share(path))
    _own_and_train(plan, directory, processes, options, resumed=False)
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
    _only_budget_and_cadence(overrides)
    registry = registry or registry_of(directory)
    plan = make_plan(Recipe.load(directory.lock_file, overrides, registry), registry)
    if not options.allow_drift:
        refuse_drift(read_lock(directory.lock_file), plan)
    processes = find_processes(options.expect_processes)
    if overrides and processes.is_main:
        write_lock(directory.lock_file, plan.lock())
    _own_and_train(plan, directory, processes, options, resumed=True)


def registry_of(directory: RunDirectory) -> Registry:
    """Return a registry with the run's own copy of its ``--plugin`` file, if it had one."""
    local = directory.path / "plugin.py"
    return Registry.with_local(local) if local.is_file() else Registry()


def refuse_drift(lock: Mapping[str, Any], plan: Plan) -> None:
    """Raise PluginError if a component is no longer what the lock says, naming each."""
    before = lock["lock"].get("components", {})
    now = plan.lock()["lock"]["components"]
    changed = [
        f"{slot} ({now[slot]['id']}): {name} {old[name]} is now {now[slot].get(name)}"
        for slot, old in before.items()
        if slot in now
        for name in ("revision", "version", "source_sha256")
        if old.get(name) != now[slot].get(name)
    ]
    if changed:
        short = "; ".join(changed)
        raise PluginError(
            f"not the code that the lock was made with: {short}", hint="--allow-drift"
        )


def _only_budget_and_cadence(overrides: Sequence[str] | Mapping[str, Any]) -> None:
    for key in override_keys(overrides):
        if key not in BUDGET_AND_CADENCE:
            allowed = ", ".join(sorted(BUDGET_AND_CADENCE))
            raise UsageError(
                f"a resumed run keeps its recipe; {key} cannot change",
                hint=f"a new run, or one of {allowed}",
            )


def _write_identity(directory: RunDirectory, plan: Plan) -> None:
    lock = plan.lock()
    directory.recipe_file.write_text(plan.recipe.text, encoding="utf-8")
    write_lock(directory.lock_file, lock)
    directory.env_file.write_text(json.dumps(_environment(), indent=1) + "\n", encoding="utf-8")
    directory.write_info(
        recipe=plan.recipe.name, experiment_id=experiment_id(lock), ganzoo=__version__
    )
    if local := plan.registry.local_file:
        (directory.path / "plugin.py").write_bytes(Path(local).read_bytes())
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
    plan: Plan, directory: RunDirectory, processes: Processes, options: Options, *, resumed: bool
) -> None:
    with (
        _ownership(directory, processes, options.take_over),
        stop_flag(options.max_seconds) as flag,
    ):
        if processes.is_main:
            directory.begin_attempt()
            directory.write_info(
                steps=plan.budget.steps,
                device=str(processes.device),
                world_size=processes.world_size,
            )
        processes.wait()
        reporters = Reporters([options.reporter, *_callbacks(plan)])
        store = CheckpointStore(directory.checkpoints_directory, plan.recipe.settings.train.keep)
        checkpoint = _newest(store, processes, reporters) if resumed else None
        threads = _threads(plan, directory, processes)
        with (
            _ending(directory, processes, reporters),
            numerics(plan.recipe.settings.train),
            cpu_threads(threads),
        ):
            step = make_step(plan, processes, checkpoint)
            if step.step > plan.budget.steps:
                raise UsageError(
                    f"the run is at step {step.step} already, past {plan.budget.steps}",
                    hint=f"train.steps={2 * step.step}",
                )
            scorer = Scorer.of(plan, processes) if plan.extractor else None
            stop = plan.recipe.settings.train.stop
            best, since = previous_best(directory.scores(), step.step, stop)
            trainer = Trainer(
                plan, step, directory, store, processes, reporters, flag, scorer, best, since
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
def _ownership(directory: RunDirectory, processes: Processes, take_over: bool) -> Iterator[None]:
    if not processes.is_main:
        yield
        return
    with directory.hold(take_over=take_over):
        yield


@contextmanager
def _ending(directory: RunDirectory, processes: Processes, reporters: Reporters) -> Iterator[None]:
    """Write down how a run failed. Interrupted ones need no word: their lock is gone."""
    try:
        yield
    except GanzooError as error:
        interrupted = error.exit_code in (75, 130, 143)
        if processes.is_main and not interrupted:
            directory.append_event("failed", error=error.message, exit_code=error.exit_code)
        reporters.tell("finished", "interrupted" if interrupted else "failed")
        raise
    except torch.OutOfMemoryError as error:
        if processes.is_main:
            directory.append_event("failed", error=str(error), exit_code=OutOfMemory.exit_code)
        reporters.tell("finished", "failed")
        raise OutOfMemory(
            f"out of memory: {str(error).splitlines()[0]}",
            hint="train.micro_batch=N (the same experiment in smaller parts)",
        ) from error
    except Exception as error:
        if processes.is_main:
            text = "".join(traceback.format_exception(error))
            directory.log_file.write_text(text, encoding="utf-8")
            directory.append_event("failed", error=f"{type(error).__name__}: {error}", exit_code=1)
        reporters.tell("finished", "failed")
        raise
