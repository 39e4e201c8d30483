"""Speed of the Fréchet distance, compared with torchmetrics and with SciPy's matrix root.

    OMP_NUM_THREADS=1 python benchmarks/frechet.py [--size 2048] [--rounds 3]

All cases take turns in one process on one thread, timed by CPU time, so that a busy machine changes
ratios little. A ratio is the median over the rounds of (their time / our time in the same round).
The reference's factor is kept between scores, as in a run; the first score computes it. SciPy is
left out if it is not installed. Errors are relative to another algorithm: the singular values of
R1 R2', where R is the factor of the QR factorization of the centred features.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from statistics import median

import torch
from provenance import provenance
from torch import Tensor
from torchmetrics.image.fid import FrechetInceptionDistance, _compute_fid

from ganzoo.moments import Moments, distance, trace_of_root, trace_of_root_of_rows
from ganzoo.scoring.frechet import FrechetDistance

Contest = dict[str, Callable[[], float]]

OURS = "ganzoo"
FIRST = "ganzoo, first score against a reference"


def features(rows: int, size: int, seed: int) -> Tensor:
    """Return rectified, correlated features, float32 (rows, size), like those of a network."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.randn(rows, size // 4, generator=generator)
    mixed = low @ torch.randn(size // 4, size, generator=torch.Generator().manual_seed(99))
    noise = torch.randn(rows, size, generator=generator)
    return (mixed / (size // 4) ** 0.5 + 0.3 * noise + 0.2).relu()


def truth(real: Tensor, fake: Tensor) -> float:
    """Return the distance, computed without covariances and eigenvalues."""
    means = [side.double().mean(0) for side in (real, fake)]
    factors = [
        torch.linalg.qr((side.double() - mean) / (len(side) - 1) ** 0.5, mode="r").R
        for side, mean in zip((real, fake), means, strict=True)
    ]
    root = torch.linalg.svdvals(factors[0] @ factors[1].T).sum()
    spread = sum(part.square().sum() for part in factors)
    return float((means[0] - means[1]).square().sum() + spread - 2 * root)


def matrix_step(real: Moments, fake: Moments, few: Tensor | None) -> Contest:
    """Return each way to compute the distance from two means and covariances.

    Args:
        few: the generated features (rows, size), if there are fewer rows than numbers in a row.
    """

    def ours(known: Moments) -> float:
        root = trace_of_root(known, fake) if few is None else trace_of_root_of_rows(known, few)
        return float(distance(known, fake, root))

    _ = real.factor
    contest: Contest = {
        OURS: lambda: ours(real),
        FIRST: lambda: ours(replace(real)),
    }
    contest |= {
        "torchmetrics": lambda: float(
            _compute_fid(real.mean, real.covariance, fake.mean, fake.covariance)
        ),
    }
    if find_spec("scipy"):
        contest["scipy sqrtm"] = lambda: by_sqrtm(real, fake)
    return contest


def by_sqrtm(real: Moments, fake: Moments) -> float:
    """Return the distance as pytorch-fid, clean-fid and others take it."""
    from scipy.linalg import sqrtm

    root = sqrtm((real.covariance @ fake.covariance).numpy())
    spread = real.covariance.trace() + fake.covariance.trace() - 2 * root.real.trace()
    return float((real.mean - fake.mean).square().sum() + spread)


def accumulation(rows: Tensor, batch_size: int) -> Contest:
    """Return each way to accumulate the sums of batches of features."""
    size = rows.shape[1]

    def feed(metric: FrechetInceptionDistance) -> float:
        for batch in rows.split(batch_size):
            metric.update(batch, real=False)
        return float(metric.fake_features_cov_sum.trace())

    def regrouped() -> float:
        from ganzoo.moments import BLOCK
        from ganzoo.scoring.features import regrouped

        metric = FrechetDistance(size)
        for block in regrouped(rows.split(batch_size), BLOCK):
            metric.update(block, real=False)
        return float(metric.fake_features_cov_sum.trace())

    stock = FrechetDistance(size).inception
    return {
        OURS: regrouped,
        "torchmetrics": lambda: feed(FrechetInceptionDistance(feature=stock)),
    }


def compete(title: str, contest: Contest, rounds: int, exact: float | None) -> None:
    """Run all cases in turns and print a table."""
    seconds: dict[str, list[float]] = {name: [] for name in contest}
    values = {}
    for _ in range(rounds):
        for name, run in contest.items():
            before = time.process_time()
            values[name] = run()
            seconds[name].append(time.process_time() - before)
    against = [name for name in (OURS, FIRST) if name in contest]
    heads = "".join(f" times {name} |" for name in against)
    print(
        f"\n| {title} | CPU seconds |{heads} relative error |\n|---|--:|{'--:|' * len(against)}--:|"
    )
    for name, taken in seconds.items():
        ratios = [
            median(t / own for t, own in zip(taken, seconds[each], strict=True)) for each in against
        ]
        cells = "".join(f" {ratio:.2f} |" for ratio in ratios)
        error = "" if exact is None else f"{abs(values[name] / exact - 1):.0e}"
        print(f"| {name} | {median(taken):.2f} |{cells} {error} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2048, help="numbers in a feature")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("set OMP_NUM_THREADS=1, so that all use one thread")
    torch.set_num_threads(1)
    print(f"{provenance('torch', 'torchmetrics', 'scipy')}; D = {given.size}")

    size, many, few = given.size, 5 * given.size, given.size * 1000 // 2048
    real, fake = features(many, size, seed=1), features(many, size, seed=2) * 1.1
    a, b = Moments.of(real), Moments.of(fake)
    compete(f"matrix step, N = {many:,}", matrix_step(a, b, None), given.rounds, truth(real, fake))
    rows = fake[:few].double()
    contest = matrix_step(a, Moments.of(rows), rows)
    compete(f"matrix step, N = {few:,}", contest, given.rounds, truth(real, rows))
    contest = accumulation(fake[: 2 * size], batch_size=32)
    compete(f"sums of {2 * size:,}, batches of 32", contest, given.rounds, None)


if __name__ == "__main__":
    main()
