"""Final distances of half precision and of fp32: two recipes, five seeds.

    python benchmarks/precision.py [--seeds 0,1,2,3,4] [--precisions fp32,bf16] [--runs-dir DIR]

Every run has its recipe's own budget. Finished runs are not repeated, so that an interrupted
benchmark continues, and several processes can share the seeds. Takes about an hour on one idle CPU
core; fp16 is for a GPU.

A CPU without bfloat16 takes ten times as long. With `--by-rounding`, products of bfloat16 numbers
(convolutions, matrix products, and their gradients) are computed in float32 and rounded to
bfloat16, as hardware with bfloat16 does.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from provenance import provenance
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from yardsticks import final_score, finished_run

from ganzoo.report.table import Table
from ganzoo.report.welch import welch_p_value

RECIPES = ("digits-dcgan-hinge", "shapes-dcgan-hinge")
PRECISIONS = ("fp32", "bf16")

_aten = torch.ops.aten
PRODUCTS = {
    _aten.convolution.default,
    _aten.convolution_backward.default,
    _aten.mm.default,
    _aten.addmm.default,
    _aten.bmm.default,
    _aten.baddbmm.default,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/precision"))
    parser.add_argument("--by-rounding", action="store_true", help="for CPUs without bfloat16")
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    precisions = chosen.precisions.split(",")
    print(f"{provenance('torch')}, seeds {chosen.seeds}\n", flush=True)
    distance = partial(
        final_distance, runs_directory=chosen.runs_dir, by_rounding=chosen.by_rounding
    )
    rows = [row for recipe in RECIPES for row in lines(recipe, precisions, seeds, distance)]
    columns = ["recipe", "precision", "final distance, mean ± sd", "lowest", "highest", "p"]
    print(Table(columns, rows, columns[2:]).markdown())


def lines(
    recipe: str, precisions: list[str], seeds: list[int], distance: Callable[..., float]
) -> Iterator[list[str]]:
    """Yield a recipe's row of each precision; p is Welch's, of the difference from the first."""
    found = {
        precision: [distance(recipe, precision, seed) for seed in seeds] for precision in precisions
    }
    for precision, values in found.items():
        spread = statistics.stdev(values) if len(values) > 1 else math.nan
        same = precision == precisions[0] or len(values) < 2
        p = "" if same else f"{welch_p_value(found[precisions[0]], values):.2f}"
        mean = f"{statistics.mean(values):.2f} ± {spread:.2f}"
        yield [recipe, precision, mean, f"{min(values):.2f}", f"{max(values):.2f}", p]


def final_distance(
    recipe: str, precision: str, seed: int, runs_directory: Path, by_rounding: bool
) -> float:
    """Train one run unless it is finished; return its final distance."""
    with ProductsByRounding() if by_rounding and precision == "bf16" else nullcontext():
        run = finished_run(recipe, seed, runs_directory, f"train.precision={precision}")
    print(f"{recipe} {precision} seed {seed}: {final_score(run).value:.3f}", flush=True)
    return final_score(run).value


class ProductsByRounding(TorchDispatchMode):
    """Computes products of bfloat16 numbers in float32 and rounds them to bfloat16."""

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func not in PRODUCTS or not any(_is_bfloat16(each) for each in args):
            return func(*args, **kwargs)
        wide = tree_map_only(Tensor, Tensor.float, args)
        return tree_map_only(Tensor, Tensor.bfloat16, func(*wide, **kwargs))


def _is_bfloat16(value: object) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bfloat16


if __name__ == "__main__":
    main()
