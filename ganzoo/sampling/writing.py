"""Samples as files: a grid, a folder of pictures, or an npz."""

import shlex
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.errors import UsageError
from ganzoo.runs.files import unwritable
from ganzoo.sampling.pictures import grid, picture


def write_samples(
    target: Path, spec: SampleSpec, samples: Tensor, columns: int | None = None
) -> Path:
    """Write samples in stored form; return where.

    A ``.png`` gets one picture of all, a ``.npz`` an array ``samples`` (B, *shape), anything else
    is a folder that gets a PNG for each sample.

    Raises:
        UsageError: this data has no picture, or `target` cannot be written or holds other files.
    """
    kind = target.suffix.lower()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind == ".npz":
            with target.open("wb") as file:
                np.savez_compressed(file, samples=samples.numpy())
        elif kind == ".png":
            image = grid(samples, columns) if spec.modality == "image" else picture(spec, samples)
            if image is None:
                raise UsageError(f"{spec} has no picture", hint="--out samples.npz")
            image.save(target)
        elif kind:
            raise UsageError(
                f"{target} is neither a .png, a .npz nor a folder",
                hint=f"--out {shlex.quote(str(target.with_suffix('.png')))}",
            )
        else:
            _write_each(target, spec, samples)
    except OSError as error:
        raise unwritable(target, error, "--out PATH") from error
    return target


def _write_each(folder: Path, spec: SampleSpec, samples: Tensor) -> None:
    if spec.modality != "image" or spec.channels not in (1, 3):
        raise UsageError(f"{spec} cannot be written as PNG files", hint="--out samples.npz")
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{index:06d}.png" for index in range(len(samples))]
    if others := {path.name for path in folder.iterdir()} - set(names):
        raise UsageError(
            f"{folder} holds other files, such as {min(others)}: who reads the samples there would "
            "read those too",
            hint="--out NEW-FOLDER",
        )
    for name, sample in zip(names, samples, strict=True):
        array = sample.permute(1, 2, 0).numpy()
        image = Image.fromarray(
            array[:, :, 0] if spec.channels == 1 else np.ascontiguousarray(array)
        )
        image.save(folder / name)
