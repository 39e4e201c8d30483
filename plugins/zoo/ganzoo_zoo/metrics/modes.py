"""Mode coverage: labelled modes of vectors, and the 1,000 modes of stacked digits."""

import math
from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated
from ganzoo.nn import Moments, blocks_of_rows, class_labels
from ganzoo_zoo.extractors.toy_cnn import DIGITS, ToyCNN, to_input
from ganzoo_zoo.metrics.subsets import order_of

STACKED_MODES = 1000
BATCH = 256
MOSTLY = 0.8
"""Fraction of real stacks that must be read as labelled; stacked digits reach 0.97."""


class Modes:
    """Labelled modes covered, and samples within 3 sd of a mode.

    A mode is a label of the real data; its centre and its standard deviation (one for all feature
    axes) are estimated from the real features. A sample is of high quality if it lies within 3 sd
    of the nearest centre; a mode is covered if it is the nearest one of such a sample. A perfect
    sampler of D-dimensional Gaussians has a high quality of P(chi^2_D < 9), not 1: in the plane
    1 - exp(-9/2) = 98.9 %. Use it for vectors of few dimensions: in the 64 dimensions of an 8x8
    image no sample would be of high quality.

    The reverse KL is KL(p || u) = log M + sum_k p_k log p_k in nats, where p_k is the fraction of
    the samples of high quality that are nearest to mode k, and u is uniform over the M modes. It
    is log M if no sample is of high quality. For N samples of a perfect generator its expectation
    is about (M - 1) / (2 N), not 0.

    Returns ``modes_covered``, ``modes_total``, ``high_quality`` (in [0, 1]),
    ``high_quality_ceiling``, the value of a perfect sampler, and ``modes_reverse_kl``.

    Source: Srivastava et al. 2017, arXiv:1705.07761; Lin et al. 2018 (PacGAN), arXiv:1712.04086.

    Raises:
        DataError: the real data has no labels, or only one sample of a label.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        centres, sd = modes_of(real)
        found = [
            torch.cdist(block.double(), centres).min(dim=1)
            for block in blocks_of_rows(fake.features)
        ]
        distance, nearest = (torch.cat(parts) for parts in zip(*found, strict=True))
        good = distance <= 3 * sd[nearest]
        counts = torch.bincount(nearest[good], minlength=len(centres))
        return {
            "modes_covered": float((counts > 0).sum()),
            "modes_total": float(len(centres)),
            "high_quality": good.double().mean().item(),
            "high_quality_ceiling": within(3, dimensions=centres.shape[1]),
            "modes_reverse_kl": kl_to_uniform(counts),
        }


def kl_to_uniform(counts: Tensor) -> float:
    """Return KL(counts / N || uniform) in nats, or its largest value log M if all are 0."""
    p = counts.double() / counts.sum().clamp(min=1)
    return math.log(len(p)) + torch.special.xlogy(p, p).sum().item()


def within(sds: float, dimensions: int) -> float:
    """Return the probability that a standard normal vector has at most the length `sds`."""
    half = torch.tensor([dimensions / 2, sds**2 / 2], dtype=torch.float64)
    return torch.special.gammainc(half[0], half[1]).item()


def modes_of(real: Evaluated) -> tuple[Tensor, Tensor]:
    """Return the centres (M, D) and standard deviations (M,) of the labelled modes, float64."""
    labels = class_labels("modes", real, "the reference has none")
    modes = sorted(set(labels.tolist()))
    if labels.bincount()[modes].min() < 2:
        raise DataError(
            "the metric 'modes' needs two real samples of each label, and one label has only one",
            hint="take a larger reference, or remove modes from eval.metrics",
        )
    rows = [(labels == mode).nonzero()[:, 0] for mode in modes]
    moments = [Moments.of(real.features, of_mode) for of_mode in rows]
    centres = torch.stack([each.mean for each in moments])
    sd = torch.stack([each.covariance.diagonal().mean().sqrt() for each in moments])
    return centres, sd


class StackedModes:
    """How many of the 1,000 modes of stacked-digits are covered, and KL to uniform.

    The classifier of `toy-cnn` reads each channel of a sample as a grey digit. For N samples of a
    perfect generator the expected KL is about 999 / (2 N) nats, not 0 (`kl_floor`, for N well above
    1,000), and they cover about 1000 (1 - 0.999^N) modes (`modes_ceiling`).

    Returns ``modes_covered``, ``modes_ceiling``, ``kl_to_uniform`` and ``kl_floor``.

    Source: Metz et al. 2016, arXiv:1611.02163, section 3.3.1.

    Raises:
        DataError: the samples are not images of three channels, or the labels of the real ones do
            not match their digits.
    """

    @cached_property
    def classifier(self) -> ToyCNN:
        return ToyCNN()

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        require_three_channels("stacked-modes", fake)
        self._require_stacks(real)
        return stacked_numbers(
            torch.cat([self.labels_of(part) for part in torch.split(fake.samples, BATCH)])
        )

    def _require_stacks(self, real: Evaluated) -> None:
        """Raise DataError unless the classifier reads the labels of the first real images."""
        right = 0.0
        if real.labels is not None and real.labels.dim() == 1:
            read, labels = self.labels_of(real.samples[:BATCH]), real.labels[:BATCH]
            right = (read == labels).double().mean().item()
        if right < MOSTLY:
            raise DataError(
                "the metric 'stacked-modes' is for stacked digits, and the reference's labels are "
                "not the digits in its images",
                hint="remove stacked-modes from eval.metrics",
            )

    def labels_of(self, images: Tensor) -> Tensor:
        """Return 100 a + 10 b + c for the digits in the channels of images, int64 (B,)."""
        return self.read(images) @ torch.tensor([100, 10, 1])

    @torch.no_grad()
    def read(self, images: Tensor) -> Tensor:
        """Return the digits in the channels of uint8 images (B, 3, H, W), int64 (B, 3)."""
        features = self.classifier(to_input(images.flatten(0, 1).unsqueeze(1)))
        return self.classifier.class_logits(features)[:, DIGITS].argmax(dim=1).reshape(-1, 3)


class StackedModesByNeighbour:
    """How many of the 1,000 modes of stacked digits are covered, read by the nearest real digit.

    Each channel of a sample is read as the digit of the nearest real channel, by Euclidean distance
    of pixels, among those of 3,334 real stacks that are chosen by their content, or of half of them
    if there are fewer. So it needs no classifier of the data set. An error, which is likelier than
    with a trained classifier, moves a sample to another mode.

    Returns what ``stacked-modes`` returns.

    Source: Metz et al. 2016, arXiv:1611.02163, section 3.3.1, with another classifier.

    Raises:
        DataError: the samples are not images of three channels, or the labels of the real ones do
            not match their digits.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        require_three_channels("stacked-modes-neighbour", fake)
        if real.labels is None or real.labels.dim() != 1 or len(real.samples) < 2:
            raise DataError(
                "the metric 'stacked-modes-neighbour' needs labels of the real stacks",
                hint="remove stacked-modes-neighbour from eval.metrics",
            )
        known = min(STACKS, len(real.samples) // 2)
        order = order_of(real)  # by content, so that the result does not depend on theirs
        chosen, held_out = order[:known], order[known : known + BATCH]
        digits = torch.stack([real.labels // 100, real.labels // 10 % 10, real.labels % 10], 1)
        images, classes = real.samples[chosen].flatten(0, 1), digits[chosen].flatten()
        right = read_by_neighbour(real.samples[held_out], images, classes) == digits[held_out]
        if right.double().mean() < 0.5:  # 0.1 by chance
            raise DataError(
                "the metric 'stacked-modes-neighbour' is for stacked digits, and the reference's "
                "labels are not the digits in its images",
                hint="remove stacked-modes-neighbour from eval.metrics",
            )
        read = read_by_neighbour(fake.samples, images, classes)
        return stacked_numbers(read @ torch.tensor([100, 10, 1]))


STACKS = 3334
"""Real stacks whose channels are compared with samples: 10,002 digits."""


def read_by_neighbour(samples: Tensor, images: Tensor, classes: Tensor) -> Tensor:
    """Return the classes of the nearest images (N, H, W) to the channels of (B, 3, H, W), (B, 3).

    Returns int64.
    """
    known = images.flatten(1).float() / 255
    found = [
        classes[torch.cdist(part.flatten(2).flatten(0, 1).float() / 255, known).argmin(dim=1)]
        for part in torch.split(samples, BATCH)
    ]
    return torch.cat(found).reshape(-1, 3)


def require_three_channels(metric: str, fake: Evaluated) -> None:
    """Raise DataError unless the samples are images of three channels."""
    if fake.samples.ndim != 4 or fake.samples.shape[1] != 3:
        raise DataError(
            f"the metric '{metric}' needs images of three channels, not samples of shape "
            f"{tuple(fake.samples.shape[1:])}",
            hint=f"remove {metric} from eval.metrics",
        )


def stacked_numbers(read: Tensor) -> Mapping[str, float]:
    """Return the numbers of stacks that were read as these labels, int64 (N,)."""
    counts = torch.bincount(read, minlength=STACKED_MODES)
    return {
        "modes_covered": float((counts > 0).sum()),
        "modes_ceiling": STACKED_MODES * (1 - (1 - 1 / STACKED_MODES) ** len(read)),
        "kl_to_uniform": kl_to_uniform(counts),
        "kl_floor": (STACKED_MODES - 1) / (2 * len(read)),
    }
