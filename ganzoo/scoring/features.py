"""Features of samples by an extractor, independent of the batches that the samples come in.

What an extractor gets is ours, so that no library's default decides. Quantisation is
`ganzoo.nn.decode`: clamp, then round. How shapes are adapted is the modality's.
"""

import ctypes
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Extractor, SampleSpec
from ganzoo.errors import DataError, PluginError, plugin_failures
from ganzoo.registry.names import shorten
from ganzoo.rows import RowsOnDisk

BATCH_SIZE = 256
"""Largest batch of an extractor; smaller where its inputs are large."""

BATCH_NUMBERS = 1 << 23
"""Largest number of input values in a batch: 31 images of 3x299x299, about 1 GB of activations."""


# --- the extractor's input ---


def prepare(stored: Tensor, input_shape: tuple[int, ...] | None, spec: SampleSpec) -> Tensor:
    """Return float32 (B, *input_shape), or (B, *shape) as stored where `input_shape` is None.

    Args:
        stored: (B, *shape), in the stored form of `spec`; images are uint8 (B, C, H, W).

    Raises:
        DataError: a value that is not finite, or a shape that no rule leads from.
    """
    if stored.is_floating_point() and not bool(spec.kind.finite(spec, stored).all()):
        raise DataError("a sample holds values that are not finite")
    x = stored.float()
    return x if input_shape is None else spec.kind.fit_input(x, input_shape)


def unrounded(spec: SampleSpec, samples: Tensor) -> Tensor:
    """Return samples in model form on the scale of the stored form, float32, not rounded to it.

    Raises:
        DataError: the stored form has no scale between its values (text).
    """
    return spec.kind.unrounded(spec, samples)


def input_rule(
    spec: SampleSpec, input_shape: tuple[int, ...] | None, *, model_form: bool = False
) -> str:
    """Return in words what `prepare` does with samples of `spec`, for the protocol.

    Raises:
        DataError: no rule leads from the samples to `input_shape`.
    """
    quantised = spec.stored_dtype == "uint8"
    words = ["clamp and round to uint8"] if quantised else []
    if input_shape is None:
        return "; ".join([*words, "model form" if model_form else "as stored"])
    words += spec.kind.input_steps(spec.shape, input_shape)
    return "; ".join([*words, "float32 in [0, 255]" if quantised else "float32"])


# --- features ---


def features_of(
    batches: Iterable[Tensor],
    extractor: Extractor,
    spec: SampleSpec,
    device: torch.device,
    batch_size: int = BATCH_SIZE,
    name: str = "the extractor",
) -> Iterator[Tensor]:
    """Yield the features of samples, float32 (at most batch_size, D) on the CPU.

    The samples are regrouped, so the features do not depend on the batches they came in.
    The extractor runs in eval mode and in full float32, whatever precision the caller trains in.

    Args:
        batches: (B, *spec.shape) in stored form, on any device.
        batch_size: largest batch; smaller where the extractor's inputs are large.
        name: of the extractor, for messages.

    Raises:
        DataError: the samples do not match `spec`.
        PluginError: the extractor failed, or its features have the wrong form.
    """
    size = min(batch_size, most_at_once(extractor.input_shape or spec.shape))
    for batch in regrouped((_checked(batch, spec) for batch in batches), size):
        yield features_of_batch(batch, extractor, spec, device, name)


def features_of_batch(
    batch: Tensor,
    extractor: Extractor,
    spec: SampleSpec,
    device: torch.device,
    name: str = "the extractor",
) -> Tensor:
    """Return the features of one batch of samples, float32 (B, D) on the CPU.

    Args:
        batch: (B, *spec.shape) on the scale of the stored form, of its dtype or not rounded to it.
        name: of the extractor, for messages.

    Raises:
        PluginError: the extractor failed, or its features have the wrong form.
    """
    if isinstance(extractor, nn.Module):
        extractor.eval()
    with torch.inference_mode(), _full_float32(device):
        # Samples of a file may be a view in another layout, in which kernels round differently.
        batch = batch.contiguous().to(device)
        if getattr(extractor, "model_form", False):
            inputs = spec.kind.encode(spec, batch)
        else:
            inputs = prepare(batch, extractor.input_shape, spec)
        with _blaming(name, f"on inputs of shape {tuple(inputs.shape)}"):
            features = extractor(inputs)
    if not isinstance(features, Tensor) or features.dtype != torch.float32:
        given = str(getattr(features, "dtype", type(features).__name__)).removeprefix("torch.")
        raise PluginError(
            f"{name} gave {given}, not a float32 tensor of features", hint=_conformance(name)
        )
    expected = (len(batch), extractor.num_features or (*features.shape, 0)[1])
    if tuple(features.shape) != expected:
        raise PluginError(
            f"{name} gave features of shape {tuple(features.shape)}, not {expected}",
            hint=_conformance(name),
        )
    return features.cpu()


def _conformance(name: str) -> str | None:
    """Return the command that tests an extractor, if the name that messages show has its id."""
    id = name.split()[-1]
    return f"ganzoo conformance {id} --kind extractor" if "/" in id else None


def _blaming(name: str, where: str) -> AbstractContextManager[None]:
    """Raise an error inside as a PluginError that names the extractor."""
    failed, hint = f"{name} failed {where}", _conformance(name)
    return plugin_failures(lambda what: PluginError(f"{failed}: {what}", hint=hint))


