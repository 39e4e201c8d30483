"""Images: uint8 (C, H, W); networks see [-1, 1]. Grids as PNG, folders and zips of PNGs, npz."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from zipfile import ZipFile, ZipInfo

import numpy as np
import PIL.Image
import PIL.ImageOps

from ganzoo.errors import DataError
from ganzoo.modalities import Modality, ReadDataset, SampleSpec, Shape
from ganzoo.modalities.drawing import png
from ganzoo.untrusted import DAMAGE, MAX_PICTURE_PIXELS, open_zip, reading, require_regular

if TYPE_CHECKING:
    from torch import Tensor

PICTURES = "folder"
"""The data set that reads folders and zips of pictures; a core word like the default namespace."""

SMALLEST_CELL = 32
"""Images in a grid are enlarged by whole factors until they are at least this wide, in pixels."""

ROWS = 24
"""A preview with conditions has the first of its rows only, three images each."""

SIDE = 32
"""Without an extractor the collapse monitor compares images of at most this many pixels a side."""

BLOCK = 1024
"""Pictures whose colours are compared at a time."""


class Pixels(Modality):
    """What images and video share: levels from 0 to 255, which networks see in [-1, 1]."""

    stored_dtype = "uint8"
    value_range = (-1.0, 1.0)
    can_mirror = True
    save_as = "pixels as uint8 from 0 to 255"

    def encode(self, spec: SampleSpec, stored: Tensor) -> Tensor:
        return stored.float().div_(127.5).sub_(1)

    def decode(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        return self.unrounded(spec, samples).round_().byte()

    def unrounded(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        return samples.float().clamp(-1, 1).add(1).mul(127.5)

    def require_alike(self, path: Path, samples: Tensor, reference: Tensor) -> None:
        """Refuse levels from 0 to 1 where the reference's go further: they are fractions of 255."""
        if int(samples.max()) == 1 < int(reference.max()):
            raise DataError(
                f"{path} holds no level but 0 and 1, and uint8 goes to 255",
                hint="np.savez(FILE, samples=255 * ARRAY)",
            )

    def saturated(self, samples: Tensor) -> float | None:
        return ((samples == 0) | (samples == 255)).double().mean().item()


