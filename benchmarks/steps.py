"""What the benchmarks of a training step share: the networks, a timed row, and its printed form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from ganzoo.bench.timing import (
    Case,
    Spread,
    clock_of,
    speed_against,
    time_interleaved,
    warm_ups_on,
)
from ganzoo.components.plan import Plan
from ganzoo.report.table import Table, three_digits

RECIPE = "shapes-resnet-hinge"

_BASE = ("dataset.length=2000", "eval.extractor=null")
_DCGAN = (*_BASE, "generator={use: dcgan}", "discriminator={use: dcgan}")
_DCGAN_CRITIC = (*_BASE, "generator={use: dcgan}", "discriminator={use: dcgan, batch_norm: false}")
_RESNET = (*_BASE, "generator.width=64", "discriminator.width=64")

NETWORKS: dict[str, tuple[str, ...]] = {
    "dcgan": _DCGAN,
    "dcgan, WGAN-GP": (*_DCGAN_CRITIC, "loss=wgan-gp"),
    "dcgan, 5 D steps": (*_DCGAN, "train.discriminator_steps=5"),
    "resnet 64": _RESNET,
    "resnet 64, WGAN-GP": (*_RESNET, "discriminator.spectral_norm=false", "loss=wgan-gp"),
    "resnet 64, 5 D steps": (*_RESNET, "train.discriminator_steps=5"),
    "resnet 128": (*_BASE, "generator.width=128", "discriminator.width=128"),
}
"""Name of a row → overrides of `RECIPE`, at 32x32; a benchmark sets precision and batch size."""

TEXTBOOK = "textbook"
"""The case of the reference loop, which speeds are relative to."""


@dataclass(frozen=True)
class Row:
    """Training loops over the same networks, timed in turns."""

    name: str
    samples_per_step: int
    """Real samples shown to D in one step."""
    taken: dict[str, list[float]]
    """Case → seconds per step, one number per round."""

    @classmethod
    def timed(
        cls,
        name: str,
        plan: Plan,
        loops: Mapping[str, Callable[[], object]],
        device: torch.device,
        *,
        rounds: int,
        seconds: float,
    ) -> Row:
        """Time the loops, one of them `TEXTBOOK`, in rounds of `seconds` per case."""
        taken = time_interleaved(
            [Case(*each) for each in loops.items()],
            clock_of(device, 1),
            rounds=rounds,
            seconds=seconds,
            warm_up=warm_ups_on(device),
        )
        train = plan.recipe.settings.train
        return cls(name, train.samples_per_step, taken)

    def seconds_per_step(self, case: str) -> float:
        """Return the median over the rounds."""
        return Spread.of(self.taken[case]).median

    def samples_per_second(self, case: str) -> float:
        """Return real samples shown to D per second."""
        return self.samples_per_step / self.seconds_per_step(case)

    def speed(self, case: str, baseline: str = TEXTBOOK) -> Spread:
        """Return how many times as fast as the baseline a case is."""
        return speed_against(self.taken, baseline)[case]

    def cells(self) -> list[str]:
        """Return the first cells of the printed row: its name, and the reference's rate."""
        return [self.name, three_digits(self.samples_per_second(TEXTBOOK))]


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table with every column but the first aligned to the right."""
    return Table(columns, rows, columns[1:]).markdown()


def with_range(spread: Spread) -> str:
    """Return the median with the lowest and the highest in brackets."""
    return f"{spread.median:.2f} ({spread.low:.2f}-{spread.high:.2f})"