def release_freed_memory() -> None:
    """Return freed memory to the kernel, with glibc.

    A run keeps what it has freed, for its next step, and blocks of other sizes would be added to
    it: between the parts of a score the memory of the last part is of no use.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def most_at_once(shape: tuple[int, ...]) -> int:
    """Return how many inputs of this shape fit a batch, by `BATCH_NUMBERS`."""
    return max(1, BATCH_NUMBERS // math.prod(shape))


def regrouped(batches: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Yield the same rows in the same order, `size` at a time; the last part may be smaller."""
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
    """Return the name of the dtype of an extractor's weights; float32 if it has none."""
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
    """Switch autocast and TF32 off inside: they would change the features."""
    mkldnn: Any = torch.backends.mkldnn
    with (
        fp32_precision([*cuda_backends(), mkldnn.matmul, mkldnn.conv], "ieee"),
        torch.autocast(device.type, enabled=False),
    ):
        yield


def cuda_backends() -> list[Any]:
    """Return the settings of CUDA's matrix products and convolutions."""
    return [torch.backends.cuda.matmul, torch.backends.cudnn.conv]  # type: ignore[attr-defined]


@contextmanager
def fp32_precision(backends: list[Any], kind: str) -> Iterator[None]:
    """Multiply float32 as ``ieee`` or ``tf32`` inside; restore each backend's setting after."""
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = kind
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.fp32_precision = value


class _Spatial:
    """The spatial features of an extractor, as an extractor."""

    num_features: int | None = None

    def __init__(self, extractor: Any) -> None:
        self.input_shape = extractor.input_shape
        self.layer = extractor.layer
        self.weights_sha256 = extractor.weights_sha256
        self._extractor = extractor

    def __call__(self, x: Tensor) -> Tensor:
        features: Tensor = self._extractor.spatial_features(x)
        return features


def no_op(*arguments: object) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Extraction:
    """An extractor with the form of its samples, its device and its batch size.

    Args:
        watch: called after every batch; may raise to stop.
        name: of the extractor, for messages.
    """

    extractor: Extractor
    spec: SampleSpec
    device: torch.device
    batch_size: int = BATCH_SIZE
    watch: Callable[[], None] = no_op
    name: str = "the extractor"

    def features(self, samples: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield the features of samples in stored form, see `features_of`."""
        batches = (samples, self.extractor, self.spec, self.device, self.batch_size, self.name)
        for features in features_of(*batches):
            self.watch()
            yield features

    def width(self, first: Callable[[], Tensor]) -> int:
        """Return D; where the extractor does not declare it, from the features of one sample.

        Args:
            first: returns the sample, (1, *shape).
        """
        return self.extractor.num_features or next(self.features([first()])).shape[1]

    def spatial(self) -> "Extraction":
        """Return the extraction of the extractor's spatial features, see `ganzoo.api.Extractor`.

        Raises:
            DataError: it has none.
        """
        if not hasattr(self.extractor, "spatial_features"):
            raise DataError(
                f"{shorten(self.name.split()[-1])} has no spatial features",
                hint="use an extractor that has them, as inception and toy-cnn do",
            )
        return replace(self, extractor=_Spatial(self.extractor))

    def class_logits(self, features: Tensor) -> Tensor | None:
        """Return the logits (N, K) of the extractor's classifier, memory-mapped.

        Returns:
            None: it has no classifier.
        """
        if not hasattr(self.extractor, "class_logits"):
            return None
        rows: RowsOnDisk | None = None
        for part in torch.split(features, self.batch_size):
            with torch.inference_mode(), _blaming(self.name, "in class_logits"):
                logits = self.extractor.class_logits(part.to(self.device)).float().cpu()
            rows = rows or RowsOnDisk(tuple(logits.shape[1:]), torch.float32)
            rows.add(logits)
        return rows.tensor() if rows else None


@dataclass(frozen=True)
class ScoredGenerator:
    """A generator in eval mode, as two functions.

    Args:
        latents: (count, seed) → latents and labels, distributed as the recipe says.
        generate: (latents, labels) → samples in model form.
        log_prob: (samples in stored form, labels) → log p(x), (N,); None: G has none.
    """

    latents: Callable[[int, int], tuple[Tensor, Tensor | None]]
    generate: Callable[[Tensor, Tensor | None], Tensor]
    log_prob: Callable[[Tensor, Tensor | None], Tensor] | None = None


@dataclass(frozen=True)
class Probe:
    """A `ganzoo.api.GeneratorProbe`: latents to features, through a generator and an extractor."""

    generator: ScoredGenerator
    extraction: Extraction

    def latents(self, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
        """Return latents and labels, see `ganzoo.api.GeneratorProbe`."""
        return self.generator.latents(count, seed)

    def features(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Return features of samples that are not rounded, see `ganzoo.api.GeneratorProbe`.

        Raises:
            DataError: the samples are symbols, which cannot be left unrounded.
        """
        extraction = self.extraction
        samples = unrounded(extraction.spec, self.generator.generate(latents, labels))
        about = (extraction.extractor, extraction.spec, extraction.device, extraction.name)
        return features_of_batch(samples, *about)

    def log_prob(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return log p(x), see `ganzoo.api.GeneratorProbe`.

        Raises:
            DataError: G has no ``log_prob``.
        """
        if self.generator.log_prob is None:
            raise DataError("the generator has no likelihood", hint="remove it from eval.metrics")
        return self.generator.log_prob(samples, labels).float().cpu()
