"""A very small run for tests, and the comparison of its checkpoints."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from ganzoo.runs.checkpoints import CheckpointStore

STEPS = 6
TINY = [
    "gaussians-mlp", "generator={use: mlp, width: 8, depth: 1}",
    "discriminator={use: mlp, width: 8, depth: 1}", "train.batch_size=8",
    f"train.steps={STEPS}", "train.log_every_steps=1", "train.save_every_steps=2",
    "train.sample_every_steps=3", "eval.every_steps=3", "eval.samples=600",
    "eval.final_samples=600", "eval.metrics=[]",
]  # fmt: skip
"""Words for `ganzoo run`: six steps, each logged, saved after 2, 4 and 6, scored after 3 and 6."""


def tensors(checkpoint: Path) -> dict[str, Any]:
    """Return everything that a checkpoint holds, flat, by file and name."""
    found: dict[str, Any] = {}
    for path in sorted(checkpoint.glob("*.safetensors")):
        found |= {f"{path.stem}.{name}": value for name, value in load_file(path).items()}
    state = torch.load(checkpoint / "state.pt", weights_only=True)
    return found | dict(_flat("state", state))


def _flat(name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    else:
        return [(name, value)]
    return [pair for key, part in parts for pair in _flat(f"{name}.{key}", part)]


def differing(one: Path, other: Path) -> list[str]:
    """Return the names of what two checkpoints do not have exactly alike."""
    ours, theirs = tensors(one), tensors(other)
    assert any(isinstance(value, torch.Tensor) for value in ours.values())
    return sorted(
        name
        for name in ours.keys() | theirs.keys()
        if name not in ours or name not in theirs or not _same(ours[name], theirs[name])
    )


def _same(a: Any, b: Any) -> bool:
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def last_checkpoint(run: Path) -> Path:
    """Return the newest checkpoint of a run, which must verify."""
    newest = CheckpointStore(run / "checkpoints").newest()
    assert newest is not None
    return newest.path


def only_run(runs: Path) -> Path:
    (run,) = (path for path in runs.iterdir() if path.is_dir())
    return run
