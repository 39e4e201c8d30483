"""The pictures of a run: generated samples from the same latents every time, and real ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.pictures import save_picture
from ganzoo.sampling.sampler import Sampler
from ganzoo.training.processes import Processes

GRID_SAMPLES = 64
PLOT_SAMPLES = 2048


@dataclass(frozen=True)
class Gallery:
    """A run's ``samples/``. Rank 0 draws."""

    plan: Plan
    directory: RunDirectory
    processes: Processes

    @property
    def count(self) -> int:
        """How many samples a picture shows."""
        return PLOT_SAMPLES if self.plan.spec.modality == "vector" else GRID_SAMPLES

    def draw(self, step: int, sampler: Sampler) -> None:
        """Save what the generator makes at a step."""
        if self.processes.is_main:
            samples = sampler.sample(self.count, seed=self.plan.recipe.settings.seed)
            path = self.directory.samples_directory / f"step-{step:08d}.png"
            save_picture(path, self.plan.spec, samples, self._some_real())

    def draw_real(self) -> None:
        """Save real samples, once."""
        path = self.directory.samples_directory / "real.png"
        if self.processes.is_main and not path.exists():
            save_picture(path, self.plan.spec, self._some_real())

    def _some_real(self) -> Tensor:
        """Return a few real samples in stored form, from all over the data set."""
        dataset = self.plan.dataset
        count = min(self.count, len(dataset))
        stride = len(dataset) // count
        return torch.stack([dataset[index * stride][0] for index in range(count)])
