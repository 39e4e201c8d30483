"""Samples as files, in the formats of their modality: written, and read from other tools."""

import shlex
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.components.build import blaming_modality
from ganzoo.components.data import blocks_of, check_readable
from ganzoo.components.parameters import adhoc_component
from ganzoo.errors import DataError, PluginError, UsageError, printable, truncate
from ganzoo.modalities import PREVIEW_SUFFIXES
from ganzoo.moments import BLOCK
from ganzoo.registry.registry import Registry
from ganzoo.rows import RowsOnDisk
from ganzoo.runs.files import replacing, write_atomic, writing
from ganzoo.sampling.npz import NPZ, npz_array, npz_headers

# --- writing -------------------------------------------------------------------------------------


def require_format(target: Path, spec: SampleSpec) -> None:
    """Check that `write_samples` can write such a file or folder.

    Raises:
        UsageError: the suffix is no format of this data, or a folder cannot hold it.
    """
    formats = spec.kind.formats(spec)
    can_be_folder = spec.kind.sample_suffix(spec) is not None
    if not target.suffix and not can_be_folder:
        raise UsageError(
            f"{spec} cannot be written into a folder, one sample a file",
            hint=f"--out {shlex.quote(str(target.with_suffix(formats[0])))}",
        )
    if target.suffix and target.suffix.lower() not in formats:
        places = [*formats, *(["a folder"] if can_be_folder else [])]
        words = " or ".join(filter(None, [", ".join(places[:-1]), places[-1]]))
        raise UsageError(
            f"{target}: {spec.modality} samples are written as {words}, not as {target.suffix}",
            hint=f"--out {shlex.quote(str(target.with_suffix(formats[0])))}",
        )


def write_samples(
    target: Path, spec: SampleSpec, samples: Tensor, columns: int | None = None
) -> Path:
    """Write samples in stored form; return where.

    The suffix of `target` chooses one of the modality's formats. Without a suffix it is a folder,
    which gets one file a sample.

    Args:
        columns: samples a row, where the file is a grid.

    Raises:
        UsageError: no such format, or `target` cannot be written or holds other files.
    """
    require_format(target, spec)
    with writing(target, "--out PATH"):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix:
            with replacing(target) as temporary:
                spec.kind.write(spec, temporary, samples, columns)
        else:
            _write_each(target, spec, samples)
    return target


def write_preview(
    folder: Path,
    stem: str,
    spec: SampleSpec,
    samples: Tensor,
    real: Tensor | None = None,
    conditions: Tensor | None = None,
) -> list[Path]:
    """Write the files of a preview, whose names begin with `stem`, into a folder; return them."""
    files = preview_files(spec, samples, real, conditions)
    folder.mkdir(exist_ok=True)  # of a run that is still there
    paths = [folder / f"{stem}{ending}" for ending in files]
    for path, content in zip(paths, files.values(), strict=True):
        write_atomic(path, content)
    return paths


def preview_files(
    spec: SampleSpec,
    samples: Tensor,
    real: Tensor | None = None,
    conditions: Tensor | None = None,
) -> Mapping[str, bytes]:
    """Return the contents of a preview's files by the endings of their names.

    Args:
        conditions: of the samples; the real samples in their rows have the same ones.

    Raises:
        PluginError: the modality failed, or gives something else.
    """
    with blaming_modality(spec, "preview"):
        files = None
        if conditions is not None and real is not None:
            files = spec.kind.preview_together(spec, samples, conditions, real)
        if files is None:
            files = spec.kind.preview(spec, samples, real)
    if not isinstance(files, Mapping) or not all(map(_can_be_shown, files, files.values())):
        given = type(files).__name__
        if isinstance(files, Mapping):
            given = str({ending: type(content).__name__ for ending, content in files.items()})
        raise PluginError(
            f"preview of modality {spec.modality!r} gives {given}, not bytes by ending; "
            f"endings are {', '.join(PREVIEW_SUFFIXES)}",
            hint=f"ganzoo conformance {spec.modality} --kind modality",
        )
    return files


