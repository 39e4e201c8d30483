"""The contract of a kind of data: `SampleSpec` describes a sample, `Modality` its kind.

They share a file because each needs the other: a spec looks up its modality, and the methods of a
modality take a spec. A plugin subclasses `Modality`.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from ganzoo.errors import GROUP, DataError, PluginError, raised_at

if TYPE_CHECKING:
    import torch
    from torch import Tensor

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
    plain_extractors: ClassVar[tuple[str, ...]] = ()
    """Extractors that need no download, advised for data that `extractor` cannot score."""

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

    def finite(self, spec: SampleSpec, stored: Tensor) -> Tensor:
        """Return which samples of a stored batch hold only finite values, bool (B,)."""
        return stored.flatten(1).isfinite().all(1)

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
            raise DataError(
                f"the extractor takes samples of shape {input_shape}, not {shape}",
                hint="ganzoo list extractors",
            )
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

    def preview_together(
        self, spec: SampleSpec, samples: Tensor, conditions: Tensor, real: Tensor
    ) -> dict[str, bytes] | None:
        """Return files that show samples beside their conditions and the real samples, row by row.

        None, the default: they cannot be in one picture, and each has its own `preview`.
        """
        return None

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
                what = f"modality {spec.modality!r} neither writes nor previews {suffix} files"
                hint = f"ganzoo conformance {spec.modality} --kind modality"
                raise DataError(what, hint=hint)
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
            f"{path} is not an npz, and {spec} cannot be read from other files",
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

    def check_files(self, path: Path) -> None:
        """Refuse files of samples whose format a score would see, before they are read.

        Raises:
            DataError: such as pictures that were compressed in two ways.
        """

    def require_alike(self, path: Path, samples: Tensor, reference: Tensor) -> None:
        """Refuse samples that have the reference's shape and yet are another kind of data.

        Raises:
            DataError: such as grey pictures against colour ones.
        """

    def file_note(self, path: Path, reference: Path | None) -> str | None:
        """Return what a score of the samples in `path` should say about their files, or None.

        Args:
            reference: files of the real samples, if the reference has any.
        """
        return None

    save_as: ClassVar[str | None] = None
    """What to save in place of samples of the wrong dtype, in words; None: the dtype."""


def write_npz(path: Path, samples: Tensor) -> None:
    """Write samples as the array ``samples`` of a compressed npz file."""
    import numpy as np

    with path.open("wb") as file:
        np.savez_compressed(file, samples=samples.numpy())


# --- what one sample is ---------------------------------------------------------------------------

COLUMN_KINDS = ("float", "integer", "boolean", "datetime", "category")


class Column(NamedTuple):
    """One column of a table.

    `kind` is a word of `COLUMN_KINDS`. A category is stored as its index in `categories`, a
    boolean as 0 or 1, a datetime as seconds since 1970 (UTC), a missing value as NaN. What comes
    after `categories` describes numbers and datetimes: it is fitted to the training split.
    """

    name: str
    kind: str = "float"
    categories: tuple[str, ...] = ()
    missing: bool = False
    """Whether a value may be missing."""
    modes: tuple[tuple[float, float, float], ...] = ()
    """(weight, mean, standard deviation) of each component of a mixture, of the logarithms where
    there is an `offset`. Without modes, networks see the number as it is."""
    points: tuple[float, ...] = ()
    """Values that many rows share, such as 0."""
    offset: float | None = None
    """Added before the logarithm is taken; None: no logarithm."""
    range: tuple[float, float] | None = None
    """Smallest and largest value."""
    digits: int | None = None
    """Decimals of a float; None: all."""
    pattern: str = ""
    """Format of a datetime in files, as `datetime.strftime` has it, with "%-d", "%-m" and "%-H"
    for one digit; empty: ISO 8601. Of a float "," says that its cells have a decimal comma."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Column:
        """Return the column that `SampleSpec.to_json` described."""
        given = dict(data)
        for name in ("categories", "points", "range"):
            if given.get(name) is not None:
                given[name] = tuple(given[name])
        given["modes"] = tuple(tuple(mode) for mode in given.get("modes", ()))
        return cls(**given)


def _changed(column: Column) -> dict[str, Any]:
    """Return a column as JSON data, without the fields that have their defaults."""
    defaults = Column._field_defaults
    return {
        name: value
        for name, value in column._asdict().items()
        if name not in defaults or value != defaults[name]
    }


