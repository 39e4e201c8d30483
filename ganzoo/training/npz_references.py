"""References in npz files: samples, or the mean and covariance of features from another tool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import SampleSpec, cache_directory
from ganzoo.components.extractors import automatic_extractor
from ganzoo.components.parameters import adhoc_component
from ganzoo.components.plan import ComponentPlan
from ganzoo.errors import DataError, UsageError
from ganzoo.modalities.image import PICTURES
from ganzoo.moments import Moments
from ganzoo.registry.names import shorten
from ganzoo.registry.registry import Registry
from ganzoo.runs.files import sha256_of
from ganzoo.runs.score import Score
from ganzoo.sampling.files import read_samples, samples_in
from ganzoo.sampling.npz import npz_array, npz_headers
from ganzoo.scoring.collectives import own_share
from ganzoo.scoring.features import Extraction
from ganzoo.scoring.reference import RealData, ReferenceCache
from ganzoo.scoring.score_samples import (
    ExtractorIdentity,
    FeatureStatistics,
    score_against_statistics,
    score_samples,
)
from ganzoo.training.processes import Processes
from ganzoo.training.scorer import chosen_extractor, live_extractor, score_of

SAMPLES, STATISTICS = "npz", "statistics"
"""What the protocol calls the two kinds of reference. Their content has its hash."""

ASYMMETRY = 1e-4
"""Largest difference of sigma from its transpose, in units of its largest entry."""

FOREIGN = (
    "the reference's features are another tool's, which may resize and round in another way; the "
    "score compares only with scores against the same file"
)


def score_against_npz(
    path: Path,
    against: Path,
    extractor: str | Mapping[str, Any] | None,
    registry: Registry,
    processes: Processes,
) -> tuple[Score, SampleSpec, Tensor]:
    """Score samples against an npz; return the score, their spec, and the samples.

    With the arrays ``mu`` (D,) and ``sigma`` (D, D) the file is statistics, as pytorch-fid,
    clean-fid, StudioGAN, EDM and guided-diffusion write them. Otherwise it holds samples, as
    `ganzoo.sampling.files.read_samples` reads them.

    Args:
        path: the samples, a folder or a file.
        extractor: its name, or ``{"use": name, parameter: value}``; None: that of pictures.

    Raises:
        DataError: a file is damaged, of another form, or has another number of features.
        UsageError: the data is no picture, and no extractor is given.
    """
    moments = statistics_in(against)
    spec = _spec_of(against if moments is None else path, registry)
    plan = _extractor(extractor, spec, registry)
    samples = read_samples(path, spec, registry)
    live = live_extractor(plan, processes)
    name, identity = f"file={against.name}", ExtractorIdentity.of(plan)
    fake = [(part, None) for part in torch.split(own_share(samples), 256)]
    if moments is not None:
        width = Extraction(live, spec, processes.device).width(lambda: samples[:1])
        if width != len(moments.mean):
            raise DataError(
                f"{against} has the statistics of {len(moments.mean)} features, and "
                f"{shorten(plan.id)} gives {width}",
                hint="--extractor NAME, the one that they were made with; FID's is inception",
            )
        known = FeatureStatistics(moments, STATISTICS, sha256_of(against), name, (FOREIGN,))
        result = score_against_statistics(fake, known, live, identity, spec, processes.device)
        return score_of(result, processes), spec, samples
    reference = read_samples(against, spec, registry)
    real = RealData.of(reference, None, SAMPLES, "", name)
    spec.kind.require_alike(path, samples, reference)
    cache = ReferenceCache(cache_directory() / "reference")
    result = score_samples(fake, real, live, identity, {}, spec, processes.device, cache)
    return score_of(result, processes), spec, samples


def _spec_of(path: Path, registry: Registry) -> SampleSpec:
    """Return what the samples in a file or a folder are: pictures, or vectors."""
    if path.suffix.lower() != ".npz":
        given = {"path": str(path.absolute()), "channels": 3}
        spec: SampleSpec = adhoc_component(registry, "dataset", PICTURES, given).build("train").spec
        return SampleSpec("image", spec.shape)
    shape = samples_in(path)[1][1:]
    if len(shape) == 1:
        return SampleSpec("vector", shape)
    if len(shape) not in (2, 3) or not min(shape):
        raise DataError(
            f"{path} holds samples of shape {shape}, neither pictures nor vectors",
            hint="np.savez(FILE, samples=ARRAY), pictures as uint8 (N, C, H, W)",
        )
    last = len(shape) == 3 and shape[0] not in (1, 3) and shape[2] in (1, 3)
    return SampleSpec("image", (shape[2], *shape[:2]) if last else (1, *shape)[-3:])


def _extractor(
    wanted: str | Mapping[str, Any] | None, spec: SampleSpec, registry: Registry
) -> ComponentPlan:
    if wanted is None:
        if spec.kind.extractor is None:
            raise UsageError(f"no extractor is given for {spec}", hint="--extractor NAME")
        wanted = automatic_extractor(registry.get("dataset", PICTURES), registry)
    return chosen_extractor(wanted, registry)


def statistics_in(path: Path) -> Moments | None:
    """Return the moments in an npz, whose number of samples is unknown; None: it holds samples.

    Raises:
        DataError: the file is damaged, has one of mu and sigma, or no mean and covariance.
    """
    headers = npz_headers(path)
    if not {"mu", "sigma"} & headers.keys():
        return None
    hint = "np.savez(FILE, mu=features.mean(0), sigma=np.cov(features, rowvar=False))"
    if not {"mu", "sigma"} <= headers.keys():
        raise DataError(f"{path} holds {', '.join(headers)}: mu and sigma go together", hint=hint)
    mu, sigma = (npz_array(path, name) for name in ("mu", "sigma"))
    if mu.ndim != 1 or sigma.shape != (len(mu), len(mu)) or not len(mu):
        raise DataError(
            f"{path} holds mu of shape {mu.shape} and sigma of shape {sigma.shape}, not (D,) and "
            "(D, D)",
            hint=hint,
        )
    if mu.dtype.kind not in "fiu" or sigma.dtype.kind not in "fiu":
        raise DataError(f"{path} holds mu as {mu.dtype} and sigma as {sigma.dtype}", hint=hint)
    mean, covariance = (torch.from_numpy(each.astype(np.float64)) for each in (mu, sigma))
    if not bool(mean.isfinite().all() and covariance.isfinite().all()):
        raise DataError(f"{path}: mu or sigma holds values that are not finite", hint=hint)
    uneven = float((covariance - covariance.T).abs().max())
    if uneven > ASYMMETRY * float(covariance.abs().max()) or float(covariance.diagonal().min()) < 0:
        raise DataError(f"{path}: sigma is no covariance matrix", hint=hint)
    # n is only used for the size of round-off here.
    return Moments(mean, (covariance + covariance.T) / 2, max(2, len(mu)))
