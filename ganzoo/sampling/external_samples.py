"""Samples of other tools as tensors: out of a folder, a zip or an npz, or the reason why not."""

from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.components.data import tensors_of
from ganzoo.components.parameters import adhoc_component
from ganzoo.components.photos import PICTURES
from ganzoo.errors import DataError
from ganzoo.registry.registry import Registry
from ganzoo.sampling.picture_formats import require_one_format

BLOCK = 1024
"""Samples that are looked at together."""


def read_samples(path: Path, spec: SampleSpec, registry: Registry) -> Tensor:
    """Return samples in stored form (N, *spec.shape), at least two.

    Raises:
        DataError: nothing there, something unreadable, samples of another kind or shape, or values
            that are not finite.
    """
    if not path.exists():
        raise DataError(f"there is no {path}", hint="a folder, a zip or an npz of samples is read")
    is_npz = path.suffix.lower() == ".npz"
    samples = _from_npz(path) if is_npz else _from_pictures(path, spec, registry)
    if spec.modality == "image":
        samples = _channels_first(samples, spec)
    if tuple(samples.shape[1:]) != spec.shape:
        raise _other_shape(path, tuple(samples.shape[1:]), spec)
    if samples.dtype != getattr(torch, spec.stored_dtype):
        hint = "save pixels as uint8 from 0 to 255" if spec.modality == "image" else None
        found = str(samples.dtype).removeprefix("torch.")
        raise DataError(
            f"{path} holds {found}, not {spec.stored_dtype}",
            hint=hint or f"save samples as {spec.stored_dtype}",
        )
    if len(samples) < 2:
        raise DataError(
            f"{path} holds {'one sample' if len(samples) else 'no samples'}, and a score needs two",
            hint="make some thousand: the fewer, the higher they score",
        )
    if spec.stored_dtype == "float32":
        _require_finite(path, samples)
    return samples


def require_same_colours(path: Path, samples: Tensor, reference: Tensor) -> None:
    """Refuse grey pictures against colour ones, and the other way round, though both have RGB.

    Raises:
        DataError: one side is grey throughout, and the other is not.
    """
    if reference.ndim != 4 or reference.shape[1] != 3:
        return
    if are_grey(samples) != (other := are_grey(reference)):
        raise _other_colours(path, colour_wanted=not other)


def are_grey(pictures: Tensor) -> bool:
    """Return whether all pictures (N, 3, H, W) have three equal channels."""
    parts = torch.split(pictures, BLOCK)
    return all(torch.equal(part, part[:, :1].expand_as(part)) for part in parts)


def _other_colours(path: Path, *, colour_wanted: bool) -> DataError:
    found, wanted = ("grey", "colour") if colour_wanted else ("colour", "grey")
    return DataError(
        f"{path} holds {found} pictures, and the reference {wanted} ones",
        hint=f"score them against a data set of {found} pictures",
    )


def _other_shape(path: Path, shape: tuple[int, ...], spec: SampleSpec) -> DataError:
    """Return what is wrong with samples whose shape is not that of the reference."""
    if spec.modality == "image" and len(shape) == 3:
        height, width = spec.shape[1:]
        if {shape[0], shape[-1]} & {1, 3} and (height, width) in (shape[1:], shape[:2]):
            return _other_colours(path, colour_wanted=spec.channels == 3)
    return DataError(
        f"{path} holds samples of shape {shape}, the reference {spec.shape}: the two must be alike",
        hint=f"make samples of shape {spec.shape}; resizing them would be a part of the model",
    )


def _require_finite(path: Path, samples: Tensor) -> None:
    wrong = samples.flatten(1).isfinite().all(1).logical_not()
    if bool(wrong.any()):
        raise DataError(
            f"{path}: {int(wrong.sum())} of {len(samples)} samples hold values that are not finite,"
            f" the first is sample {int(wrong.nonzero()[0])}",
            hint="look whether the model that made them has diverged",
        )


def _channels_first(samples: Tensor, spec: SampleSpec) -> Tensor:
    """Return (N, C, H, W) of what is stored as (N, H, W, C), or of grey as (N, H, W).

    Grey is taken with as many channels as the reference has: many tools store it as RGB.
    """
    if samples.dim() == 3:
        samples = samples[:, None]
    if samples.dim() != 4:
        return samples
    size = spec.shape[1:]
    if tuple(samples.shape[1:3]) == size and samples.shape[3] in (1, 3):
        samples = samples.permute(0, 3, 1, 2).contiguous()
    found = samples.shape[1]
    if tuple(samples.shape[2:]) == size:
        if (found, spec.channels) == (1, 3):
            return samples.expand(-1, 3, -1, -1).contiguous()
        if (found, spec.channels) == (3, 1) and are_grey(samples):
            return samples[:, :1].contiguous()
    return samples


def _from_npz(path: Path) -> Tensor:
    """Return ``samples``, or the only array that is more than a list (labels are one)."""
    anew = "write the file anew: np.savez(FILE, samples=ARRAY)"
    if not is_zipfile(path):
        raise DataError(f"{path} is no npz file, or the end of it is missing", hint=anew)
    try:
        with np.load(path, allow_pickle=False) as archive:
            members = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, TypeError, BadZipFile) as error:
        raise DataError(f"{path} cannot be read: {error}", hint=anew) from error
    # What is no array in the zip comes as bytes.
    arrays = {name: each for name, each in members.items() if isinstance(each, np.ndarray)}
    if not arrays:
        raise DataError(f"{path} holds no array", hint=anew)
    candidates = (
        ["samples"] if "samples" in arrays else [n for n, a in arrays.items() if a.ndim > 1]
    )
    if len(candidates) != 1:
        raise DataError(
            f"{path} holds {', '.join(arrays)}; which are the samples?",
            hint="name the array `samples`, or leave it alone in the file",
        )
    array = arrays[candidates[0]]
    try:
        # torch knows this machine's byte order alone.
        return torch.from_numpy(np.ascontiguousarray(array, array.dtype.newbyteorder("=")))
    except TypeError as error:
        raise DataError(f"{path} holds no numbers: {error}", hint=anew) from error


def _from_pictures(path: Path, spec: SampleSpec, registry: Registry) -> Tensor:
    if spec.modality != "image" or spec.channels not in (1, 3):
        raise DataError(
            f"{path} is no npz, and {spec} cannot be read from pictures",
            hint="np.savez(FILE, samples=ARRAY)",
        )
    require_one_format(path, "save all samples as PNG, and look whether they are of one model")
    parameters = {"path": str(path.absolute()), "channels": 3}
    try:
        dataset = adhoc_component(registry, "dataset", PICTURES, parameters).build("train")
        samples = tensors_of(dataset)[0]
    except DataError as error:  # whose advice is about a recipe's data
        hint = "samples are whole pictures of one size, in a folder or a zip, or an npz"
        raise DataError(error.message, hint=hint) from error
    if spec.channels == 1 and not are_grey(samples):
        raise _other_colours(path, colour_wanted=False)
    return samples
