"""Scores samples against a reference: one pass of the extractor, one distance, any metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ganzoo.api import Extractor, Metric, Registration, SampleSpec
from ganzoo.moments import BLOCK, REVISION, Moments
from ganzoo.runs.score import Protocol, Statistics
from ganzoo.scoring import ranks
from ganzoo.scoring.evaluated import Passing, Splits, fake_side, numbers, real_side
from ganzoo.scoring.extraction import Extraction, Probe, ScoredGenerator, nothing
from ganzoo.scoring.features import BATCH_SIZE, dtype_of, regrouped
from ganzoo.scoring.floor import expected_floor
from ganzoo.scoring.kept import Kept
from ganzoo.scoring.preparation import input_rule
from ganzoo.scoring.real import RealData
from ganzoo.scoring.reference import ReferenceCache
from ganzoo.scoring.uncertainty import debiased, places_of, standard_error

if TYPE_CHECKING:
    from ganzoo.scoring.frechet import FrechetDistance


class Scored(NamedTuple):
    """What `score` returns."""

    value: float
    """The Fréchet distance."""
    metrics: dict[str, float]
    """What the other metrics say, by the names that they give."""
    protocol: Protocol
    statistics: Statistics


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
    generator: ScoredGenerator | None = None,
    debias: bool = True,
    watch: Callable[[], None] = nothing,
) -> Scored:
    """Score generated samples against real ones.

    Moments are streamed; features are kept in a temporary file. The real ones are computed only
    for metrics, or where the cache does not know their moments. With torch.distributed initialised
    every rank calls this with its own share of the fakes (and all of the reals), and every rank
    gets the same result.

    Args:
        fake: batches of (samples in stored form (B, *spec.shape), labels asked for or None).
        extractor: on `device`; `registration` is what its plugin says of it.
        metrics: by id.
        batch_size: samples that the extractor sees at once.
        generator: what made the samples, for metrics that ask it for more.
        debias: whether to take ten matrix steps more for the debiased distance.
        watch: called after every batch that the extractor sees; what it raises ends the work.

    Raises:
        DataError: fewer than two samples on one side, values that are not finite, wrong shapes.
        PluginError: two metrics give numbers of one name.
        DiskFull: no room for the temporary file.
        GanzooError: torchmetrics cannot be imported, or another rank failed.
    """
    extraction = Extraction(extractor, spec, device, batch_size, watch)
    protocol = _protocol(real, extractor, registration, spec)
    known = _known(cache, protocol.reference_key, device)
    passing = Passing(fake, spec, keep=bool(metrics))
    with ranks.together(device):
        fed = _fed(
            extraction, real, passing, wants_real=bool(metrics), knows_real=known is not None
        )
    distance = fed.distance
    distance.sync()
    if known is None:
        known = distance.moments(real=True)
        if cache and ranks.world()[0] == 0:
            cache.save(protocol.reference_key, known, protocol)
    distance.set_reference(known)
    sides = distance.moments(real=True), distance.moments(real=False)
    value = float(distance.compute())  # which also takes the sums apart again into the ranks' own
    keys = passing.keys if debias else None
    statistics = _statistics(value, *sides, fed.fake.tensor(), keys, device)
    beside = _beside(metrics, extraction, real, passing, fed, generator) if metrics else {}
    return Scored(value, beside, replace(protocol, n_fake=sides[1].n), statistics)


@dataclass(frozen=True)
class _Fed:
    """A distance that has been fed, and the features of this rank's shares."""

    distance: FrechetDistance
    real: Kept
    """Empty where nobody wanted them."""
    fake: Kept


def _fed(
    extraction: Extraction, real: RealData, passing: Passing, wants_real: bool, knows_real: bool
) -> _Fed:
    """Run the extractor over this rank's shares of both sides.

    Args:
        wants_real: the real features are needed even where their moments are known.
        knows_real: their moments are known, and the distance is not fed with them.
    """
    from ganzoo.scoring.frechet import FrechetDistance

    width, device = extraction.width(real.samples), extraction.device
    distance = FrechetDistance(width, sync_on_compute=False)
    distance.to(_of_float64(device))

    def feed(samples: Iterable[Tensor], side: bool, feeds: bool = True) -> Kept:
        kept = Kept((width,), torch.float32)
        for block in regrouped(extraction.features(samples), BLOCK):
            kept.add(block)
            if feeds:
                distance.update(block, real=side)
        return kept

    shares = [ranks.share(real.samples)] if wants_real or not knows_real else []
    return _Fed(distance, feed(shares, True, feeds=not knows_real), feed(passing, False))


def _beside(
    metrics: Mapping[str, Metric],
    extraction: Extraction,
    real: RealData,
    passing: Passing,
    fed: _Fed,
    generator: ScoredGenerator | None,
) -> dict[str, float]:
    """Return what the other metrics say of all ranks' samples."""
    reference = real_side(real, extraction, fed.real)
    reference = replace(reference, splits=Splits(real, reference, extraction))
    probe = Probe(generator, extraction) if generator else None
    return numbers(metrics, reference, fake_side(passing, extraction, fed.fake, probe))


def _statistics(
    value: float,
    reference: Moments,
    fake: Moments,
    rows: Tensor,
    keys: Sequence[int] | None,
    device: torch.device,
) -> Statistics:
    """Return what is known of the distance `value` beside it.

    Args:
        rows: this rank's features of generated samples.
        keys: of the content of each of them; None: no debiased distance.
    """
    mean_term = float((reference.mean - fake.mean).square().sum())
    places = None if keys is None else places_of(torch.tensor(keys, dtype=torch.int64), device)
    return Statistics(
        mean_term=mean_term,
        covariance_term=max(0.0, value - mean_term),
        floor=expected_floor(reference, fake.n),
        standard_error=standard_error(reference, fake, rows),
        debiased=None if places is None else debiased(reference, fake, rows, places),
    )


def _known(cache: ReferenceCache | None, key: str, device: torch.device) -> Moments | None:
    """Return the reference's moments from the cache, if every rank finds them there."""
    moments = cache.load(key, _of_float64(device)) if cache else None
    return moments if ranks.on_all(moments is not None, device) else None


def _of_float64(device: torch.device) -> torch.device:
    """Return where moments are computed: on the device itself, but Apple's MPS has no float64."""
    return torch.device("cpu") if device.type == "mps" else device


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
