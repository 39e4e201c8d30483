"""Samples as files: a grid, a folder of pictures, or an npz."""

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.engine.pictures import grid, picture
from ganzoo.errors import UsageError


def write_samples(
    target: Path, spec: SampleSpec, samples: Tensor, columns: int | None = None
) -> Path:
    """Write samples in stored form; return where.

    A ``.png`` gets one picture of all, a ``.npz`` an array ``samples`` (B, *shape), anything else
    is a folder that gets a PNG for each sample.

    Raises:
        UsageError: this data has no picture.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".npz":
        np.savez_compressed(target, samples=samples.numpy())
    elif target.suffix == ".png":
        image = grid(samples, columns) if spec.modality == "image" else picture(spec, samples)
        if image is None:
            raise UsageError(f"{spec} has no picture", hint="--out samples.npz")
        image.save(target)
    elif target.suffix:
        raise UsageError(f"{target} is neither a .png, a .npz nor a folder")
    else:
        _write_each(target, spec, samples)
    return target


def _write_each(folder: Path, spec: SampleSpec, samples: Tensor) -> None:
    if spec.modality != "image" or spec.channels not in (1, 3):
        raise UsageError(f"{spec} cannot be written as PNG files", hint="--out samples.npz")
    folder.mkdir(parents=True, exist_ok=True)
    for index, sample in enumerate(samples):
        array = sample.permute(1, 2, 0).numpy()
        image = Image.fromarray(
            array[:, :, 0] if spec.channels == 1 else np.ascontiguousarray(array)
        )
        image.save(folder / f"{index:06d}.png")
