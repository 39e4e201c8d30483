"""Labels of generated samples."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.api import Dataset
from ganzoo.components.data import labels_of
from ganzoo.sampling.random_streams import BatchNoise


@dataclass(frozen=True)
class LabelSampler:
    """Draws labels by their cumulative probabilities, float64 (classes,)."""

    cumulative: Tensor

    @classmethod
    def of(cls, distribution: str, dataset: Dataset) -> "LabelSampler":
        """Return a sampler of labels.

        Args:
            distribution: ``data`` (frequencies of the training data) or ``uniform``.
        """
        classes = dataset.spec.classes
        if distribution == "uniform":
            counts = torch.ones(classes, dtype=torch.float64)
        else:
            counts = torch.bincount(labels_of(dataset), minlength=classes).double()
        return cls((counts / counts.sum()).cumsum(0))

    def draw(self, noise: BatchNoise) -> Tensor:
        """Return labels int64 (B,) for a batch."""

        def sample(n: int, generator: torch.Generator) -> Tensor:
            coins = torch.rand(n, generator=generator, dtype=torch.float64)
            return torch.searchsorted(self.cumulative, coins).clamp_(max=len(self.cumulative) - 1)

        return noise.draw("labels", sample)
