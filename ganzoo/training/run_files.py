"""Files that say what a run is: written when it starts, read when it resumes or is scored."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch

from ganzoo.components.fingerprint import Fingerprint, change
from ganzoo.components.plan import Plan
from ganzoo.errors import DataError, PluginError, RecipeError
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.lock import (
    data_paths,
    folder_of,
    identity,
    locked_components,
    read_lock,
    write_lock,
)
from ganzoo.recipes.schema import Mark, marked
from ganzoo.registry.names import LOCAL_NAMESPACE, namespace_of
from ganzoo.registry.registry import Registry
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import require_run
from ganzoo.runs.files import sha256_of, write_atomic
from ganzoo.runs.records import to_json
from ganzoo.runs.references import command, reference_to
from ganzoo.runs.samples import InputCounts, write_sample_spec
from ganzoo.sampling.sampler import condition_counts, label_counts
from ganzoo.untrusted import parse_json, read_regular, reading
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
    lock = plan.lock()
    write_atomic(directory.recipe_file, plan.recipe.text.encode())
    write_lock(directory.lock_file, lock)
    _write_spec(directory, plan)
    _write_plugin(directory, plan.registry)
    write_atomic(directory.env_file, to_json(environment(), indent=1) + b"\n")
    directory.write_info(
        recipe=plan.recipe.name,
        lock=identity(lock, directory.lock_file, plan.components["dataset",].folder),
        ganzoo=__version__,
    )


def _write_spec(directory: RunDirectory, plan: Plan) -> None:
    """Write what one sample of the run is, and how its labels or conditions are drawn."""
    settings = plan.recipe.settings
    classes = settings.conditional and plan.spec.classes
    counts: InputCounts = label_counts(settings.labels, plan.dataset) if classes else None
    if settings.conditional and plan.spec.condition:
        counts = condition_counts(plan.dataset)
    write_sample_spec(directory, plan.spec, counts)


def _write_plugin(directory: RunDirectory, registry: Registry) -> None:
    """Write the run's copy of the ``--plugin`` file, if there is one."""
    if registry.local_file:
        write_atomic(directory.plugin_file, registry.local_source)
        directory.write_info(plugin_sha256=registry.local_sha256)


def replace_plugin(directory: RunDirectory, plan: Plan) -> None:
    """Replace the run's copy of the ``--plugin`` file if the plan has another; that is an event."""
    registry = plan.registry
    if registry.local_sha256 not in (None, directory.info().get("plugin_sha256")):
        directory.append_event("plugin_changed", sha256=registry.local_sha256)
        _write_plugin(directory, registry)
        rewrite_lock(directory, plan)


def record_data(directory: RunDirectory, plan: Plan, data: Fingerprint) -> None:
    """Write the fingerprint of the training data, if the run does not have it.

    Where a run goes on with other data, that is an event.
    """
    known = read_fingerprint(directory)
    if known == data:
        return
    if known is not None and not known.same_content(data):
        directory.append_event("data_changed", what=change(known, data), sha256=data.sha256)
        _write_spec(directory, plan)
    write_atomic(directory.data_file, json.dumps(vars(data)).encode())


def read_fingerprint(directory: RunDirectory) -> Fingerprint | None:
    """Return the fingerprint of a run's training data; None for a run that is older than it.

    Raises:
        DataError: the file is damaged.
    """
    file = directory.data_file
    with reading(file, hint=f"rm {shlex.quote(str(file))}   # the data is not checked then"):
        try:
            return Fingerprint(**parse_json(read_regular(file)))
        except FileNotFoundError:
            return None


def data_of(directory: RunDirectory) -> tuple[str, str | None]:
    """Return a run's data set, ``zoo/folder:cats``, and the hash of its content if it is known."""
    lock, data = lock_of(directory), read_fingerprint(directory)
    name = ":".join(filter(None, (str(lock["dataset"]["use"]), folder_of(lock))))
    return name, data.sha256 if data else None


def rewrite_lock(directory: RunDirectory, plan: Plan) -> None:
    """Write the plan's budget, cadence, metrics and paths of data into its run's lock.

    Everything else stays: the lock records the code that the run was started with, except that of
    a repaired ``--plugin`` file. The first paths stay in ``lock.moved``: the experiment is still
    the same.
    """
    before, now = read_lock(directory.lock_file), plan.lock()
    lock = with_local_code(before, plan)
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
    for key, path in data_paths(before).items():
        name = key.removeprefix("dataset.")
        if now["dataset"].get(name) != path:
            lock["dataset"][name] = now["dataset"][name]
            lock["lock"].setdefault("moved", {}).setdefault(name, path)
    if lock != before:
        write_lock(directory.lock_file, lock)
        folder = plan.components["dataset",].folder
        directory.write_info(lock=identity(lock, directory.lock_file, folder))


def with_local_code(lock: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Return a copy of a lock with the code of the plan's ``--plugin`` file."""
    changed, now = deepcopy(dict(lock)), locked_components(plan.lock())
    for slot, component in locked_components(changed).items():
        if "code_sha256" in component and now.get(slot, {}).get("id") == component["id"]:
            component |= now[slot]
    return changed


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


def lock_of(directory: RunDirectory) -> dict[str, Any]:
    """Return the lock of a run.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        return read_lock(directory.lock_file)
    except RecipeError as error:
        again = command("run", directory.recipe_file)
        raise DataError(
            f"{reference_to(directory.path)} has no readable lock: {error.message}",
            hint=f"{again}   # a new run; add the overrides that this one had",
        ) from error


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
    lock_of(directory)
    return Recipe.load(directory.lock_file, overrides, registry)
