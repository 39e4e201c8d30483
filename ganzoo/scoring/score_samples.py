"""Score samples against a reference: one pass of the extractor, one distance, any metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import torch
from torch import Tensor

from ganzoo.api import Extractor, Metric, SampleSpec
from ganzoo.components.plan import ComponentPlan, module_code_sha256
from ganzoo.moments import BLOCK, REVISION, Moments
from ganzoo.rows import RowsOnDisk
from ganzoo.runs.score import Protocol, Statistics
from ganzoo.scoring import collectives
from ganzoo.scoring.features import (
    BATCH_SIZE,
    Extraction,
    Probe,
    ScoredGenerator,
    dtype_of,
    input_rule,
    no_op,
    regrouped,
    release_freed_memory,
)
from ganzoo.scoring.metric_inputs import (
    RealPass,
    RecordedBatches,
    evaluate,
    fake_side,
)
from ganzoo.scoring.reference import RealData, ReferenceCache
from ganzoo.scoring.score_statistics import (
    debiased,
    expected_score_of_real,
    places_of,
    standard_error,
)

if TYPE_CHECKING:
    from ganzoo.scoring.frechet import FrechetDistance


class ExtractorIdentity(NamedTuple):
    """What decides an extractor's features, apart from its weights."""

    id: str
    revision: int
    parameters: str = ""
    """Those that are not at their defaults, in words."""
    code_sha256: str | None = None
    """Hash of its module's code, see `ganzoo.components.plan.code_sha256`."""

    @classmethod
    def of(cls, plan: ComponentPlan) -> Self:
        """Return the identity of a planned extractor. A path counts by the weights behind it."""
        words = ", ".join(
            f"{name}={plan.plain[name]}"
            for name, value in sorted(plan.parameters.items())
            if not isinstance(value, Path) and plan.plain[name] != plan.defaults.get(name, ...)
        )
        registration = plan.registration
        return cls(registration.id, registration.revision, words, module_code_sha256(plan.factory))


class SampleScore(NamedTuple):
    """Result of `score_samples`."""

    value: float
    """The Fréchet distance."""
    metrics: dict[str, float]
    """Values of the other metrics, by the names that they give them."""
    protocol: Protocol
    statistics: Statistics
    notes: tuple[str, ...] = ()
    """About each metric that lacks something, one line."""


