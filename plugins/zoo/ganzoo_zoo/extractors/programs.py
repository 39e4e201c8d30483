"""Extractors from a file: any network saved as TorchScript or by `torch.export`.

Such a file is a program and can run code when it is read. Giving its path and hash means trusting
it.
"""

import warnings
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor, nn

from ganzoo.api import DataError, PositiveFloat, PositiveInt
from ganzoo_zoo.extractors.verified import verified_bytes

Colour = tuple[float, float, float]
Spread = tuple[PositiveFloat, PositiveFloat, PositiveFloat]


class _Program(nn.Module):
    """A program with its image size and normalisation.

    `layer` contains mean and std, so that they are part of the protocol.
    """

    def __init__(
        self, program: nn.Module, path: Path, sha256: str, size: int, mean: Colour, std: Spread
    ) -> None:
        super().__init__()
        self.program = program
        self.input_shape = (3, size, size)
        self.layer = f"output for (x/255 - {list(mean)})/{list(std)}"
        self.weights_sha256 = sha256
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self.num_features = self._width(path)

    def forward(self, x: Tensor) -> Tensor:
        """Return the program's output for float32 images (B, 3, size, size) in [0, 255]."""
        return self.program((x / 255 - self.mean) / self.std)

    def train(self, mode: bool = True) -> "_Program":
        """Keep the program's mode: an exported one cannot change it."""
        return self

    def _width(self, path: Path) -> int:
        """Return the number of features, found by running two black images and then three.

        Raises:
            DataError: the program fails, or does not return one vector of floats per image.
        """
        size = self.input_shape[-1]
        for count in (2, 3):
            black = torch.zeros(count, *self.input_shape)
            try:
                with torch.inference_mode():
                    features = self(black)
            except (RuntimeError, AssertionError, TypeError, ValueError) as error:
                reason = str(error).strip().splitlines()[-1]
                raise DataError(
                    f"{path} cannot be run on {count} images of 3x{size}x{size}: {reason}",
                    hint="set size= to that of its input, and export it with a dynamic first axis",
                ) from error
            if not isinstance(features, Tensor) or features.shape[:-1] != (count,):
                is_tensor = isinstance(features, Tensor)
                what = tuple(features.shape) if is_tensor else f"a {type(features).__name__}"
                raise DataError(
                    f"{path} gives {what} for {count} images, not ({count}, features)",
                    hint="return one vector of floats for each image",
                )
        return features.shape[1]


class TorchScript(_Program):
    """Any image network from a TorchScript file, by path and sha256.

    It runs in the dtype of the file. torch deprecates the format: prefer `Exported`.

    Args:
        path: a file written by `torch.jit.save`.
        sha256: of the file, 64 hex digits.
        size: height and width of the input, in pixels.
        mean: subtracted from each channel, whose values are in [0, 1].
        std: each channel is divided by this after `mean` is subtracted.

    Raises:
        DataError: another file, no TorchScript, or a program that does not map images to vectors.
    """

    def __init__(
        self,
        *,
        path: Path,
        sha256: str,
        size: PositiveInt,
        mean: Colour = (0.0, 0.0, 0.0),
        std: Spread = (1.0, 1.0, 1.0),
    ) -> None:
        content = verified_bytes(path, sha256, hint=f"sha256sum {path}")
        _warn_of_torchscript()
        try:
            with warnings.catch_warnings():
                # Ours replaces it; its category depends on the version of torch.
                warnings.filterwarnings("ignore", "`torch.jit.load` is deprecated")
                program = torch.jit.load(BytesIO(content), map_location="cpu")
        except RuntimeError as error:
            raise DataError(
                f"{path} is no TorchScript file",
                hint="torch.jit.save(program, PATH), or use: exported for a .pt2 file",
            ) from error
        program.eval()
        super().__init__(program, path, sha256, size, mean, std)


class Exported(_Program):
    """Any image network from a torch.export file, by path and sha256.

    It must take any number of images: export it with a dynamic first axis.

    Args:
        path: a ``.pt2`` file written by `torch.export.save`.
        sha256: of the file, 64 hex digits.
        size: height and width of the input, in pixels.
        mean: subtracted from each channel, whose values are in [0, 1].
        std: each channel is divided by this after `mean` is subtracted.

    Raises:
        DataError: another file, no exported program, or one that does not map any number of images
            to vectors.
    """

    def __init__(
        self,
        *,
        path: Path,
        sha256: str,
        size: PositiveInt,
        mean: Colour = (0.0, 0.0, 0.0),
        std: Spread = (1.0, 1.0, 1.0),
    ) -> None:
        content = verified_bytes(path, sha256, hint=f"sha256sum {path}")
        if not _is_archive(content):
            raise DataError(
                f"{path} is no torch.export program, or one of torch before 2.8",
                hint="torch.export.save(program, PATH), with torch 2.8 or newer",
            )
        program: Any = torch.export.load(BytesIO(content))
        super().__init__(program.module(), path, sha256, size, mean, std)


@cache
def _warn_of_torchscript() -> None:
    """Warn once per process that torch deprecates TorchScript."""
    warnings.warn(
        "extractor torchscript: torch deprecates this format - save the network with torch.export "
        "and use the extractor `exported`",
        FutureWarning,
        stacklevel=3,
    )


def _is_archive(content: bytes) -> bool:
    """Whether `torch.export.save` wrote this; torch's own check would log a warning."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            return any(name.endswith("/archive_format") for name in archive.namelist())
    except BadZipFile:
        return False
