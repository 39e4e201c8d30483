"""A run's generator for use elsewhere: weights and their description, or a whole program."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.engine.state import write_network


def export_weights(network: nn.Module, about: dict[str, Any], directory: Path) -> list[Path]:
    """Write ``generator.safetensors`` and ``generator.json``; return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    weights, description = directory / "generator.safetensors", directory / "generator.json"
    write_network(network, weights)
    weights.chmod(0o666 & ~_umask())
    text = json.dumps(about, indent=2, ensure_ascii=False, sort_keys=True)
    description.write_text(text + "\n", encoding="utf-8")
    return [weights, description]


def export_program(
    network: nn.Module, latents: Tensor, labels: Tensor | None, directory: Path
) -> list[Path]:
    """Write ``generator.pt2``, which `torch.export.load` reads without ganzoo.

    The program maps z (B, latent_dim) float32, and y (B,) int64 if the run is conditional, to
    samples in model form, in eval mode, for any B of at least 1.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "generator.pt2"
    batch = torch.export.Dim("batch", min=1)
    arguments = (latents,) if labels is None else (latents, labels)
    dynamic = tuple({0: batch} for _ in arguments)
    with torch.no_grad():
        program = torch.export.export(network.eval(), arguments, dynamic_shapes=dynamic)
    torch.export.save(program, path)
    return [path]


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