class Image(Pixels):
    """Images of any number of channels; those with 1 or 3 are pictures, and have PNG files."""

    axes = 3
    channels_last = True
    extractor = "inception"
    plain_extractors = ("toy-cnn", "pixels")

    def specs(self) -> tuple[SampleSpec, ...]:
        return (
            SampleSpec("image", (1, 8, 8), classes=10),
            SampleSpec("image", (3, 12, 20), classes=3),
            SampleSpec("image", (3, 32, 32), classes=10),
        )

    # --- scores ---

    def fit_input(self, x: Tensor, input_shape: Shape) -> Tensor:
        """Resize to the extractor's height and width, and repeat grey as RGB.

        One batched bicubic resize with antialias on float values, clamped to [0, 255], which equals
        clean-fid's PIL rule (Parmar et al. 2022, arXiv:2104.11222). Without the clamp the filter
        overshoots beside edges, to levels that no picture has.
        """
        from torch.nn import functional

        shape = tuple(x.shape[1:])
        self.input_steps(shape, input_shape)
        if shape[-2:] != input_shape[-2:]:
            x = functional.interpolate(x, input_shape[-2:], mode="bicubic", antialias=True)
            x = x.clamp(0, 255)
        return x.repeat(1, 3, 1, 1) if shape[0] == 1 and input_shape[0] == 3 else x

    def input_steps(self, shape: Shape, input_shape: Shape) -> list[str]:
        if len(shape) != len(input_shape):
            return super().input_steps(shape, input_shape)
        if shape[0] != input_shape[0] and (shape[0], input_shape[0]) != (1, 3):
            raise DataError(
                f"the extractor takes images of {input_shape[0]} channels, not {shape[0]}",
                hint="ganzoo list extractors",
            )
        steps = ["grey->rgb"] if shape[0] != input_shape[0] else []
        if shape[-2:] != input_shape[-2:]:
            sizes = ("x".join(map(str, each[-2:])) for each in (shape, input_shape))
            steps.append(f"bicubic antialias {'->'.join(sizes)}, clamped")
        return steps

    def features(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        """Average the pixels down to at most `SIDE` a side."""
        from torch.nn import functional

        size = (min(spec.height, SIDE), min(spec.width, SIDE))
        return functional.adaptive_avg_pool2d(self.encode(spec, samples), size).flatten(1)

    # --- previews and files ---

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Draw a grid."""
        return {".png": png(grid(samples))}

    def preview_together(
        self, spec: SampleSpec, samples: Tensor, conditions: Tensor, real: Tensor
    ) -> dict[str, bytes] | None:
        """Draw condition, sample and real image side by side, if all are images."""
        import torch

        assert spec.condition is not None
        if not isinstance(spec.condition.kind, Image):
            return None
        left, middle, right = (_of_height(e[:ROWS], spec) for e in (conditions, samples, real))
        rule = torch.full_like(middle[..., :1], 255)
        return {".png": png(grid(torch.cat([left, rule, middle, rule, right], 3), images=3))}

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        return (".png", ".npz", ".zip") if self.sample_suffix(spec) else (".png", ".npz")

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write a grid as PNG, an npz, or a zip of PNGs as StyleGAN's tools read it."""
        if path.suffix.lower() == ".png":
            path.write_bytes(png(grid(samples, columns)))
        elif path.suffix.lower() == ".zip":
            with ZipFile(path, "w") as archive:
                for index, sample in enumerate(samples):
                    # ZipInfo's own date is fixed, so that equal samples are equal files.
                    archive.writestr(ZipInfo(f"{index:06d}.png"), png(_picture(sample)))
                archive.writestr(ZipInfo("dataset.json"), json.dumps({"labels": None}))
        else:
            super().write(spec, path, samples)

    def sample_suffix(self, spec: SampleSpec) -> str | None:
        return ".png" if spec.channels in (1, 3) else None

    def write_sample(self, spec: SampleSpec, path: Path, sample: Tensor) -> None:
        _picture(sample).save(path)

    def read(self, spec: SampleSpec, path: Path, read_dataset: ReadDataset) -> Tensor:
        """Read a picture, or a folder or a zip of pictures, all of one size."""
        if not self.sample_suffix(spec):
            raise DataError(
                f"{path} is not an npz, and {spec} cannot be read from pictures",
                hint="np.savez(FILE, samples=ARRAY)",
            )
        if path.is_file() and _is_picture(path.name):
            return _read_picture(path)
        try:
            return read_dataset(PICTURES, {"path": str(path.absolute()), "channels": 3})
        except DataError as error:  # whose advice is about a recipe's data
            hint = "samples are whole pictures of one size, in a folder or a zip, or an npz"
            raise DataError(error.message, hint=hint) from error

    def check_files(self, path: Path) -> None:
        require_one_format(path, "save all samples as PNG, and look whether they are of one model")

    def adapt(self, spec: SampleSpec, path: Path, samples: Tensor) -> Tensor:
        """Take (N, H, W, C), and grey as (N, H, W) or with as many channels as the spec has.

        Many tools store grey as RGB.
        """
        samples = _channels_first(samples, spec)
        height, width = spec.shape[1:]
        shape = tuple(samples.shape[1:])
        if shape != spec.shape and len(shape) == 3:
            if {shape[0], shape[-1]} & {1, 3} and (height, width) in (shape[1:], shape[:2]):
                raise _other_colours(path, colour_wanted=spec.channels == 3)
            for channels, size in ((shape[0], shape[1:]), (shape[-1], shape[:-1])):
                if channels in (2, 4) and size == (height, width):
                    raise DataError(
                        f"{path} holds pictures of {channels} channels, the last of them alpha",
                        hint="paint them on the reference's background, and save them without "
                        "alpha",
                    )
        return super().adapt(spec, path, samples)

    def require_alike(self, path: Path, samples: Tensor, reference: Tensor) -> None:
        """Refuse grey pictures against colour ones, and the reverse, though both have RGB."""
        super().require_alike(path, samples, reference)
        if reference.shape[1] != 3:
            return
        if are_grey(samples) != (other := are_grey(reference)):
            raise _other_colours(path, colour_wanted=not other)

    def file_note(self, path: Path, reference: Path | None) -> str | None:
        """Note samples that were saved as JPEG, unless the reference was too.

        Features see JPEG's artefacts (Parmar et al. 2022, arXiv:2104.11222).
        """
        if formats_in(path) != {"JPEG"}:
            return None
        theirs = formats_in(reference) if reference else set()
        if theirs == {"JPEG"}:
            return None
        known = f"those of the reference are {' and '.join(sorted(theirs))}" if theirs else ""
        return (
            f"the samples are JPEG pictures, and {known or 'the reference may not be'}: the score "
            "includes what JPEG changed; save samples as PNG"
        )


def grid(samples: Tensor, columns: int | None = None, images: int = 1) -> PIL.Image.Image:
    """Return uint8 images (B, C, H, W) in a grid, 2 pixels apart, nearly square by default.

    Grey and RGB are shown as they are; of any other number of channels the first is shown.

    Args:
        images: number of images side by side in each.
    """
    import torch

    samples = samples if samples.shape[1] in (1, 3) else samples[:, :1]
    count, channels, height, width = samples.shape
    columns = columns or max(1, round((count * height / width) ** 0.5))
    rows = -(-count // columns)
    sheet = torch.full(
        (channels, rows * (height + 2) + 2, columns * (width + 2) + 2), 255, dtype=torch.uint8
    )
    for index, sample in enumerate(samples):
        top = 2 + index // columns * (height + 2)
        left = 2 + index % columns * (width + 2)
        sheet[:, top : top + height, left : left + width] = sample
    image = _picture(sheet)
    factor = max(1, -(-SMALLEST_CELL * images // width))
    return image.resize((image.width * factor, image.height * factor), PIL.Image.Resampling.NEAREST)


def _of_height(images: Tensor, spec: SampleSpec) -> Tensor:
    """Return uint8 images (B, C, H, W) as RGB, scaled to the height of `spec`."""
    from torch.nn import functional

    images = images if images.shape[1] in (1, 3) else images[:, :1]
    height, width = images.shape[2:]
    if height != spec.height:
        size = (spec.height, max(1, round(width * spec.height / height)))
        images = functional.interpolate(images, size, mode="nearest")
    return images.expand(-1, 3, -1, -1)


def _picture(sample: Tensor) -> PIL.Image.Image:
    """Return a uint8 tensor (1 or 3, H, W) as a picture."""
    array = sample.permute(1, 2, 0).numpy()
    grey = array.shape[2] == 1
    return PIL.Image.fromarray(np.ascontiguousarray(array[:, :, 0] if grey else array))


# --- samples of other tools ----------------------------------------------------------------------


def _read_picture(path: Path) -> Tensor:
    """Return a picture as RGB, uint8 (1, 3, H, W).

    Raises:
        DataError: it cannot be read.
    """
    import torch

    with opened_picture(path) as image:
        array = np.array(PIL.ImageOps.exif_transpose(image).convert("RGB"))
    return torch.from_numpy(array).permute(2, 0, 1)[None].contiguous()


@contextmanager
def opened_picture(path: Path) -> Iterator[PIL.Image.Image]:
    """Open a picture of at most `MAX_PICTURE_PIXELS`; the block may decode it.

    Raises:
        DataError: it is too large, damaged, or of no format that needs no other program.
    """
    with reading(path, "remove or replace it"), warnings.catch_warnings():
        # Pillow warns of files that it cannot read reliably.
        warnings.simplefilter("error")
        require_regular(path)
        try:
            with PIL.Image.open(path, formats=_FORMATS) as image:
                if image.width * image.height > MAX_PICTURE_PIXELS:
                    raise ValueError(_TOO_LARGE)
                yield image
        except PIL.Image.DecompressionBombError as error:
            raise ValueError(_TOO_LARGE) from error


_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "TGA", "MPO")
_TOO_LARGE = f"more than {MAX_PICTURE_PIXELS // 10**6} megapixels"


def are_grey(pictures: Tensor) -> bool:
    """Return whether all pictures (N, 3, H, W) have three equal channels."""
    import torch

    return all(bool((part == part[:, :1]).all()) for part in torch.split(pictures, BLOCK))


def _channels_first(samples: Tensor, spec: SampleSpec) -> Tensor:
    """Return a view of samples as (N, C, H, W), without a copy of them all."""
    if samples.dim() == 3:
        samples = samples[:, None]
    if samples.dim() != 4:
        return samples
    size = spec.shape[1:]
    if tuple(samples.shape[1:3]) == size and samples.shape[3] in (1, 3):
        samples = samples.permute(0, 3, 1, 2)
    found = samples.shape[1]
    if tuple(samples.shape[2:]) == size:
        if (found, spec.channels) == (1, 3):
            return samples.expand(-1, 3, -1, -1)
        if (found, spec.channels) == (3, 1) and are_grey(samples):
            return samples[:, :1]
    return samples


def _other_colours(path: Path, *, colour_wanted: bool) -> DataError:
    found, wanted = ("grey", "colour") if colour_wanted else ("colour", "grey")
    return DataError(
        f"{path} holds {found} pictures, and the reference {wanted} ones",
        hint=f"score them against a data set of {found} pictures",
    )


_BEGINNINGS = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WEBP",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
_LONGEST = max(map(len, _BEGINNINGS))


ONE_FORMAT = "save them all in one format, best as PNG"
AS_PICTURES = "save them as PNG in a folder, and name that"
"""Advice on a reference that is no folder of pictures, or mixes formats."""


def require_one_format(path: Path, hint: str) -> None:
    """Refuse pictures of several formats: a score would tell them apart by their compression.

    The first bytes of a file decide, and its name where they say nothing. Hidden files,
    ``__MACOSX`` and files that are no pictures do not count.

    Raises:
        DataError: there are two formats or more.
    """
    if len(formats := formats_in(path)) > 1:
        raise DataError(
            f"{path} holds {' and '.join(sorted(formats))} pictures together: a score would see "
            "how they were compressed",
            hint=hint,
        )


def formats_in(path: Path) -> set[str]:
    """Return the formats of the pictures in a folder or a zip, or of one: ``PNG``, ``JPEG``."""
    if path.is_file() and _is_picture(path.name):
        return {_format(path.name, _start_of_file(path))}
    return {_format(name, start) for name, start in _pictures(path)}


def _format(name: str, start: bytes) -> str:
    named = PIL.Image.registered_extensions()[PurePosixPath(name).suffix.lower()]
    return next((each for magic, each in _BEGINNINGS.items() if start.startswith(magic)), named)


def _pictures(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the first bytes of each file whose name is that of a picture."""
    if path.is_dir():
        for folder, _, names in os.walk(path):
            inside = Path(folder).relative_to(path)
            for name in names:
                if _is_picture((inside / name).as_posix()):
                    yield name, _start_of_file(Path(folder, name))
        return
    with suppress(DataError), open_zip(path) as archive:
        for member in archive.infolist():
            if _is_picture(member.filename.replace("\\", "/")):
                yield member.filename, _start_of_member(archive, member)


def _is_picture(name: str) -> bool:
    found = PIL.Image.registered_extensions().get(PurePosixPath(name).suffix.lower())
    shown = all(part[:1] != "." and part != "__MACOSX" for part in name.split("/"))
    return shown and found is not None and PIL.Image.MIME.get(found, "").startswith("image/")


def _start_of_file(path: Path) -> bytes:
    """Return the first bytes; none of what cannot be read, which the data set names."""
    try:
        if path.is_file():  # and no pipe, which would wait for its writer
            with open(path, "rb") as file:
                return file.read(_LONGEST)
    except OSError:
        pass
    return b""


def _start_of_member(archive: ZipFile, member: ZipInfo) -> bytes:
    with suppress(*DAMAGE), archive.open(member) as file:
        return file.read(_LONGEST)
    return b""