def _can_be_shown(ending: Any, content: Any) -> bool:
    """Whether a page can show a file of a preview."""
    return str(ending).endswith(PREVIEW_SUFFIXES) and isinstance(content, bytes)


def _write_each(folder: Path, spec: SampleSpec, samples: Tensor) -> None:
    suffix = spec.kind.sample_suffix(spec)
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{index:06d}{suffix}" for index in range(len(samples))]
    if others := {path.name for path in folder.iterdir()} - set(names):
        raise UsageError(
            f"{folder} holds other files, such as {min(others)}, which would be read as samples",
            hint="--out NEW-FOLDER",
        )
    for name, sample in zip(names, samples, strict=True):
        spec.kind.write_sample(spec, folder / name, sample)


# --- reading -------------------------------------------------------------------------------------


BEYOND = 1e-3
"""Fraction of the range by which values may lie outside of it, by round-off."""


def read_samples(path: Path, spec: SampleSpec, registry: Registry) -> Tensor:
    """Return samples of another tool in stored form (N, *spec.shape), at least two.

    Pictures in a folder or a zip are memory-mapped.

    Raises:
        DataError: there is nothing, something unreadable, samples of another kind or shape, or
            values that are not finite.
    """
    if path.exists():
        spec.kind.check_files(path)
    samples = _checked(path, spec, spec.kind.adapt(spec, path, _read(path, spec, registry)))
    if len(samples) < 2:
        raise DataError(
            f"{path} holds {'one sample' if len(samples) else 'no samples'}, and a score needs two",
            hint="make some thousand: the fewer, the higher they score",
        )
    return samples


def read_labels(path: Path, spec: SampleSpec, count: int) -> Tensor | None:
    """Return the array ``labels`` of an npz of samples, int64 (count,), from 0 to classes - 1.

    Returns:
        None: there is no such array, or the data has no classes.

    Raises:
        DataError: there are more or fewer labels than samples, or others than the data has.
    """
    if path.suffix.lower() != ".npz" or not spec.classes:
        return None
    if "labels" not in npz_headers(path):
        return None
    found = npz_array(path, "labels")
    hint = f"save labels of integers from 0 to {spec.classes - 1}, one a sample"
    if found.shape != (count,) or found.dtype.kind not in "iu":
        what = f"{found.dtype} of shape {found.shape}"
        raise DataError(f"{path} holds {count} samples, and labels as {what}", hint=hint)
    if count and not (found.min() >= 0 and found.max() < spec.classes):
        wrong = int(found.min()) if found.min() < 0 else int(found.max())
        raise DataError(f"{path} holds the label {wrong}; {spec}", hint=hint)
    return torch.from_numpy(found.astype(np.int64))


def read_conditions(path: Path, spec: SampleSpec, registry: Registry) -> Tensor:
    """Return conditions in stored form (N, *spec.shape), at least one, from files of their kind.

    Raises:
        DataError: there is nothing, something unreadable, or something of another form or range.
    """
    found = _read(path, spec, registry)
    try:
        conditions = spec.kind.adapt(spec, path, found)
    except DataError as error:
        raise DataError(
            f"{path} holds samples of shape {tuple(found.shape[1:])}, and the condition is {spec}",
            hint=f"save conditions of shape {spec.shape}: they are not resized",
        ) from error
    if not len(_checked(path, spec, conditions)):
        raise DataError(f"{path} holds no conditions", hint="save at least one")
    for index, condition in enumerate(conditions):
        if wrong := spec.kind.invalid(spec, condition):
            raise DataError(f"{path}: condition {index} has {wrong}", hint="correct it")
    return conditions


