"""What the metrics beside the Fréchet distance see: features, samples and labels of both sides."""

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import torch
from torch import Tensor

from ganzoo.api import Evaluated, Extractor, Metric, SampleSpec
from ganzoo.errors import PluginError
from ganzoo.scoring import ranks


class Passing:
    """Batches on their way to the extractor; what the metrics need of them is kept, if wanted."""

    def __init__(self, batches: Iterable[tuple[Tensor, Tensor | None]], keep: bool) -> None:
        self.batches = batches
        self.keep = keep
        self.samples: list[Tensor] = []
        self.labels: list[Tensor | None] = []

    def __iter__(self) -> Iterator[Tensor]:
        for samples, labels in self.batches:
            if self.keep:
                self.samples.append(samples)
                self.labels.append(labels)
            yield samples

    def of_all_ranks(self, spec: SampleSpec, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Return all samples (N, *shape), and all labels (N,) if every sample has one."""
        empty = torch.empty(0, *spec.shape, dtype=getattr(torch, spec.stored_dtype))
        samples = rows_of_all_ranks(self.samples, empty, device)
        if not ranks.on_all(None not in self.labels, device):
            return samples, None
        labels = cast(list[Tensor], self.labels)
        return samples, rows_of_all_ranks(labels, torch.empty(0, dtype=torch.int64), device)


def rows_of_all_ranks(parts: list[Tensor], empty: Tensor, device: torch.device) -> Tensor:
    """Return the rows of every part of every rank, on the CPU; `empty` says what a row is."""
    rows = torch.cat([empty, *(part.cpu() for part in parts)])
    return ranks.all_rows(rows.to(device)).cpu()


def class_logits(extractor: Extractor, features: Tensor, device: torch.device) -> Tensor | None:
    """Return what the extractor's classifier says of features, (N, K) on the CPU, if it has one."""
    if not hasattr(extractor, "class_logits"):
        return None
    with torch.inference_mode():
        return extractor.class_logits(features.to(device)).float().cpu()


def numbers(metrics: Mapping[str, Metric], real: Evaluated, fake: Evaluated) -> dict[str, float]:
    """Return what all metrics say, by the names that they give.

    Raises:
        PluginError: two metrics use one name.
    """
    said: dict[str, float] = {}
    for id, metric in metrics.items():
        for name, value in metric(real, fake).items():
            if name in said:
                raise PluginError(f"{id} gives a number {name!r}, and so does another metric")
            said[name] = float(value)
    return said
