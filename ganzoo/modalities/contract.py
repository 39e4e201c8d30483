"""The contract of a kind of data: `Modality`, which a plugin subclasses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ganzoo.errors import DataError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ganzoo.modalities.spec import SampleSpec

PREVIEW_SUFFIXES = (".png", ".gif", ".webp", ".wav", ".txt", ".csv")
"""Suffixes that a preview may have: a page can embed these files."""

Shape = tuple[int, ...]

ReadDataset = Callable[[str, Mapping[str, Any]], "Tensor"]
"""Reads all samples of a data set, in stored form: id, parameters → (N, *shape)."""


class Modality:
    """A kind of data: its stored form and model form, its previews, its files.

    Subclass it in a plugin, set `axes`, and override what differs. The defaults suit plain arrays
    of float32: the model form is the stored form, values have no range, files are npz.

    A batch has its samples on the first axis, B. `spec` is the `SampleSpec` of the data.
    """

    axes: ClassVar[int]
    """Number of axes of one sample in stored form."""
    stored_dtype: ClassVar[str] = "float32"
    """Torch dtype of the stored form: ``uint8``, ``int64``, ``float32`` or ``float64``."""
    value_range: ClassVar[tuple[float, float] | None] = None
    """Smallest and largest value of the model form; None if values have no range."""
    channels_last: ClassVar[bool] = False
    """Whether batches run faster in the memory format channels-last."""
    can_mirror: ClassVar[bool] = False
    """Whether `mirror` is defined, so that a data set may set ``mirror``."""
    preview_samples: ClassVar[int] = 64
    """Number of samples that a preview shows."""
    extractor: ClassVar[str | None] = None
    """Extractor of ``eval.extractor: auto`` for data sets that name none."""

    def specs(self) -> tuple[SampleSpec, ...]:
        """Return typical specs, at least one: the conformance kit tries components with them."""
        raise NotImplementedError(f"{type(self).__name__} has no typical specs")

    def check(self, spec: SampleSpec) -> None:
        """Check the fields of a spec that matter to this modality. Rank and sizes are checked.

        Raises:
            ValueError: a field is missing or wrong.
        """

    # --- stored form and model form ---

    def model_shape(self, spec: SampleSpec) -> Shape:
        """Return the shape of one sample in model form."""
        return spec.shape

    def encode(self, spec: SampleSpec, stored: Tensor) -> Tensor:
        """Return the float32 model form (B, *model_shape) of a batch in stored form."""
        return stored.float()

    def decode(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        """Return the stored form (B, *shape) of a batch in model form: clamped, then rounded."""
        return self.unrounded(spec, samples)

    def unrounded(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        """Return a batch in model form on the scale of the stored form, float32, not rounded.

        Raises:
            DataError: the stored form has no values between its own (text).
        """
        return samples.float()

    def mirror(self, samples: Tensor) -> Tensor:
        """Return a batch in model form mirrored left to right. Needs `can_mirror`."""
        return samples.flip(-1)

    def random(self, spec: SampleSpec, count: int, generator: torch.Generator) -> Tensor:
        """Return random samples in model form, (count, *model_shape), for the conformance kit."""
        import torch

        shape = (count, *self.model_shape(spec))
        if self.value_range is None:
            return torch.randn(shape, generator=generator)
        low, high = self.value_range
        return torch.rand(shape, generator=generator) * (high - low) + low

    def invalid(self, spec: SampleSpec, sample: Tensor) -> str | None:
        """Return what is wrong with the values of one stored sample, or None."""
        if sample.is_floating_point() and not bool(sample.isfinite().all()):
            return "values that are not finite"
        return None

    # --- scores ---

    def fit_input(self, x: Tensor, input_shape: Shape) -> Tensor:
        """Return a stored batch x, as float32, in the shape that an extractor takes.

        Raises:
            DataError: no rule leads from the one shape to the other.
        """
        self.input_steps(tuple(x.shape[1:]), input_shape)
        return x

    def input_steps(self, shape: Shape, input_shape: Shape) -> list[str]:
        """Return in words what `fit_input` does, for the protocol; empty if nothing.

        Raises:
            DataError: no rule leads from the one shape to the other.
        """
        if shape != input_shape:
            raise DataError(f"the extractor takes samples of shape {input_shape}, not {shape}")
        return []

    def saturated(self, samples: Tensor) -> float | None:
        """Return the share of stored values at an end of their range; None without a range."""
        return None

    def features(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        """Return stored samples as features (N, D) for the collapse monitor without extractor."""
        return self.encode(spec, samples).flatten(1)

    # --- previews and files ---

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Return files that show a stored batch: end of the file's name → content.

        An ending is one of `PREVIEW_SUFFIXES`, perhaps after more of the name: ``-0.wav``.
        The main one comes first. A page shows them all.

        Args:
            real: real samples to draw for comparison, where the preview does so.
        """
        raise NotImplementedError(f"{type(self).__name__} has no preview")

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        """Return the suffixes of files that `write` can make; the first is the default."""
        return (".npz",)

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write a stored batch into one file, in the format of its suffix.

        Args:
            columns: samples a row, where the file is a grid.
        """
        suffix = path.suffix.lower()
        if suffix == ".npz":
            write_npz(path, samples)
        else:
            files = self.preview(spec, samples)
            if suffix not in files:
                name = type(self).__name__
                raise DataError(f"{name} names {suffix} in formats, but its preview has none")
            path.write_bytes(files[suffix])

    def sample_suffix(self, spec: SampleSpec) -> str | None:
        """Return the suffix of files of one sample, which a folder holds; None: no such files."""
        return None

    def write_sample(self, spec: SampleSpec, path: Path, sample: Tensor) -> None:
        """Write one stored sample into a file of the suffix `sample_suffix`."""
        raise NotImplementedError(f"{type(self).__name__} has no files of one sample")

    def read(self, spec: SampleSpec, path: Path, read_dataset: ReadDataset) -> Tensor:
        """Return the samples of a file or a folder in stored form, (N, *shape).

        Npz files are read elsewhere, and `adapt` is called afterwards.

        Args:
            read_dataset: reads all samples of a data set, by its id and parameters.

        Raises:
            DataError: the file cannot be read, or holds something else.
        """
        raise DataError(
            f"{path} is no npz, and {spec} cannot be read from other files",
            hint="np.savez(FILE, samples=ARRAY)",
        )

    def adapt(self, spec: SampleSpec, path: Path, samples: Tensor) -> Tensor:
        """Return samples of another tool with the axes and channels of `spec`.

        Raises:
            DataError: their shape is another.
        """
        shape = tuple(samples.shape[1:])
        if shape != spec.shape:
            raise DataError(
                f"{path} holds samples of shape {shape}, the reference {spec.shape}: the two must "
                "be alike",
                hint=f"make samples of shape {spec.shape}; resizing them would be a part of the "
                "model",
            )
        return samples

    def require_alike(self, path: Path, samples: Tensor, reference: Tensor) -> None:
        """Refuse samples that have the reference's shape and yet are another kind of data.

        Raises:
            DataError: such as grey pictures against colour ones.
        """

    save_as: ClassVar[str | None] = None
    """What to save in place of samples of the wrong dtype, in words; None: the dtype."""


def write_npz(path: Path, samples: Tensor) -> None:
    """Write samples as the array ``samples`` of a compressed npz file."""
    import numpy as np

    with path.open("wb") as file:
        np.savez_compressed(file, samples=samples.numpy())