def _read(path: Path, spec: SampleSpec, registry: Registry) -> Tensor:
    if not path.exists():
        raise DataError(f"there is no {path}", hint="a folder, a zip or an npz of samples is read")

    def read_dataset(name: str, parameters: Mapping[str, Any]) -> Tensor:
        dataset = adhoc_component(registry, "dataset", name, parameters).build("train")
        check_readable(dataset)
        rows = RowsOnDisk(dataset.spec.shape, getattr(torch, dataset.spec.stored_dtype))
        for samples, _ in blocks_of(dataset, range(len(dataset))):
            rows.add(samples)
        return rows.tensor()

    return (
        npz_samples(path)
        if path.suffix.lower() == ".npz"
        else spec.kind.read(spec, path, read_dataset)
    )


def _checked(path: Path, spec: SampleSpec, samples: Tensor) -> Tensor:
    """Return samples that are finite and of the stored form's dtype."""
    if samples.is_floating_point():
        blocks = torch.split(samples, BLOCK)
        wrong = torch.cat([spec.kind.finite(spec, part).logical_not() for part in blocks])
        if bool(wrong.any()):
            raise DataError(
                f"{path}: {int(wrong.sum())} of {len(samples)} samples hold values that are not "
                f"finite, the first is sample {int(wrong.nonzero()[0])}",
                hint="check whether the model that made them has diverged",
            )
    if samples.dtype != getattr(torch, spec.stored_dtype):
        found, hint = str(samples.dtype).removeprefix("torch."), _as_stored(samples, spec)
        raise DataError(f"{path} holds {found}, not {spec.stored_dtype}{hint[0]}", hint=hint[1])
    return samples


def _as_stored(samples: Tensor, spec: SampleSpec) -> tuple[str, str]:
    """Return the range of pixels of another dtype in words, and how to save them."""
    otherwise = f"save {spec.kind.save_as or f'samples as {spec.stored_dtype}'}"
    if spec.stored_dtype != "uint8" or not samples.numel() or samples.is_complex():
        return "", otherwise
    array = samples.numpy()  # torch has no minimum of unsigned integers of 16 bits and more
    low, high = float(array.min()), float(array.max())
    forms = {(0, 1): "(255 * ARRAY).round()", (-1, 1): "(127.5 * (ARRAY + 1)).round()"}
    if not samples.is_floating_point() or high > 1 + BEYOND:
        forms = {(0, 255): "ARRAY.round()"}
    if samples.dtype == torch.uint16 and high > 4095:  # less may be levels of 10 or 12 bits
        forms = {(0, 65535): "(ARRAY / 257).round()"}
    for (least, most), way in forms.items():
        beyond = BEYOND * (most - least) if samples.is_floating_point() else 0
        if least - beyond <= low <= high <= most + beyond:
            clip = "" if least <= low <= high <= most else ".clip(0, 255)"
            otherwise = f"np.savez(FILE, samples={way}{clip}.astype('uint8'))"
            break
    return f"; its values are from {low:.8g} to {high:.8g}", otherwise


def samples_in(path: Path) -> tuple[str, tuple[int, ...]]:
    """Return the name and the shape of the samples in an npz, without reading them.

    They are ``samples``, or the only array with more than one axis (labels have one).

    Raises:
        DataError: it cannot be read, or it is not clear which array they are.
    """
    headers = npz_headers(path)
    if not headers:
        raise DataError(f"{path} holds no array", hint=NPZ)
    several = [name for name, header in headers.items() if len(header.shape) > 1]
    candidates = ["samples"] if "samples" in headers else several
    if len(candidates) != 1:
        raise DataError(
            f"{path} holds {truncate(printable(', '.join(headers), one_line=True), 200)}; which "
            "are the samples?",
            hint="name the array `samples`, or save no other",
        )
    return candidates[0], headers[candidates[0]].shape


def npz_samples(path: Path) -> Tensor:
    """Return the samples in an npz; large ones that stay in the file cannot be written.

    Raises:
        DataError: it cannot be read, or holds no samples.
    """
    array = npz_array(path, samples_in(path)[0])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        try:
            return torch.from_numpy(array)
        except TypeError as error:
            raise DataError(f"{path} holds no numbers: {error}", hint=NPZ) from error
