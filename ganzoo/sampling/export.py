"""Export a run's generator: weights with their description, or a `torch.export` program."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.components.build import takes
from ganzoo.components.sampling_parameters import sampling_model
from ganzoo.components.signature import rows_of
from ganzoo.components.weights import write_network
from ganzoo.errors import PluginError
from ganzoo.runs.checkpoints import Checkpoint
from ganzoo.runs.files import unwritable
from ganzoo.sampling.sampler import Sampler

FORMS = ("safetensors", "program")
"""Formats of `ganzoo export`."""

ELSEWHERE = "--out DIRECTORY"


def description(
    lock: Mapping[str, Any], checkpoint: Checkpoint, sampler: Sampler, recorded: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the description of a generator's weights: its code, step, inputs and outputs.

    Args:
        lock: the run's ``recipe.lock.yaml``.
        recorded: the sampling parameters and the law of z at sampling.
    """
    generator = sampler.generator
    model = sampling_model(lock["generator"]["use"], generator.forward)
    return {
        "step": checkpoint.step,
        "checkpoint_sha256": checkpoint.sha256,
        "generator": lock["generator"],
        "code": lock["lock"]["components"]["generator"],
        "spec": sampler.spec.to_json(),
        "latent": {**lock["latent"], "dim": generator.latent_dim},
        "conditional": lock["conditional"],
        "noise": takes(generator, "noise"),
        "prepared": hasattr(generator, "prepare_sampling"),
        "sampling": {**recorded, "available": rows_of(model)},
    }


def export_weights(network: nn.Module, about: dict[str, Any], directory: Path) -> list[Path]:
    """Write ``generator.safetensors`` and ``generator.json``; return their paths.

    Raises:
        UsageError, DiskFull: `directory` cannot be written.
    """
    weights, words = directory / "generator.safetensors", directory / "generator.json"
    text = json.dumps(about, indent=2, ensure_ascii=False, sort_keys=True)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_network(network, weights)
        weights.chmod(0o666 & ~_umask())
        words.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(directory, error, ELSEWHERE) from error
    return [weights, words]


def export_program(
    network: nn.Module, latents: Tensor, labels: Tensor | None, directory: Path
) -> list[Path]:
    """Write ``generator.pt2``, which `torch.export.load` reads without ganzoo.

    The program maps z (B, latent_dim) float32, and y (B,) int64 if the run is conditional, to
    samples in model form, in eval mode, for any B of at least 1.

    Raises:
        PluginError: `torch.export` cannot follow the generator's code.
        UsageError, DiskFull: `directory` cannot be written.
    """
    path = directory / "generator.pt2"
    batch = torch.export.Dim("batch", min=1)
    arguments = (latents,) if labels is None else (latents, labels)
    dynamic = tuple({0: batch} for _ in arguments)
    try:
        with torch.no_grad():
            program = torch.export.export(network.eval(), arguments, dynamic_shapes=dynamic)
    except Exception as error:  # torch raises many kinds for code that it cannot follow
        first = str(error).strip().partition("\n")[0]
        raise PluginError(
            f"this generator cannot become a program: {first}",
            hint="ganzoo export RUN --format safetensors",
        ) from error
    try:
        directory.mkdir(parents=True, exist_ok=True)
        torch.export.save(program, path)
    except OSError as error:
        raise unwritable(directory, error, ELSEWHERE) from error
    return [path]


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
