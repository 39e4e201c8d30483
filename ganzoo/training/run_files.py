"""Files that say what a run is: written when it starts, read when it resumes or is scored."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch

from ganzoo.components.plan import Plan
from ganzoo.errors import DataError, RecipeError
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.lock import identity, read_lock, write_lock
from ganzoo.registry.registry import Registry
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import require_run
from ganzoo.runs.files import write_atomic
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
    """
    settings, lock = plan.recipe.settings, plan.lock()
    directory = RunDirectory.create(runs_directory, name or settings.name, settings.seed)
    write_atomic(directory.recipe_file, plan.recipe.text.encode())
    write_lock(directory.lock_file, lock)
    classes = settings.conditional and plan.spec.classes
    counts = label_counts(settings.labels, plan.dataset) if classes else None
    write_sample_spec(directory, plan.spec, counts)
    directory.env_file.write_text(json.dumps(environment(), indent=1) + "\n", encoding="utf-8")
    directory.write_info(
        recipe=plan.recipe.name, lock=identity(lock, directory.lock_file), ganzoo=__version__
    )
    if plan.registry.local_file:
        (directory.path / "plugin.py").write_bytes(plan.registry.local_source)
        directory.write_info(plugin_sha256=plan.registry.local_sha256)
    return directory


def rewrite_lock(directory: RunDirectory, plan: Plan) -> None:
    """Replace the lock of a run whose budget or cadence has changed."""
    lock = plan.lock()
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
    """Return a registry with the run's copy of its ``--plugin`` file, if it has one."""
    local = directory.path / "plugin.py"
    return Registry.with_local(local) if local.is_file() else Registry()


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
