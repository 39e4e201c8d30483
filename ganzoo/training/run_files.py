"""Files that say what a run is: written when it starts, read when it resumes or is scored."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch

from ganzoo.components.plan import Plan
from ganzoo.errors import DataError, PluginError, RecipeError
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.lock import identity, locked_components, read_lock, write_lock
from ganzoo.recipes.schema import Mark, marked
from ganzoo.registry.names import LOCAL_NAMESPACE, namespace_of
from ganzoo.registry.registry import Registry
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import require_run
from ganzoo.runs.files import sha256_of, write_atomic
from ganzoo.runs.records import to_json
from ganzoo.runs.references import command, reference_to
from ganzoo.runs.samples import write_sample_spec
from ganzoo.sampling.sampler import label_counts
from ganzoo.version import __version__


def create_run(plan: Plan, runs_directory: Path, name: str | None) -> RunDirectory:
    """Create the directory of a new run: its recipe, lock, sample spec, environment, plugin file.

    Args:
        name: of the run; None: the recipe's.

    Raises:
        UsageError: a name that no run can have, or a directory that cannot be written.
        DiskError: there is no room, or the disk fails.
    """
    settings = plan.recipe.settings
    fill = partial(_fill, plan)
    return RunDirectory.create(runs_directory, name or settings.name, settings.seed, fill)


def _fill(plan: Plan, directory: RunDirectory) -> None:
    settings, lock = plan.recipe.settings, plan.lock()
    write_atomic(directory.recipe_file, plan.recipe.text.encode())
    write_lock(directory.lock_file, lock)
    classes = settings.conditional and plan.spec.classes
    counts = label_counts(settings.labels, plan.dataset) if classes else None
    write_sample_spec(directory, plan.spec, counts)
    if plan.registry.local_file:
        write_atomic(directory.plugin_file, plan.registry.local_source)
        directory.write_info(plugin_sha256=plan.registry.local_sha256)
    write_atomic(directory.env_file, to_json(environment(), indent=1) + b"\n")
    directory.write_info(
        recipe=plan.recipe.name, lock=identity(lock, directory.lock_file), ganzoo=__version__
    )


def rewrite_lock(directory: RunDirectory, plan: Plan) -> None:
    """Write the plan's budget, cadence and metrics into its run's lock, if they have changed.

    Everything else stays: the lock records the code that the run was started with.
    """
    before, now = read_lock(directory.lock_file), plan.lock()
    lock = deepcopy(before)
    for key in marked(Mark.BUDGET, Mark.CADENCE, Mark.READING):
        section, _, name = key.rpartition(".")
        lock[section].pop(name, None)  # a lock leaves out a budget that is not given
        lock[section] |= {name: now[section][name]} if name in now[section] else {}
    metrics, kept = before["eval"].get("metrics", []), now["eval"]["metrics"]
    if kept != metrics:
        lock["eval"]["metrics"], components = kept, lock["lock"]["components"]
        places = [components.pop(f"eval.metrics.{n}", {}) for n in range(len(metrics))]
        for n, metric in enumerate(kept):
            components[f"eval.metrics.{n}"] = places[metrics.index(metric)]
    if lock != before:
        write_lock(directory.lock_file, lock)
        directory.write_info(lock=identity(lock, directory.lock_file))


def environment() -> dict[str, Any]:
    """Return versions, processor, device and installed packages, as JSON."""
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


def registry_of(directory: RunDirectory) -> Registry:
    """Return a registry with the run's copy of its ``--plugin`` file, if the run uses it.

    Nothing is executed unless the lock names a component of the file, and the copy is the file
    that the run was started with.

    Raises:
        PluginError: the copy is another file, or is broken.
        DataError: run.json is missing or damaged.
    """
    try:
        components = locked_components(read_lock(directory.lock_file)).values()
    except RecipeError:  # `recipe_of` says what is wrong
        return Registry()
    local = directory.plugin_file
    used = any(namespace_of(str(each.get("id"))) == LOCAL_NAMESPACE for each in components)
    if not used or not local.is_file():
        return Registry()
    if sha256_of(local) != directory.info().get("plugin_sha256"):
        again = command("run", directory.lock_file, "--plugin", local)
        raise PluginError(
            f"{local} is not the file that {reference_to(directory.path)} was started with",
            hint=f"{again}   # a new run; read the file before",
        )
    return Registry.with_local(local)


def recipe_of(
    directory: RunDirectory, overrides: Sequence[str] | Mapping[str, Any], registry: Registry
) -> Recipe:
    """Return the recipe of a run, from its lock.

    Raises:
        UsageError: the directory holds the score of external samples, not a run.
        DataError: the lock is missing or damaged.
        RecipeError: an override is not valid.
    """
    require_run(directory)
    try:
        read_lock(directory.lock_file)
    except RecipeError as error:
        again = command("run", directory.recipe_file)
        raise DataError(
            f"{reference_to(directory.path)} has no readable lock: {error.message}",
            hint=f"{again}   # a new run; add the overrides that this one had",
        ) from error
    return Recipe.load(directory.lock_file, overrides, registry)
