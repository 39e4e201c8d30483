"""Runs in a process of their own with one thread, and the CPU seconds that each took in all."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path


def train(recipe: str, seed: int, runs_directory: Path, overrides: tuple[str, ...]) -> None:
    """Train a run in a process of its own with one thread, and keep its CPU seconds."""
    if key(recipe, seed, overrides) in known_seconds(runs_directory):
        return
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "ganzoo", "run", recipe, *overrides, f"seed={seed}"]
    subprocess.run(
        [*command, "--runs-dir", str(runs_directory)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    with file_of(runs_directory).open("a") as lines:
        lines.write(json.dumps({key(recipe, seed, overrides): round(seconds, 1)}) + "\n")


def cpu_seconds(recipe: str, seed: int, runs_directory: Path, overrides: tuple[str, ...]) -> float:
    """Return the CPU seconds of a run that `train` trained, or nan."""
    return known_seconds(runs_directory).get(key(recipe, seed, overrides), float("nan"))


def key(recipe: str, seed: int, overrides: tuple[str, ...]) -> str:
    return " ".join([recipe, *overrides, f"seed={seed}"])


def file_of(runs_directory: Path) -> Path:
    return runs_directory / "cpu_seconds.jsonl"


def known_seconds(runs_directory: Path) -> dict[str, float]:
    """Return the CPU seconds of the runs that were trained to the end, by `key`."""
    found: dict[str, float] = {}
    if file_of(runs_directory).exists():
        for line in file_of(runs_directory).read_text().splitlines():
            found |= json.loads(line)
    return found
