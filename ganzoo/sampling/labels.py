"""The law that labels of generated samples are drawn by."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.api import Dataset
from ganzoo.components.data import labels_of
from ganzoo.sampling.random_streams import BatchNoise


@dataclass(frozen=True)
class LabelSampler:
    """Probabilities (classes,) float64 of the labels of generated samples."""

    cumulative: Tensor

    @classmethod
    def of(cls, law: str, dataset: Dataset) -> "LabelSampler":
        """Return the law called `law`: ``data`` (as often as in the data) or ``uniform``."""
        classes = dataset.spec.classes
        if law == "uniform":
            counts = torch.ones(classes, dtype=torch.float64)
        else:
            counts = torch.bincount(labels_of(dataset), minlength=classes).double()
        return cls((counts / counts.sum()).cumsum(0))

    def draw(self, noise: BatchNoise) -> Tensor:
        """Return int64 (B,) labels for a batch."""

        def sample(n: int, generator: torch.Generator) -> Tensor:
            coins = torch.rand(n, generator=generator, dtype=torch.float64)
            return torch.searchsorted(self.cumulative, coins).clamp_(max=len(self.cumulative) - 1)

        return noise.draw("labels", sample)
