"""Cost of a whole FID, compared with torchmetrics in a new process: a sum of measured parts.

    OMP_NUM_THREADS=1 python benchmarks/whole_fid.py [--samples 10000] [--images 16] [--rounds 3]

A second score against one data set reads the moments of the real side from the cache and extracts
features of generated samples only; torchmetrics keeps nothing between processes and extracts both
sides. Parts are measured as in `extraction.py` and `frechet.py`, in turns on one thread, and
multiplied by the number of times that they occur: ten thousand passes of Inception take half an
hour. ``TORCH_FIDELITY=DIR`` (see `extraction.py`) measures the network that torchmetrics uses;
otherwise a network of the same form stands in: separate batch norms, contiguous. Reading and
hashing samples is not counted on either side.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median

import torch
from extraction import forms, interleaved, timed
from frechet import accumulation, features
from torchmetrics.image.fid import _compute_fid

from ganzoo.moments import BLOCK, Moments, distance, trace_of_root
from ganzoo.runs.score import Protocol
from ganzoo.scoring.reference import ReferenceCache
from ganzoo.scoring.score_statistics import debiased, expected_score_of_real, standard_error

SIZE = 2048


def seconds(call: Callable[[], object], rounds: int) -> float:
    """Return the median CPU seconds of a call."""
    return median(timed(call) for _ in range(rounds))


def extraction_seconds(images: int, rounds: int) -> tuple[float, float]:
    """Return our and their seconds for one image of 32x32."""
    torch.manual_seed(0)
    shape = (3, 32, 32)
    batch = torch.randint(256, (images, *shape), dtype=torch.uint8)
    made = forms(shape)
    theirs = next((name for name in made if "torch-fidelity" in name), next(iter(made)))
    taken, _ = interleaved({n: made[n] for n in ("ganzoo, float32", theirs)}, batch, rounds)
    return taken["ganzoo, float32"] / images, taken[theirs] / images


def cached(real: Moments) -> Callable[[], object]:
    """Return a function that reads the moments from a filled cache, as another process would."""
    protocol = Protocol("x", 1, None, "pool3", "", "float32", 0, "x", "0" * 64, "train", real.n)
    directory, key = Path(tempfile.mkdtemp()), protocol.reference_key
    ReferenceCache(directory).save(key, real, protocol)
    return lambda: ReferenceCache(directory).load(key, real.mean.device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--images", type=int, default=16, help="in a batch of the extractor")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("set OMP_NUM_THREADS=1, so that all use one thread")
    torch.set_num_threads(1)
    n = given.samples
    ours, theirs = extraction_seconds(given.images, given.rounds)
    rows, fakes = features(n, SIZE, seed=1), features(n, SIZE, seed=2) * 1.1
    real, fake = Moments.of(rows), Moments.of(fakes)
    contest = accumulation(fakes[: 2 * BLOCK], batch_size=32)
    sums = {name: timed(feed) * n / (2 * BLOCK) for name, feed in contest.items()}
    stock = partial(_compute_fid, real.mean, real.covariance, fake.mean, fake.covariance)
    parts = {
        "generated samples through the network": (n * ours, n * theirs),
        "their sums": (sums["ganzoo"], sums["torchmetrics"]),
        "real samples through the network": (0.0, n * theirs),
        "their sums, or the cache": (seconds(cached(real), 3), sums["torchmetrics"]),
        "matrix step": (
            seconds(lambda: distance(real, fake, trace_of_root(replace(real), fake)), 3),
            seconds(stock, 3),
        ),
    }
    print(f"{date.today()}, {n:,} samples against {n:,}, load {os.getloadavg()[0]:.1f}\n")
    print("| CPU seconds | ganzoo, second score | torchmetrics, new process |\n|:--|--:|--:|")
    for name, (mine, other) in parts.items():
        print(f"| {name} | {mine:.1f} | {other:.1f} |")
    mine, other = (sum(part[side] for part in parts.values()) for side in (0, 1))
    print(f"| together | {mine:.0f} | {other:.0f} ({other / mine:.2f} times) |", flush=True)
    begun = time.process_time()
    expected_score_of_real(real, n)
    standard_error(real, fake, fakes)
    error = time.process_time() - begun
    debiased(real, fake, fakes, torch.arange(n))
    more = time.process_time() - begun
    print(f"| expected_real, error, debiased value (torchmetrics has none) | {more:.1f} | |\n")
    print(f"With these, {error:.1f} s of them the first two: {other / (mine + more):.2f} times.")


if __name__ == "__main__":
    main()
