"""Export a run's generator: weights with their description, or a `torch.export` program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganzoo.components.build import takes
from ganzoo.components.sampling_parameters import sampling_model
from ganzoo.components.weights import write_network
from ganzoo.runs.checkpoints import Checkpoint
from ganzoo.runs.files import replacing, usual_mode, write_atomic, writing
from ganzoo.sampling.program import latent_program_of, program_of
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
    schema = model.model_json_schema()["properties"] if model.model_fields else {}
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
        "sampling": {**recorded, "schema": schema},
    }


def export_weights(sampler: Sampler, about: dict[str, Any], directory: Path) -> list[Path]:
    """Write ``generator.safetensors`` and ``generator.json``; return the paths.

    Weights of a latent that learns are written to ``latent.safetensors``.

    Raises:
        UsageError, DiskFull: `directory` cannot be written.
    """
    networks: dict[str, nn.Module] = {"generator": sampler.generator}
    if latent := learned_latent(sampler):
        networks["latent"] = latent
        about = {**about, "latent": {**about["latent"], "weights": "latent.safetensors"}}
    words = directory / "generator.json"
    text = json.dumps(about, indent=2, ensure_ascii=False, sort_keys=True)
    written = []
    with writing(directory, ELSEWHERE):
        directory.mkdir(parents=True, exist_ok=True)
        for name, network in networks.items():
            written.append(directory / f"{name}.safetensors")
            with replacing(written[-1]) as temporary:
                write_network(network, temporary)
                temporary.chmod(usual_mode(directory))  # safetensors writes 0600
        write_atomic(words, text.encode() + b"\n")
    return [*written, words]


def learned_latent(sampler: Sampler) -> nn.Module | None:
    """Return the latent of a sampler if it has weights or buffers."""
    latent = sampler.latent
    return latent if isinstance(latent, nn.Module) and latent.state_dict() else None


def export_program(sampler: Sampler, directory: Path) -> list[Path]:
    """Write ``generator.pt2``, which `torch.export.load` reads without ganzoo; return the paths.

    The program of `program_of` has the sampler's sampling parameters. A latent that learns becomes
    ``latent.pt2``: it maps any tensor (B, ...) to B latents, drawn by torch's default generator.

    Raises:
        PluginError: `torch.export` cannot follow the code of the generator or the latent.
        UsageError, DiskFull: `directory` cannot be written.
    """
    z, y = sampler.example(2)
    programs = {"generator": program_of(sampler.generator, z, y, sampler.parameters)}
    if latent := learned_latent(sampler):
        programs["latent"] = latent_program_of(latent)
    with writing(directory, ELSEWHERE):
        directory.mkdir(parents=True, exist_ok=True)
        for name, program in programs.items():
            with replacing(directory / f"{name}.pt2") as temporary:
                torch.export.save(program, temporary)
    return [directory / f"{name}.pt2" for name in programs]
