"""Features of samples, whatever batches the samples come in."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Extractor, SampleSpec
from ganzoo.errors import DataError
from ganzoo.scoring.preparation import prepare

BATCH_SIZE = 256
"""Samples that an extractor sees at once, unless they are large."""

BATCH_NUMBERS = 1 << 23
"""Numbers that it sees at once: 31 images of 3x299x299, whose activations fill about 1 GB."""


def features_of(
    batches: Iterable[Tensor],
    extractor: Extractor,
    spec: SampleSpec,
    device: torch.device,
    batch_size: int = BATCH_SIZE,
) -> Iterator[Tensor]:
    """Yield the features of samples, float32 (at most batch_size, D) on the CPU.

    The samples are regrouped, so that the features do not depend on the batches they came in.
    The extractor runs in eval mode and in full float32, whatever the caller trains with.

    Args:
        batches: (B, *spec.shape) in stored form, on any device.
        batch_size: the most samples at once; fewer where the extractor's input is large.

    Raises:
        DataError: samples that are not what `spec` says, or features that do not fit them.
    """
    size = min(batch_size, most_at_once(extractor.input_shape or spec.shape))
    for batch in regrouped((_checked(batch, spec) for batch in batches), size):
        yield features_of_batch(batch, extractor, spec, device)


def features_of_batch(
    batch: Tensor, extractor: Extractor, spec: SampleSpec, device: torch.device
) -> Tensor:
    """Return the features of one batch of samples, float32 (B, D) on the CPU.

    Args:
        batch: (B, *spec.shape) on the scale of the stored form, of its dtype or not rounded to it.

    Raises:
        DataError: features that do not fit the samples.
    """
    if isinstance(extractor, nn.Module):
        extractor.eval()
    with torch.inference_mode(), _full_float32(device):
        features = extractor(prepare(batch.to(device), extractor.input_shape, spec.modality))
    wanted = (len(batch), extractor.num_features or features.shape[-1])
    if tuple(features.shape) != wanted:
        raise DataError(
            f"the extractor gave features of shape {tuple(features.shape)}, not {wanted}"
        )
    return features.float().cpu()


def most_at_once(shape: tuple[int, ...]) -> int:
    """Return how many inputs of this shape an extractor is given at once, by `BATCH_NUMBERS`."""
    return max(1, BATCH_NUMBERS // math.prod(shape))


def regrouped(batches: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Yield the same rows in the same order, `size` at a time but for the last."""
    waiting: list[Tensor] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += len(batch)
        while count >= size:
            rows = torch.cat(waiting)
            yield rows[:size]
            waiting, count = [rows[size:]], count - size
    if count:
        yield torch.cat(waiting)


def dtype_of(extractor: Extractor) -> str:
    """Return the name of the dtype that an extractor computes in."""
    parameters = extractor.parameters() if isinstance(extractor, nn.Module) else ()
    dtype = next((p.dtype for p in parameters if p.is_floating_point()), torch.float32)
    return str(dtype).removeprefix("torch.")


def _checked(batch: Tensor, spec: SampleSpec) -> Tensor:
    dtype = str(batch.dtype).removeprefix("torch.")
    if tuple(batch.shape[1:]) != spec.shape or dtype != spec.stored_dtype:
        raise DataError(
            f"samples are {dtype} of shape {tuple(batch.shape[1:])}, "
            f"but {spec} means {spec.stored_dtype} of shape {spec.shape}"
        )
    return batch


@contextmanager
def _full_float32(device: torch.device) -> Iterator[None]:
    """Switch autocast and TF32 off inside: they would be another protocol."""
    backends: list[Any] = [
        torch.backends.cuda.matmul,
        torch.backends.cudnn.conv,  # type: ignore[attr-defined]
        torch.backends.mkldnn.matmul,  # type: ignore[attr-defined]
        torch.backends.mkldnn.conv,  # type: ignore[attr-defined]
    ]
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = "ieee"
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.fp32_precision = value
