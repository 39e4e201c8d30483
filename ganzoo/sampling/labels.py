"""The law that labels of generated samples are drawn by."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.api import Dataset
from ganzoo.components.data import labels_of
from ganzoo.sampling.random_streams import BatchNoise


def label_counts(law: str, dataset: Dataset) -> list[int]:
    """Return how often each class is drawn: its count in the data, or 1 by the law ``uniform``."""
    classes = dataset.spec.classes
    if law == "uniform":
        return [1] * classes
    return torch.bincount(labels_of(dataset), minlength=classes).tolist()


@dataclass(frozen=True)
class LabelSampler:
    """Probabilities (classes,) float64 of the labels of generated samples."""

    cumulative: Tensor

    @classmethod
    def of(cls, law: str, dataset: Dataset) -> "LabelSampler":
        """Return the law called `law`: ``data`` (as often as in the data) or ``uniform``."""
        return cls.by_counts(label_counts(law, dataset))

    @classmethod
    def by_counts(cls, counts: Sequence[int]) -> "LabelSampler":
        """Return the sampler that draws labels in proportion to these counts, one a class."""
        exact = torch.tensor(counts, dtype=torch.float64)
        return cls((exact / exact.sum()).cumsum(0))

    def draw(self, noise: BatchNoise) -> Tensor:
        """Return int64 (B,) labels for a batch."""

        def sample(n: int, generator: torch.Generator) -> Tensor:
            coins = torch.rand(n, generator=generator, dtype=torch.float64)
            return torch.searchsorted(self.cumulative, coins).clamp_(max=len(self.cumulative) - 1)

        return noise.draw("labels", sample)
