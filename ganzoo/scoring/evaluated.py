"""What the metrics beside the Fréchet distance see: features, samples and labels of both sides."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor

from ganzoo.api import Evaluated, GeneratorProbe, Metric, SampleSpec
from ganzoo.errors import PluginError
from ganzoo.scoring import ranks
from ganzoo.scoring.extraction import Extraction
from ganzoo.scoring.kept import Kept
from ganzoo.scoring.real import RealData


class Passing:
    """Batches on their way to the extractor, and what is remembered of them.

    Of every sample that is a number of its content's own; samples and labels only if `keep`.
    """

    def __init__(
        self, batches: Iterable[tuple[Tensor, Tensor | None]], spec: SampleSpec, keep: bool
    ) -> None:
        self._batches = batches
        self._keep = keep
        self.keys: list[int] = []
        self._samples = Kept(spec.shape, getattr(torch, spec.stored_dtype))
        self._labels = Kept((), torch.int64)
        self._all_labelled = True

    def __iter__(self) -> Iterator[Tensor]:
        for samples, labels in self._batches:
            yield samples
            self.keys += map(content_key, samples.cpu())
            if self._keep:
                self._samples.add(samples)
                self._all_labelled &= labels is not None
                if labels is not None:
                    self._labels.add(labels)

    def of_all_ranks(self, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Return all samples (N, *shape), and all labels (N,) if every sample has one."""
        samples = self._samples.of_all_ranks(device).tensor()
        if not ranks.on_all(self._all_labelled, device):
            return samples, None
        return samples, self._labels.of_all_ranks(device).tensor()


def content_key(sample: Tensor) -> int:
    """Return a number of 63 bits that depends on a sample's bytes alone."""
    digest = hashlib.blake2b(sample.contiguous().numpy().tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Splits(Mapping[str, Evaluated]):
    """The splits of the reference's data set, each looked at when it is first asked for."""

    def __init__(self, real: RealData, reference: Evaluated, extraction: Extraction) -> None:
        self._read = real.splits
        self._seen = {real.split: reference}
        self._extraction = extraction

    def __getitem__(self, name: str) -> Evaluated:
        if name not in self._seen:
            self._seen[name] = real_side(self._read[name](), self._extraction)
        return self._seen[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._read, **self._seen})

    def __len__(self) -> int:
        return len({**self._read, **self._seen})


def real_side(real: RealData, extraction: Extraction, features: Kept | None = None) -> Evaluated:
    """Return what metrics see of real data.

    Args:
        features: those of this rank's share, where they are known.
    """
    kept = kept_features(real, extraction) if features is None else features
    rows = kept.of_all_ranks(extraction.device).tensor()
    return Evaluated(rows, real.samples, real.labels, extraction.class_logits(rows))


def fake_side(
    passing: Passing, extraction: Extraction, features: Kept, generator: GeneratorProbe | None
) -> Evaluated:
    """Return what metrics see of the samples that have passed, of all ranks."""
    rows = features.of_all_ranks(extraction.device).tensor()
    samples, labels = passing.of_all_ranks(extraction.device)
    logits = extraction.class_logits(rows)
    return Evaluated(rows, samples, labels, logits, generator=generator)


def kept_features(real: RealData, extraction: Extraction) -> Kept:
    """Return the features of this rank's share of real data.

    Raises:
        GanzooError: another rank failed.
    """
    with ranks.together(extraction.device):
        kept = Kept((extraction.width(real.samples),), torch.float32)
        for features in extraction.features([ranks.share(real.samples)]):
            kept.add(features)
    return kept


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