def score_samples(
    fake: Iterable[tuple[Tensor, Tensor | None]],
    real: RealData,
    extractor: Extractor,
    identity: ExtractorIdentity,
    metrics: Mapping[str, Metric],
    spec: SampleSpec,
    device: torch.device,
    cache: ReferenceCache | None = None,
    batch_size: int = BATCH_SIZE,
    generator: ScoredGenerator | None = None,
    debias: bool = True,
    watch: Callable[[], None] = no_op,
) -> SampleScore:
    """Score generated samples against real ones.

    Moments are accumulated batch by batch; features are kept in a temporary file. Real features
    are computed only for metrics, or if the cache lacks their moments. With torch.distributed
    initialised every rank calls this with its own share of the generated samples and all real
    ones, and every rank gets the same result. A metric that lacks something, such as labels, is
    left out with a note.

    Args:
        fake: batches of (samples in stored form (B, *spec.shape), labels asked for or None).
        extractor: on `device`.
        identity: of the extractor, for the protocol.
        metrics: by the name that a message shows.
        batch_size: largest batch of the extractor.
        generator: of the samples, for metrics that draw more of them.
        debias: whether to compute the debiased distance, which costs ten more distances.
        watch: called after every batch of the extractor; may raise to stop.

    Raises:
        DataError: fewer than two samples on one side, values that are not finite, wrong shapes.
        PluginError: the extractor or a metric failed, or two metrics give numbers of one name.
        DiskFull: no room for the temporary file.
        GanzooError: another rank failed.
    """
    extraction = Extraction(extractor, spec, device, batch_size, watch, identity.id)
    about = (real.dataset, real.sha256 or "", real.split, real.count, real.preparation)
    protocol = _protocol(extractor, identity, spec, *about)
    if real.sha256 is None and _expects(cache, protocol, device):
        protocol = replace(protocol, reference_sha256=_hash(real, spec, device))
    known = _known(cache, protocol, device)
    release_freed_memory()
    side = real.sides.get(protocol.reference_key)
    recorded = RecordedBatches(fake, spec, keep=bool(metrics))
    with collectives.fail_together(device):
        extracted = _extract(
            extraction,
            real,
            recorded,
            wants_real=bool(metrics) and side is None,
            knows_real=known is not None,
        )
    if extracted.real is not None:
        protocol = replace(protocol, reference_sha256=extracted.real.sha256(device))
    known = known or _known(cache, protocol, device)
    distance = extracted.distance
    distance.sync()
    if known is None:
        known = distance.moments(real=True)
        if cache and collectives.rank_and_size()[0] == 0:
            cache.save(protocol.reference_key, known, protocol)
    distance.set_reference(known)
    sides = distance.moments(real=True), distance.moments(real=False)
    value = float(distance.compute())  # also restores each rank's own sums after `sync`
    keys = recorded.keys if debias else None
    statistics = _statistics(value, *sides, extracted.fake.tensor(), keys, device)
    release_freed_memory()
    key, protocol, notes = protocol.reference_key, replace(protocol, n_fake=sides[1].n), list[str]()
    if not metrics:
        return SampleScore(value, {}, protocol, statistics)
    if side is None:
        assert extracted.real is not None
        side = real.sides[key] = extracted.real.side(extraction)
    probe = Probe(generator, extraction) if generator else None
    made = fake_side(recorded, extraction, extracted.fake, probe)
    others = evaluate(metrics, side, made, notes)
    return SampleScore(value, others, protocol, statistics, tuple(notes))


@dataclass(frozen=True)
class FeatureStatistics:
    """A reference of which only the moments of its features are known."""

    moments: Moments
    name: str
    """What the protocol calls it."""
    sha256: str
    preparation: str = ""
    notes: tuple[str, ...] = ()
    """For the score."""


def score_against_statistics(
    fake: Iterable[tuple[Tensor, Tensor | None]],
    reference: FeatureStatistics,
    extractor: Extractor,
    identity: ExtractorIdentity,
    spec: SampleSpec,
    device: torch.device,
) -> SampleScore:
    """Score generated samples against the statistics of another tool; see `score_samples`.

    The number of real samples is unknown, and so is the expected score of real ones.

    Raises:
        DataError: as for `score_samples`, or another number of features.
    """
    from ganzoo.scoring.frechet import FrechetDistance

    extraction = Extraction(extractor, spec, device, name=identity.id)
    known = reference.moments.to(_of_float64(device))
    recorded, width = RecordedBatches(fake, spec, keep=False), len(known.mean)
    distance = FrechetDistance(width, sync_on_compute=False)
    distance.to(_of_float64(device))
    with collectives.fail_together(device):
        rows = RowsOnDisk((width,), torch.float32)
        for block in regrouped(extraction.features(recorded), BLOCK):
            distance.update(block, real=False)
            rows.add(block)
    distance.sync()
    distance.set_reference(known)
    made, value = distance.moments(real=False), float(distance.compute())
    statistics = _statistics(value, known, made, rows.tensor(), recorded.keys, device)
    about = (reference.name, reference.sha256, "", None, reference.preparation)
    protocol = replace(_protocol(extractor, identity, spec, *about), n_fake=made.n)
    return SampleScore(
        value, {}, protocol, replace(statistics, expected_real=None), reference.notes
    )


@dataclass(frozen=True)
class _Extracted:
    """A distance updated with this rank's shares, and their features."""

    distance: FrechetDistance
    real: RealPass | None
    """None if no metric needs real features and their moments are known."""
    fake: RowsOnDisk


