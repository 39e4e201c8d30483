"""Fréchet distances over features that a score does not have: of mirrored samples, of places."""

from collections.abc import Iterator, Mapping
from typing import Literal

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated, ExtractorProbe
from ganzoo.nn import Moments, frechet_distance

BLOCK = 256


class SpatialFD:
    """Fréchet distance between activations of an inner layer at every place of its grid.

    Features that are averaged over the picture do not see where things are; these do. Lower is
    better. With the extractor `inception` it is sFID: the first 7 channels of mixed_6/conv at 17x17
    places. Of any other extractor it takes the ``spatial_features``, an inner layer of few
    channels (`toy-cnn`: 7 channels at 8x8 places), and is no sFID.

    Returns ``spatial_fd``.

    Source: Nash et al. 2021, arXiv:2103.03841, section 4; the layer is that of the evaluation code
    of Dhariwal and Nichol 2021, arXiv:2105.05233.

    Raises:
        DataError: the extractor has no spatial features.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        spatial = extraction_of("spatial-fd", real).spatial()
        moments = (moments_of(spatial, side.samples) for side in (real, fake))
        return {"spatial_fd": frechet_distance(*moments)}


class FlipFD:
    """Fréchet distance to a reference that holds each picture and its mirror image.

    It is the distance of recipes that train on mirrored pictures too (``mirror: true``): their
    generator makes both. Lower is better. With `inception` it is FID with x-flips.

    Returns ``flip_fd``.

    Source: Karras et al. 2019, arXiv:1812.04948, whose evaluation code mirrors the reference's
    pictures at random if training does. Here every picture counts both ways, so there is no chance
    in it. The later code of arXiv:2006.06676 mirrors none.

    Args:
        sides: `reference` mirrors only the real pictures, as the source does; `both` mirrors the
            generated ones too.

    Raises:
        DataError: the samples are no pictures.
    """

    def __init__(self, *, sides: Literal["reference", "both"] = "reference") -> None:
        self.sides = sides

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        if real.samples.dim() != 4:
            raise DataError(
                "the metric 'flip-fd' needs pictures", hint="remove flip-fd from eval.metrics"
            )
        extraction = extraction_of("flip-fd", real)
        made = Moments.of(fake.features)
        if self.sides == "both":
            made = joined(made, moments_of(extraction, fake.samples, mirrored=True))
        mirrored = moments_of(extraction, real.samples, mirrored=True)
        return {"flip_fd": frechet_distance(joined(Moments.of(real.features), mirrored), made)}


def extraction_of(metric: str, side: Evaluated) -> ExtractorProbe:
    """Return the extractor of a side, or raise DataError."""
    if side.extraction is None:
        raise DataError(
            f"the metric {metric!r} needs the extractor, and only features are known",
            hint=f"remove {metric} from eval.metrics",
        )
    return side.extraction


def moments_of(extraction: ExtractorProbe, samples: Tensor, mirrored: bool = False) -> Moments:
    """Return the moments of the features of samples (N, *shape), block by block."""

    def batches() -> Iterator[Tensor]:
        for batch in torch.split(samples, BLOCK):
            yield batch.flip(-1) if mirrored else batch

    return Moments.of_blocks(extraction.features(batches()))


def joined(a: Moments, b: Moments) -> Moments:
    """Return the moments of two sets of samples together."""
    n, between = a.n + b.n, a.mean - b.mean
    scatter = (a.n - 1) * a.covariance + (b.n - 1) * b.covariance
    scatter = torch.addr(scatter, a.n * b.n / n * between, between)
    return Moments((a.n * a.mean + b.n * b.mean) / n, scatter / (n - 1), n)