@dataclass(frozen=True)
class SampleSpec:
    """What one sample is. The data set declares it; both networks receive the same value.

    A sample has a *stored form* (as the data set gives it, and as files and scores see it) and a
    *model form* (float32, what networks see). `ganzoo.nn.encode` and `decode` convert.

    ========  =============================  ==========================
    modality  stored form                    model form
    ========  =============================  ==========================
    image     uint8 (C, H, W)                float (C, H, W) in [-1, 1]
    video     uint8 (T, C, H, W)             float, the same, in [-1, 1]
    audio     float32 (C, T) in [-1, 1]      the same
    text      int64 (L,)                     one-hot float (L, V)
    table     float64 (D,), one a column     float, by its `columns`
    vector    float32 (D,)                   the same
    ========  =============================  ==========================

    Args:
        modality: a word of the table, or the id of a plugin's modality (``acme/points``).
        shape: shape of one sample in stored form, without a batch axis.
        classes: number of labels; 0 if the data has none.
        vocabulary: number of tokens V (text).
        sample_rate: hertz (audio); None for a time series that is not sound.
        frame_rate: frames a second (video).
        class_names: the name of each class, or nothing.
        columns: what each value of a row is (table).
        condition: what G and D get as ``y`` with each sample, if that is not a class: an image, a
            vector, text. It has no classes and no condition of its own, and excludes `classes`.
        tokens: the text of each token, or nothing: then samples are written as numbers (text).
            An empty token ends a line that is shorter than L; U+FFFD stands for whatever is not in
            the vocabulary.
        separator: between two tokens of a line: nothing (characters) or a space (words); between
            the cells of a csv file of a table, where nothing stands for a comma.

    Raises:
        ValueError: an unknown modality, a shape of the wrong rank, a size below 1, or a condition
            that cannot be one.
    """

    modality: str
    shape: Shape
    classes: int = 0
    vocabulary: int | None = None
    sample_rate: int | None = None
    frame_rate: float | None = None
    class_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    condition: SampleSpec | None = None
    tokens: tuple[str, ...] = ()
    separator: str = ""

    def __post_init__(self) -> None:
        kind = modality(self.modality)
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))
        object.__setattr__(self, "class_names", tuple(self.class_names))
        object.__setattr__(self, "tokens", tuple(self.tokens))
        columns = tuple(Column(*each) for each in self.columns)
        object.__setattr__(self, "columns", columns)
        if len(self.shape) != kind.axes or min(self.shape) < 1:
            raise ValueError(
                f"{self.modality} samples have {kind.axes} axes, not shape {self.shape}"
            )
        if self.class_names and len(self.class_names) != self.classes:
            raise ValueError(f"{len(self.class_names)} class names for {self.classes} classes")
        if self.condition is not None:
            self._check_condition(self.condition)
        kind.check(self)

    def _check_condition(self, condition: Any) -> None:
        if not isinstance(condition, SampleSpec):
            raise ValueError(f"a condition is a SampleSpec, not a {type(condition).__name__}")
        if self.classes:
            raise ValueError("a sample has classes or a condition, not both")
        if condition.classes or condition.condition:
            raise ValueError(f"a condition has no classes and no condition of its own: {condition}")

    @property
    def kind(self) -> Modality:
        """The modality itself, which knows how to encode, draw, write and read such samples."""
        return modality(self.modality)

    @property
    def stored_dtype(self) -> str:
        """Name of the torch dtype of the stored form, such as ``uint8``."""
        return self.kind.stored_dtype

    @cached_property
    def model_shape(self) -> Shape:
        """Shape of one sample in model form: the stored shape, or (L, V) for text."""
        return self.kind.model_shape(self)

    @property
    def channels(self) -> int:
        """C of an image or a video frame."""
        return self.shape[-3]

    @property
    def height(self) -> int:
        """H of an image or a video frame, in pixels."""
        return self.shape[-2]

    @property
    def width(self) -> int:
        """W of an image or a video frame, in pixels."""
        return self.shape[-1]

    @property
    def size(self) -> int:
        """Number of values in one sample in model form."""
        return math.prod(self.model_shape)

    def to_json(self) -> dict[str, Any]:
        """Return the spec as JSON data; fields that have their defaults are left out."""
        found = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value != each.default:
                found[each.name] = list(value) if isinstance(value, tuple) else value
        if self.columns:
            found["columns"] = [_changed(each) for each in self.columns]
        if self.condition:
            found["condition"] = self.condition.to_json()
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SampleSpec:
        """Return the spec that `to_json` described.

        Raises:
            ValueError: the data is no spec, or its modality is not installed.
        """
        try:
            columns = tuple(map(Column.from_json, data.get("columns", ())))
            given = data.get("condition")
            condition = None if given is None else cls.from_json(given)
            made = {"shape": tuple(data["shape"]), "columns": columns, "condition": condition}
            return cls(**{**data, **made})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not the description of a sample: {error}") from error

    def __str__(self) -> str:
        more = f", {self.classes} classes" if self.classes else ""
        more += f", condition {self.condition}" if self.condition else ""
        return f"{self.modality} {'x'.join(map(str, self.shape))}{more}"


