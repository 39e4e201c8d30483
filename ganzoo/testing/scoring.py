"""Checks of extractors (samples to features) and metrics (features to numbers)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import MODALITIES, DataError, Evaluated, SampleSpec
from ganzoo.modalities import modality
from ganzoo.sampling.random_streams import RandomStreams, Rows
from ganzoo.testing.arguments import typical_specs
from ganzoo.testing.checks import case_check
from ganzoo.testing.component import Case
from ganzoo.testing.outcomes import Exempt, Failed, NotChecked
from ganzoo.testing.probes import ROUNDING, form_of, require_finite, require_same, shape

# --- extractors ----------------------------------------------------------------------------------

BATCH = 6

_SHA256 = re.compile(r"[0-9a-f]{64}")


@case_check()
def form(case: Case) -> None:
    """It maps float32 samples to float32 features (B, D), and identifies its weights and layer."""
    extractor = _extractor(case)
    for name in ("input_shape", "num_features", "layer", "weights_sha256"):
        if not hasattr(extractor, name):
            raise Failed(f"an attribute {name}", "none", "set it; None if it does not apply")
    digest = extractor.weights_sha256
    if digest is not None and not _SHA256.fullmatch(str(digest)):
        raise Failed(
            "the weights' sha256 in lower case hex, or None",
            repr(digest),
            "`sha256sum FILE` prints it",
        )
    for samples in _samples(case, extractor):
        features = extractor(samples)
        wanted = extractor.num_features
        fits = (
            isinstance(features, Tensor)
            and features.dtype == torch.float32
            and features.dim() == 2
            and len(features) == BATCH
            and (not wanted or wanted == features.shape[1])
        )
        if not fits:
            raise Failed(
                f"float32 features of shape {BATCH}x{wanted or 'D'}",
                form_of(features),
                "flatten the features of one sample, and set num_features to their number",
            )


@case_check("form")
def finite(case: Case) -> None:
    """Features of samples in range are finite."""
    extractor = _extractor(case)
    for samples in _samples(case, extractor):
        require_finite("features", extractor(samples), "avoid 0/0")


@case_check("form")
def batches_and_order(case: Case) -> None:
    """Features do not depend on how samples are batched, nor on their order."""
    extractor = _extractor(case)
    for samples in _samples(case, extractor):
        whole = {"features": extractor(samples)}
        alone = [extractor(part) for part in torch.split(samples, [1, 2, 3])]
        parts = {"features": torch.cat(alone)}
        order = torch.tensor([3, 0, 5, 1, 4, 2])
        turned = {"features": extractor(samples[order])[order.argsort()]}
        for what, other in (("in parts", parts), ("in another order", turned)):
            advice = "treat each sample alone: no statistics of the batch, no random numbers"
            expected = f"the same features for samples {what}"
            require_same(whole, other, expected, advice, ROUNDING)


@case_check("form")
def class_logits(case: Case) -> None:
    """If it has `class_logits`, they map its own features to finite logits (B, K)."""
    extractor = _extractor(case)
    if not hasattr(extractor, "class_logits"):
        raise Exempt("has no method class_logits")
    for samples in _samples(case, extractor):
        found = extractor.class_logits(extractor(samples))
        if found.dim() != 2 or len(found) != BATCH or not found.isfinite().all():
            expected = f"finite class logits of shape {BATCH}xK"
            raise Failed(expected, shape(found), "return one row per sample")


def _extractor(case: Case) -> Any:
    """Return the extractor as scoring uses it: in eval mode, without gradients."""
    extractor = case.make()
    if isinstance(extractor, nn.Module):
        extractor.eval().requires_grad_(False)
    return extractor


def _samples(case: Case, extractor: Any) -> list[Tensor]:
    """Return float32 batches as the core passes them, one per supported modality."""
    random, modalities = torch.Generator().manual_seed(0), case.component.registration.modalities
    names, registry = sorted(modalities) or MODALITIES, case.component.registry
    typical = [typical_specs([name], registry) for name in names]
    specs = [each[len(each) // 2] for each in typical]
    if extractor.input_shape is not None:
        levels = any(spec.stored_dtype == "uint8" for spec in specs)
        scale = 255 if levels else 1
        return [torch.rand(BATCH, *extractor.input_shape, generator=random) * scale]
    drawn = [(spec, spec.kind.random(spec, BATCH, random)) for spec in specs]
    if getattr(extractor, "model_form", False):
        return [samples for _, samples in drawn]
    return [spec.kind.decode(spec, samples).float() for spec, samples in drawn]


@case_check("form")
def spatial_features(case: Case) -> None:
    """If it has `spatial_features`, they map samples to finite float32 features (B, S)."""
    extractor = _extractor(case)
    if not hasattr(extractor, "spatial_features"):
        raise Exempt("has no method spatial_features")
    for samples in _samples(case, extractor):
        found = extractor.spatial_features(samples)
        if (found.dim(), len(found), found.dtype) != (2, BATCH, torch.float32):
            raise Failed(f"float32 features of shape {BATCH}xS", form_of(found), "flatten them")
        require_finite("spatial features", found, "avoid 0/0")


EXTRACTOR = (form, finite, batches_and_order, class_logits, spatial_features)


# --- metrics -------------------------------------------------------------------------------------

LABELS, FEATURES, LATENTS = 4, 8, 4


class Probe:
    """A generator's latents, features and log p(x): smooth functions of latents and samples."""

    def latents(self, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
        drawn = RandomStreams(seed).draw(
            "latents", 0, Rows(0, count), lambda n, g: torch.randn(n, LATENTS, generator=g)
        )
        return drawn, torch.arange(count) % LABELS

    def features(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        weights = torch.linspace(-1, 1, LATENTS * FEATURES).view(LATENTS, FEATURES)
        return torch.tanh(latents @ weights)

    def log_prob(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        return -1 - samples.flatten(1).float().square().mean(1)


IMAGE = SampleSpec("image", (3, 8, 8))


class Extraction:
    """An extractor of random linear features of samples."""

    def __init__(self, spec: SampleSpec, width: int = FEATURES) -> None:
        self.spec, self.width = spec, width

    def features(self, samples: Iterable[Tensor]) -> Iterator[Tensor]:
        random = torch.Generator().manual_seed(self.width)
        weights = torch.Tensor()
        for batch in samples:
            rows = batch.flatten(1).float() / 255
            if not len(weights):
                weights = torch.randn(rows.shape[1], self.width, generator=random)
            yield rows @ weights

    def spatial(self) -> Extraction:
        return Extraction(self.spec, self.width + 1)


@case_check()
def numbers(case: Case) -> None:
    """It returns named numbers, none of which is infinite."""
    found = _measured(case, *_sides(_spec_of(case)))
    if not isinstance(found, Mapping) or not found:
        raise Failed("named numbers", repr(found)[:80], "return {'name': value, …}")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, float | int):
            raise Failed("a number for each name", f"{name!r}: {value!r}", "return float(value)")
        if math.isinf(value):
            raise Failed(f"a finite {name!r}", str(value), "return NaN if it is undefined")


@case_check("numbers")
def order(case: Case) -> None:
    """Its numbers do not depend on the order of the samples, nor on the random state."""
    before = _measured(case, *_sides(_spec_of(case)))
    torch.manual_seed(5)
    after = _measured(case, *_sides(_spec_of(case), shuffled=True))
    for name, value in before.items():
        other = after.get(name, math.nan)
        if not math.isclose(value, other, rel_tol=ROUNDING, abs_tol=1e-6) and not (
            math.isnan(value) and math.isnan(other)
        ):
            raise Failed(
                f"the same {name!r} for the same samples in another order",
                f"{other:.6g} instead of {value:.6g}",
                "use all samples, or select by their content, not by their position",
            )


def _measured(case: Case, real: Evaluated, fake: Evaluated) -> Any:
    try:
        return case.make()(real, fake)
    except DataError as error:
        raise NotChecked(f"needs data that the kit does not have: {error.message}") from error


def _spec_of(case: Case) -> SampleSpec:
    """Return small images for a metric that is not for other data alone."""
    can = case.component.registration.modalities
    if not can or IMAGE.modality in can:
        return IMAGE
    return modality(min(can)).specs()[0]


def _sides(spec: SampleSpec, *, shuffled: bool = False) -> tuple[Evaluated, Evaluated]:
    """Return 96 real samples with both splits of their data, and 80 generated ones."""
    real, held_out, fake = _side(spec, 0, 96), _side(spec, 2, 60), _side(spec, 1, 80)
    if shuffled:
        real, held_out, fake = map(_shuffled, (real, held_out, fake))
    splits = {"train": real, "test": held_out}
    return replace(real, splits=splits), replace(fake, generator=Probe())


def _side(spec: SampleSpec, seed: int, count: int) -> Evaluated:
    """Return labelled clusters of features, with random samples and class logits."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(LABELS, (count,), generator=random)
    labels[: 2 * LABELS] = torch.arange(2 * LABELS) % LABELS  # every label at least twice
    centres = 4 * torch.eye(LABELS, FEATURES)
    features = centres[labels] + torch.randn(count, FEATURES, generator=random)
    return Evaluated(
        features=features,
        samples=spec.kind.decode(spec, spec.kind.random(spec, count, random)),
        labels=labels,
        class_logits=features[:, :LABELS].clone(),
        extraction=Extraction(spec),
    )


def _shuffled(side: Evaluated) -> Evaluated:
    new = torch.randperm(len(side.features), generator=torch.Generator().manual_seed(3))
    rows = {name: getattr(side, name)[new] for name in ("features", "samples", "labels")}
    logits = rows["features"][:, :LABELS].clone()
    return Evaluated(**rows, class_logits=logits, extraction=side.extraction)


METRIC = (numbers, order)
