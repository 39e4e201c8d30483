"""Checks of this machine and installation, for ``ganzoo doctor``.

Each check returns findings. None raises, and none changes anything: the one file that is written
is removed again. Packages are imported in another process, because a broken one can crash it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from packaging.requirements import Requirement

from ganzoo.api import HOOKS, cache_directory
from ganzoo.errors import DeviceError, DiskFull, GanzooError, UsageError
from ganzoo.registry.fetching import cached
from ganzoo.registry.names import shorten
from ganzoo.registry.registry import Registry
from ganzoo.registry.unknown import INSTALL_ZOO

Status = Literal["ok", "note", "wrong"]

LOW_DISK_BYTES = 1 << 30
CLASHING = ("torchvision", "torch-fidelity", "timm")
"""Never needed. Built for another torch, they break libraries that import them if installed."""

_IMPORTS = """
import importlib, json, sys
answers = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        answers[name] = None
    except BaseException as error:
        answers[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    print(json.dumps(answers), flush=True)
"""


@dataclass(frozen=True)
class Finding:
    """Result of one check. `exit_code` is that of the command if the status is ``wrong``."""

    subject: str
    status: Status
    words: str
    hint: str | None = None
    exit_code: int = 0


def wrong(subject: str, words: str, hint: str, error: type[GanzooError] = UsageError) -> Finding:
    """Return a finding that ends the command with the exit code of `error`."""
    return Finding(subject, "wrong", words, hint, error.exit_code)


def examine(registry: Registry, runs_directory: Path) -> Iterator[Finding]:
    """Yield all findings, starting with what the rest depends on."""
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}")
    yield from packages()
    yield from devices()
    yield from plugins(registry)
    for subject, directory in (("runs", runs_directory), ("cache", cache_directory())):
        yield place(subject, directory)
    yield from decoded()
    yield from files(registry)


def packages() -> Iterator[Finding]:
    """Yield each requirement: its version, whether it is recent enough, whether it can be imported.

    Packages that are not needed are mentioned if they are installed and broken.
    """
    needed = [Requirement(line) for line in importlib.metadata.requires("ganzoo-core") or []]
    needed = [each for each in needed if each.marker is None or each.marker.evaluate()]
    clashing = [name for name in CLASHING if importlib.util.find_spec(module_of(name))]
    errors = import_errors([module_of(name) for name in [*(r.name for r in needed), *clashing]])
    broken = [name for name in clashing if errors[module_of(name)]]
    if broken:
        errors["torchmetrics"] = None  # ganzoo imports it without them: see scoring/frechet.py
    for requirement in needed:
        yield _package(requirement, errors[module_of(requirement.name)])
    for name in broken:
        yield wrong(
            name,
            f"is installed and cannot be imported ({errors[module_of(name)]}), which breaks "
            "libraries that import it; ganzoo never needs it",
            f"pip uninstall {name}",
        )


def _package(requirement: Requirement, error: str | None) -> Finding:
    name = requirement.name
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return wrong(name, "is not installed", f'pip install "{requirement}"')
    if error is not None:
        words = f"{version}, and it cannot be imported: {error}"
        return wrong(name, words, f"pip install --force-reinstall {name}")
    if not requirement.specifier.contains(version, prereleases=True):
        words = f"{version}, and ganzoo needs {requirement.specifier}"
        return wrong(name, words, f'pip install "{requirement}"')
    return Finding(name, "ok", version)


def module_of(distribution: str) -> str:
    """Return the name that a distribution is imported by."""
    known = {"pyyaml": "yaml", "pillow": "PIL"}
    return known.get(distribution.lower(), distribution.replace("-", "_"))


def import_errors(modules: Iterable[str]) -> dict[str, str | None]:
    """Import each module in another process; return the error of each, or None."""
    names = list(modules)
    command = [sys.executable, "-c", _IMPORTS, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    answers: dict[str, str | None] = json.loads(lines[-1]) if lines else {}
    crashed = f"the interpreter ended with {done.returncode} in its import"
    return {name: answers.get(name, crashed) for name in names}


def devices() -> Iterator[Finding]:
    """Yield the CPU and each accelerator that torch sees, tried with one product of matrices."""
    try:
        import torch
    except Exception:
        return  # `packages` reports it
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} cores used by torch"
    chosen = os.environ.get("OMP_NUM_THREADS")
    yield Finding("cpu", "ok", threads + (f" (OMP_NUM_THREADS={chosen})" if chosen else ""))
    kinds = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    for kind, count in kinds.items():
        for index in range(count):
            yield _accelerator(torch.device(kind, index))
    if not any(kinds.values()):
        if shutil.which("nvidia-smi") and torch.version.cuda is None:
            words = "there seems to be an NVIDIA GPU, and this torch is built without CUDA"
            hint = "install the CUDA build of the pinned torch"
            yield Finding("accelerator", "note", words, hint)
        else:
            yield Finding("accelerator", "note", "none: runs use the CPU")


def _accelerator(device: object) -> Finding:
    import torch

    try:
        torch.ones(8, 8, device=str(device)).mm(torch.ones(8, 8, device=str(device))).sum().item()
    except RuntimeError as error:
        words = f"is seen and cannot be used: {str(error).splitlines()[0]}"
        return wrong(str(device), words, "CUDA_VISIBLE_DEVICES=", DeviceError)
    if not str(device).startswith("cuda"):
        return Finding(str(device), "ok", "works")
    properties = torch.cuda.get_device_properties(str(device))
    words = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, works"
    return Finding(str(device), "ok", words)


def plugins(registry: Registry) -> Iterator[Finding]:
    """Yield each plugin: whether it can be loaded, and how many components it has."""
    namespaces = registry.namespaces()
    if not namespaces:
        yield wrong("plugins", "none is installed, so there is nothing to run", INSTALL_ZOO)
    for each in namespaces:
        subject, who = f"plugin {each.name}", f"{each.distribution} {each.version}".strip()
        if each.status == "ok":
            words = f"{who}, {len(each.registrations)} components"
            slow = ", and its import loads torch, which makes every listing slow"
            yield Finding(subject, "ok", words + (slow if each.eager_torch else ""))
        elif each.status == "disabled":
            yield Finding(subject, "note", f"{who}, disabled by GANZOO_PLUGINS")
        else:
            yield wrong(subject, f"{who} is {each.predicate}: {each.error}", "ganzoo plugins")


def place(subject: str, directory: Path) -> Finding:
    """Check that a directory can be written, locked and renamed in, and has enough room.

    If it does not exist, its nearest existing parent is checked.
    """
    there = directory.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryDirectory(dir=there, prefix=".ganzoo-doctor-") as made:
            before, after = Path(made, "before"), Path(made, "after")
            with FileLock(Path(made, "lock"), timeout=1), before.open("wb") as stream:
                stream.write(b"ganzoo")
                os.fsync(stream.fileno())
            before.rename(after)
        free = shutil.disk_usage(there).free
    except (OSError, Timeout, NotImplementedError) as error:
        words = f"{directory} cannot be written: {getattr(error, 'strerror', None) or error}"
        option = "--runs-dir DIRECTORY" if subject == "runs" else "set GANZOO_CACHE to a directory"
        return wrong(subject, words, option)
    room = f"{directory} can be written, {free / 2**30:.1f} GiB free"
    if free < LOW_DISK_BYTES:
        return wrong(subject, room, "make room", DiskFull)
    return Finding(subject, "ok", room)


def decoded() -> Iterator[Finding]:
    """Yield how much decoded samples take of the cache, and what removes them."""
    from ganzoo.training.decoded_cache import LIMIT, kept, limit_bytes

    try:
        size, limit = sum(each.size for each in kept()), limit_bytes()
    except UsageError as error:
        yield wrong("decoded data", error.message, str(error.hint))
        return
    words = f"{size / 2**30:.1f} of at most {limit / 2**30:.4g} GiB ({LIMIT})"
    yield Finding("decoded data", "ok", words, "ganzoo doctor --clear-decoded" if size else None)


def files(registry: Registry) -> Iterator[Finding]:
    """Yield each file that a component downloads: in the cache or not."""
    for kind in HOOKS:
        for registration in registry.list(kind):
            for file in registration.files:
                name = shorten(registration.id)
                if cached(file).is_file():
                    yield Finding(file.name, "ok", f"for the {kind} {name}, in the cache")
                else:
                    words = f"for the {kind} {name}, not in the cache"
                    yield Finding(file.name, "note", words, f"ganzoo fetch {name}")
