"""Inception's features do not depend on batches and processes."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("inception_ranks.py")
TOLERANCE = 1e-5
"""Of features, in units of their norm: float32, summed in another order."""


def on_ranks(world: int, weights: Path, folder: Path) -> list[Tensor]:
    """Return the features of all ranks as each of `world` processes has them."""
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), *map(str, (weights, folder, rank, world))],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    said = [process.communicate(timeout=240)[1] for process in processes]
    assert all(process.returncode == 0 for process in processes), said
    return [torch.load(folder / f"{rank}-of-{world}.pt") for rank in range(world)]


def test_one_rank_two_ranks_and_smaller_batches_give_the_same_features(
    toys: SimpleNamespace, weights: Path, tmp_path: Path
) -> None:
    extract = runpy.run_path(str(SCRIPT))["features"]
    features = extract(weights)
    assert features.shape == (5, 2048)
    assert toys.relative(features[:1], features[1:2]) > 100 * TOLERANCE
    assert toys.relative(extract(weights, batch_size=2), features) < TOLERANCE
    (alone,) = on_ranks(1, weights, tmp_path)
    assert toys.relative(alone, features) < TOLERANCE
    first, second = on_ranks(2, weights, tmp_path)
    assert torch.equal(first, second)
    assert toys.relative(first, features) < TOLERANCE
