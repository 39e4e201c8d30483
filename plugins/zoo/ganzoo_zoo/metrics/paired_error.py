"""How far translated images are from the truth, where the data has it."""

from collections.abc import Mapping
from hashlib import blake2b

import torch
from torch import Tensor
from torch.nn import functional

from ganzoo.api import DataError, Evaluated

ROWS = 64
"""Images that are read at once."""

HINT = "remove paired-error from eval.metrics"


class PairedError:
    """Mean absolute error against the real sample with the same condition; lower is better.

    In levels of the stored form, which go from 0 to 255 for images. Two errors that need no
    generator stand beside it, over the same samples. A condition of another size is enlarged
    (bilinear) to be copied, and one with other channels is its mean over channels.

    Where sample and condition are the same images, they are pairs side by side, as CycleGAN
    translates them both ways: the copied input is then the other half.

    Returns ``paired_error``; ``paired_error_of_input``, of the condition itself; and
    ``paired_error_of_mean``, of the mean of all real samples.

    Raises:
        DataError: the samples or the reference have no images as conditions, or a condition is none
            of the reference's.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        given, known = conditions(fake, "the samples"), conditions(real, "the reference")
        row_of = {key: row for row, key in reversed(list(enumerate(keys(known))))}
        rows = []
        for key in keys(given):
            if key not in row_of:
                raise DataError(
                    "the metric 'paired-error' needs samples for conditions of the reference, and "
                    "one has another condition",
                    hint=HINT,
                )
            rows.append(row_of[key])
        both_ways = known.shape == real.samples.shape and torch.equal(
            known[:ROWS], real.samples[:ROWS]
        )
        mean = torch.zeros(real.samples.shape[1:], dtype=torch.float64)
        for part in torch.split(real.samples, ROWS):
            mean += part.double().sum(0) / len(real.samples)
        errors = torch.zeros(3, dtype=torch.float64)
        for first in range(0, len(rows), ROWS):
            some = slice(first, first + ROWS)
            truth = real.samples[torch.tensor(rows[some])].float()
            copied = as_sample(given[some], truth, both_ways)
            guesses = fake.samples[some].float(), copied, mean.float().expand_as(truth)
            errors += torch.stack([(each - truth).abs().double().sum() for each in guesses])
        model, copy, average = (errors / (len(rows) * real.samples[0].numel())).tolist()
        return {
            "paired_error": model,
            "paired_error_of_input": copy,
            "paired_error_of_mean": average,
        }


def conditions(side: Evaluated, who: str) -> Tensor:
    """Return the conditions of one side, (N, C, H, W) in stored form."""
    if side.labels is None or side.labels.dim() != 4 or side.samples.dim() != 4:
        raise DataError(
            f"the metric 'paired-error' needs images with images as conditions, and {who} have "
            f"{'none' if side.labels is None else 'other labels or samples'}",
            hint=HINT,
        )
    return side.labels


def keys(images: Tensor) -> list[bytes]:
    """Return a hash of each image's content."""
    return [
        blake2b(image.contiguous().numpy().tobytes(), digest_size=16).digest()
        for part in torch.split(images, ROWS)
        for image in part
    ]


def as_sample(given: Tensor, truth: Tensor, both_ways: bool) -> Tensor:
    """Return conditions in the form of the samples, float32."""
    copied = given.float()
    if both_ways:
        return copied.roll(copied.shape[3] // 2, 3)
    if copied.shape[1] != truth.shape[1]:
        copied = copied.mean(1, keepdim=True).expand(-1, truth.shape[1], -1, -1)
    if copied.shape[2:] != truth.shape[2:]:
        copied = functional.interpolate(copied, truth.shape[2:], mode="bilinear")
    return copied
