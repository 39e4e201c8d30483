"""Scores samples against a reference: one pass of the extractor, one distance, any metrics."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.api import Evaluated, Extractor, Metric, Registration, SampleSpec
from ganzoo.errors import DataError
from ganzoo.runs.score import Protocol
from ganzoo.scoring import ranks
from ganzoo.scoring.evaluated import Passing, class_logits, numbers, rows_of_all_ranks
from ganzoo.scoring.features import BATCH_SIZE, dtype_of, features_of, regrouped
from ganzoo.scoring.moments import BLOCK, REVISION, Moments
from ganzoo.scoring.preparation import input_rule
from ganzoo.scoring.reference import ReferenceCache, content_sha256


@dataclass(frozen=True)
class RealData:
    """A reference: samples in stored form with what the protocol says of them.

    Raises:
        DataError: fewer than two samples.
    """

    samples: Tensor
    """(N, *shape), on the CPU."""
    labels: Tensor | None
    """int64 (N,), or None."""
    dataset: str
    """Full id, such as ``zoo/digits``."""
    split: str
    preparation: str = ""
    """The data set's parameters in words."""

    def __post_init__(self) -> None:
        if len(self.samples) < 2:
            raise DataError(
                f"{self.dataset}/{self.split} has {len(self.samples)} samples; "
                "a Fréchet distance needs at least 2"
            )

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the samples, computed once."""
        return content_sha256(self.samples)


class Scored(NamedTuple):
    """What `score` returns."""

    value: float
    """The Fréchet distance."""
    metrics: dict[str, float]
    """What the other metrics say, by the names that they give."""
    protocol: Protocol


def score(
    fake: Iterable[tuple[Tensor, Tensor | None]],
    real: RealData,
    extractor: Extractor,
    registration: Registration,
    metrics: Mapping[str, Metric],
    spec: SampleSpec,
    device: torch.device,
    cache: ReferenceCache | None = None,
    batch_size: int = BATCH_SIZE,
) -> Scored:
    """Score generated samples against real ones.

    Moments are streamed; features are kept only if there are metrics, and the real ones are
    computed only then or where the cache does not know their moments. With torch.distributed
    initialised every rank calls this with its own share of the fakes (and all of the reals), and
    every rank gets the same result.

    Args:
        fake: batches of (samples in stored form (B, *spec.shape), labels asked for or None).
        extractor: on `device`; `registration` is what its plugin says of it.
        metrics: by id.
        batch_size: samples that the extractor sees at once.

    Raises:
        DataError: fewer than two samples on one side, values that are not finite, wrong shapes.
        PluginError: two metrics give numbers of one name.
        GanzooError: torchmetrics cannot be imported, or another rank failed.
    """
    from ganzoo.scoring.frechet import FrechetDistance

    keep = bool(metrics)
    protocol = _protocol(real, extractor, registration, spec)
    known = _known(cache, protocol.reference_key, device)
    passing = Passing(fake, keep)

    def extracted(samples: Iterable[Tensor]) -> Iterator[Tensor]:
        return features_of(samples, extractor, spec, device, batch_size)

    with ranks.together(device):
        width = extractor.num_features or next(extracted([real.samples[:1]])).shape[1]
        metric = FrechetDistance(width, sync_on_compute=False)
        metric.to("cpu" if device.type == "mps" else device)  # MPS has no float64
        real_features: list[Tensor] = []
        if known is None or keep:
            take = partial(metric.update, real=True) if known is None else None
            real_features = _feed(extracted([ranks.share(real.samples)]), take, keep)
        fake_features = _feed(extracted(passing), partial(metric.update, real=False), keep)
    metric.sync()
    if known is None:
        known = metric.moments(real=True)
        if cache and ranks.world()[0] == 0:
            cache.save(protocol.reference_key, known, protocol)
    metric.set_reference(known)
    protocol = replace(protocol, n_fake=int(metric.fake_features_num_samples))
    value = float(metric.compute())  # which also takes the sums apart again into the ranks' own
    if not keep:
        return Scored(value, {}, protocol)

    def evaluated(features: list[Tensor], samples: Tensor, labels: Tensor | None) -> Evaluated:
        rows = rows_of_all_ranks(features, torch.empty(0, width), device)
        return Evaluated(rows, samples, labels, class_logits(extractor, rows, device))

    real_side = evaluated(real_features, real.samples, real.labels)
    fake_side = evaluated(fake_features, *passing.of_all_ranks(spec, device))
    return Scored(value, numbers(metrics, real_side, fake_side), protocol)


def _feed(
    features: Iterable[Tensor], take: Callable[[Tensor], None] | None, keep: bool
) -> list[Tensor]:
    """Hand features on in the blocks that moments are added in; return them if they are kept."""
    kept = []
    for block in regrouped(features, BLOCK):
        if take:
            take(block)
        if keep:
            kept.append(block)
    return kept


def _known(cache: ReferenceCache | None, key: str, device: torch.device) -> Moments | None:
    """Return the reference's moments from the cache, if every rank finds them there."""
    moments = cache.load(key) if cache else None
    return moments if ranks.on_all(moments is not None, device) else None


def _protocol(
    real: RealData, extractor: Extractor, registration: Registration, spec: SampleSpec
) -> Protocol:
    """Return the protocol of a score, but for the number of samples that will be scored."""
    return Protocol(
        metric_revision=REVISION,
        extractor=registration.id,
        extractor_revision=registration.revision,
        weights_sha256=extractor.weights_sha256,
        layer=extractor.layer,
        input_rule=input_rule(spec, extractor.input_shape),
        extractor_dtype=dtype_of(extractor),
        n_fake=0,
        reference=real.dataset,
        reference_sha256=real.content_sha256,
        split=real.split,
        n_real=len(real.samples),
        preparation=real.preparation,
    )
