"""A run's ``samples/``: previews of real samples, and of generated ones from fixed latents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.samples import REAL, previews
from ganzoo.sampling.files import write_preview
from ganzoo.sampling.sampler import Sampler
from ganzoo.training.processes import Processes


@dataclass(frozen=True)
class Gallery:
    """Writes the previews of a run, on rank 0."""

    plan: Plan
    directory: RunDirectory
    processes: Processes

    @property
    def count(self) -> int:
        """Number of samples in a preview."""
        return self.plan.spec.kind.preview_samples

    def draw(self, step: int, sampler: Sampler) -> None:
        """Write what the generator makes at a step."""
        if self.processes.is_main:
            samples = sampler.sample(self.count, seed=self.plan.recipe.settings.seed)
            self._write(f"step-{step:08d}", samples, self._some_real())

    def draw_real(self) -> None:
        """Write real samples, once."""
        if self.processes.is_main and REAL not in previews(self.directory):
            self._write(REAL, self._some_real())

    def _write(self, stem: str, samples: Tensor, real: Tensor | None = None) -> None:
        write_preview(self.directory.samples_directory, stem, self.plan.spec, samples, real)

    def _some_real(self) -> Tensor:
        """Return a few real samples in stored form, spread over the data set."""
        dataset = self.plan.dataset
        count = min(self.count, len(dataset))
        stride = len(dataset) // count
        return torch.stack([dataset[index * stride][0] for index in range(count)])