def _extract(
    extraction: Extraction,
    real: RealData,
    recorded: RecordedBatches,
    wants_real: bool,
    knows_real: bool,
) -> _Extracted:
    """Run the extractor over this rank's shares of both sides.

    Args:
        wants_real: extract real features even if their moments are known.
        knows_real: their moments are known, so the distance is not updated with them.
    """
    # Here, because torchmetrics takes a second to import.
    from ganzoo.scoring.frechet import FrechetDistance

    width, device = extraction.width(real.first), extraction.device
    distance = FrechetDistance(width, sync_on_compute=False)
    distance.to(_of_float64(device))
    read = None
    if wants_real or not knows_real:
        read = RealPass(real, extraction.spec, width, keep=wants_real)
        with real.reading():
            for block in regrouped(extraction.features(read), BLOCK):
                read.add(block)
                release_freed_memory()
                if not knows_real:
                    distance.update(block, real=True)
    rows = RowsOnDisk((width,), torch.float32)
    for block in regrouped(extraction.features(recorded), BLOCK):
        rows.add(block)
        release_freed_memory()
        distance.update(block, real=False)
    return _Extracted(distance, read, rows)


def _expects(cache: ReferenceCache | None, protocol: Protocol, device: torch.device) -> bool:
    """Return whether every rank's cache is likely to have the reference's moments."""
    found = cache is not None and cache.expects(protocol)
    return collectives.true_on_all_ranks(found, device)


def _hash(real: RealData, spec: SampleSpec, device: torch.device) -> str:
    """Return the hash of the reference's content, read for it alone.

    Raises:
        GanzooError: another rank failed.
    """
    with collectives.fail_together(device), real.reading():
        read = RealPass(real, spec, 0, keep=False)
        for _ in read:
            pass
    return read.sha256(device)


def _statistics(
    value: float,
    reference: Moments,
    fake: Moments,
    rows: Tensor,
    keys: Sequence[int] | None,
    device: torch.device,
) -> Statistics:
    """Return the statistics of the distance `value`.

    Args:
        rows: this rank's features of generated samples, (N, D).
        keys: hash of each sample's content; None: no debiased distance.
    """
    mean_term = float((reference.mean - fake.mean).square().sum())
    places = None if keys is None else places_of(torch.tensor(keys, dtype=torch.int64), device)
    return Statistics(
        mean_term=mean_term,
        covariance_term=max(0.0, value - mean_term),
        expected_real=expected_score_of_real(reference, fake.n),
        standard_error=standard_error(reference, fake, rows),
        debiased=None if places is None else debiased(reference, fake, rows, places),
    )


def _known(
    cache: ReferenceCache | None, protocol: Protocol, device: torch.device
) -> Moments | None:
    """Return the reference's moments from the cache, if every rank finds them there."""
    moments = None
    if cache and protocol.reference_sha256:
        moments = cache.load(protocol.reference_key, _of_float64(device))
    return moments if collectives.true_on_all_ranks(moments is not None, device) else None


def _of_float64(device: torch.device) -> torch.device:
    """Return the device that computes moments: Apple's MPS has no float64, so the CPU there."""
    return torch.device("cpu") if device.type == "mps" else device


def _protocol(
    extractor: Extractor,
    identity: ExtractorIdentity,
    spec: SampleSpec,
    reference: str,
    reference_sha256: str,
    split: str,
    n_real: int | None,
    preparation: str,
) -> Protocol:
    """Return the protocol of a score, without the number of generated samples."""
    return Protocol(
        metric_revision=REVISION,
        extractor=identity.id,
        extractor_revision=identity.revision,
        extractor_parameters=identity.parameters,
        # A source may change without a revision. Weights do not, so their hash is enough.
        extractor_code_sha256=None if extractor.weights_sha256 else identity.code_sha256,
        weights_sha256=extractor.weights_sha256,
        layer=extractor.layer,
        input_rule=input_rule(
            spec, extractor.input_shape, model_form=getattr(extractor, "model_form", False)
        ),
        extractor_dtype=dtype_of(extractor),
        n_fake=0,
        reference=reference,
        reference_sha256=reference_sha256,
        split=split,
        n_real=n_real,
        preparation=preparation,
    )