# --- finding a modality by its name ---------------------------------------------------------------

MODALITIES = ("image", "video", "audio", "text", "table", "vector")
"""The modalities of ganzoo itself. Those of plugins have ids, such as ``acme/points``."""

STORED_DTYPES = ("uint8", "int64", "float32", "float64")
"""Torch dtypes that a stored form may have."""

_TARGETS = {name: f"ganzoo.modalities.{name}:{name.title()}" for name in MODALITIES}


class BadModality(PluginError, ValueError):
    """A modality that is unknown or not installed, or whose class breaks the contract."""


def modality(name: str) -> Modality:
    """Return the modality of that name.

    Raises:
        BadModality: it is unknown, its plugin is not installed, or its class is wrong.
    """
    if name not in _TARGETS and "/" in name:
        _ask_plugin(name)
    if name not in _TARGETS:
        near = get_close_matches(name, _TARGETS, n=1)
        what = (
            f" - did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(_TARGETS))}"
        )
        raise BadModality(f"no modality {name!r}{what}", hint="ganzoo list modalities")
    return _made(name, _TARGETS[name])


def register_modality(name: str, target: str) -> None:
    """Make a plugin's modality known by its id; `target` is ``package.module:Class``."""
    _TARGETS[name] = target


@cache
def _made(name: str, target: str) -> Modality:
    module, _, attribute = target.partition(":")
    hint = f"ganzoo info {name}"
    try:
        made = getattr(import_module(module), attribute)()
    except Exception as error:
        what = f"{type(error).__name__}: {error}{raised_at(error)}"
        raise BadModality(
            f"modality {name!r} ({target}) cannot be made: {what}", hint=hint
        ) from error
    if wrong := what_is_wrong(made):
        raise BadModality(f"modality {name!r} ({_place(type(made))}) {wrong}", hint=hint)
    return cast("Modality", made)


def what_is_wrong(made: Any) -> str | None:
    """Return what a modality lacks that every modality must have, or None."""
    if not isinstance(made, Modality):
        return f"is a {type(made).__name__}, not a subclass of ganzoo.api.Modality"
    axes = getattr(made, "axes", None)
    if type(axes) is not int or axes < 1:
        return "does not set axes, the number of axes of one stored sample"
    if made.stored_dtype not in STORED_DTYPES:
        return f"has stored_dtype {made.stored_dtype!r}, not one of {', '.join(STORED_DTYPES)}"
    for method in ("specs", "preview"):
        if getattr(type(made), method) is getattr(Modality, method):
            near = get_close_matches(method, vars(type(made)), n=1)
            misspelt = f", but {near[0]}()" if near else ""
            return f"does not define {method}(){misspelt}"
    return None


def _place(cls: type) -> str:
    """Return the file and line of a class."""
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return cls.__module__


def _ask_plugin(wanted: str) -> None:
    """Register the modalities of an installed plugin that no registry has loaded.

    That is so in a worker process, and in code that makes a plugin's data set by hand.

    Raises:
        BadModality: the plugin is not installed, or broken.
    """
    namespace = wanted.partition("/")[0]
    chosen = os.environ.get("GANZOO_PLUGINS")
    if chosen is not None and namespace not in map(str.strip, chosen.split(",")):
        what = f"no modality {wanted!r}: GANZOO_PLUGINS={chosen} leaves out {namespace!r}"
        raise BadModality(what, hint="ganzoo plugins")
    points = entry_points(group=GROUP, name=namespace)
    if not points:
        if namespace == "local":
            what = "it is in a file given with --plugin, whose hooks are called after its classes"
            hint = "--plugin FILE.py; in that file, set self.spec in __init__"
        else:
            what = f"no plugin with the namespace {namespace!r} is installed"
            hint = f"ganzoo plugins; then pip install the distribution that has {namespace!r}"
        raise BadModality(f"no modality {wanted!r}: {what}", hint=hint)

    def register(name: str, target: str, **about: object) -> None:
        register_modality(f"{namespace}/{name}", target)

    for point in points:
        try:
            if hook := getattr(point.load(), "register_modalities", None):
                hook(register)
        except Exception as error:  # whatever a plugin's module may raise
            what = f"{type(error).__name__}: {error}{raised_at(error)}"
            raise BadModality(
                f"plugin {namespace!r} is broken: {what}", hint="ganzoo plugins"
            ) from error
