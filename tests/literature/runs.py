"""The methods of `methods/`, and runs of them: what they train, what they saved, what G takes."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import ganzoo
from ganzoo.cli import main

METHODS = {file.stem: file for file in sorted((Path(__file__).parent / "methods").glob("*.py"))}
FACTS = {name: runpy.run_path(str(file)) for name, file in METHODS.items()}
"""Everything that each file defines, by name."""


def train(name: str, runs: Path, steps: int) -> Any:
    """Train a method's recipe for some steps; return the run."""
    recipe, file = METHODS[name].with_suffix(".yaml"), METHODS[name]
    settings = [f"train.{key}_every_steps={n}" for key, n in (("log", 1), ("sample", steps))]
    words = ["run", recipe, f"train.steps={steps}", *settings, "--plugin", file, "--runs-dir", runs]
    assert main([str(word) for word in words]) == 0
    return ganzoo.load("last", runs)


def terms(run: Any) -> list[dict[str, float]]:
    """Return the terms of both players in each step."""
    rows = run.directory.metrics()
    return [{key: value for key, value in row.items() if key[:2] in ("d/", "g/")} for row in rows]


def inputs(run: Any) -> list[Tensor]:
    """Return five latents, and their labels or conditions if the run has any."""
    random = torch.Generator().manual_seed(0)
    z = torch.randn(5, run.generator.latent_dim, generator=random)
    if not run.plan.recipe.settings.conditional:
        return [z]
    if condition := run.spec.condition:
        return [z, condition.kind.random(condition, 5, random)]
    return [z, torch.arange(5) % run.spec.classes]


def state(run: Any) -> dict[str, Any]:
    """Return the hashes of the last checkpoint's weights, and every value of its state."""
    saved = run.checkpoint("final")
    files = {file: about["sha256"] for file, about in saved.manifest["files"].items()}
    del files["state.pt"]  # equal values may be pickled differently
    return files | dict(leaves(torch.load(saved.file("state.pt"), weights_only=True)))


def leaves(value: Any, path: str = "state") -> Iterator[tuple[str, Any]]:
    """Yield each number, text and tensor of a nested value with its path."""
    if isinstance(value, dict | list | tuple):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, f"{path}.{key}")
    else:
        yield path, (value.dtype, value.tolist()) if isinstance(value, Tensor) else value
