"""Labels of generated samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.api import Dataset
from ganzoo.components.data import labels_of
from ganzoo.sampling.random_streams import BatchNoise


def label_counts(distribution: str, dataset: Dataset) -> list[int]:
    """Return the relative frequency of each class among generated samples.

    Args:
        distribution: ``data`` (counts of the training data) or ``uniform`` (1 each).
    """
    classes = dataset.spec.classes
    if distribution == "uniform":
        return [1] * classes
    return torch.bincount(labels_of(dataset), minlength=classes).tolist()


@dataclass(frozen=True)
class LabelSampler:
    """Draws labels by their cumulative probabilities, float64 (classes,)."""

    cumulative: Tensor

    @classmethod
    def of(cls, distribution: str, dataset: Dataset) -> "LabelSampler":
        """Return the sampler of a distribution, as for `label_counts`."""
        return cls.by_counts(label_counts(distribution, dataset))

    @classmethod
    def by_counts(cls, counts: Sequence[int]) -> "LabelSampler":
        """Return the sampler that draws labels in proportion to these counts, one per class."""
        exact = torch.tensor(counts, dtype=torch.float64)
        return cls((exact / exact.sum()).cumsum(0))

    def draw(self, noise: BatchNoise) -> Tensor:
        """Return labels int64 (B,) for a batch."""

        def sample(n: int, generator: torch.Generator) -> Tensor:
            coins = torch.rand(n, generator=generator, dtype=torch.float64)
            return torch.searchsorted(self.cumulative, coins).clamp_(max=len(self.cumulative) - 1)

        return noise.draw("labels", sample)
