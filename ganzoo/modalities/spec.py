"""`SampleSpec`: what one sample is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.modalities.lookup import modality

if TYPE_CHECKING:
    from ganzoo.modalities.contract import Modality, Shape

COLUMN_KINDS = ("float", "integer", "boolean", "datetime", "category")


class Column(NamedTuple):
    """One column of a table.

    `kind` is a word of `COLUMN_KINDS`. A category is stored as its index in `categories`, a
    boolean as 0 or 1, a datetime as seconds since 1970 (UTC).
    """

    name: str
    kind: str = "float"
    categories: tuple[str, ...] = ()


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
    table     float64 (D,), one a column     float (D,), the same values
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

    Raises:
        ValueError: an unknown modality, a shape of the wrong rank, or a size below 1.
    """

    modality: str
    shape: Shape
    classes: int = 0
    vocabulary: int | None = None
    sample_rate: int | None = None
    frame_rate: float | None = None
    class_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        kind = modality(self.modality)
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))
        object.__setattr__(self, "class_names", tuple(self.class_names))
        columns = tuple(Column(*each) for each in self.columns)
        object.__setattr__(self, "columns", columns)
        if len(self.shape) != kind.axes or min(self.shape) < 1:
            raise ValueError(
                f"{self.modality} samples have {kind.axes} axes, not shape {self.shape}"
            )
        if self.class_names and len(self.class_names) != self.classes:
            raise ValueError(f"{len(self.class_names)} class names for {self.classes} classes")
        kind.check(self)

    @property
    def kind(self) -> Modality:
        """The modality itself, which knows how to encode, draw, write and read such samples."""
        return modality(self.modality)

    @property
    def stored_dtype(self) -> str:
        """Name of the torch dtype of the stored form, such as ``uint8``."""
        return self.kind.stored_dtype

    @property
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
            found["columns"] = [each._asdict() for each in self.columns]
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SampleSpec:
        """Return the spec that `to_json` described.

        Raises:
            ValueError: the data is no spec, or its modality is not installed.
        """
        try:
            columns = tuple(
                Column(each["name"], each["kind"], tuple(each["categories"]))
                for each in data.get("columns", ())
            )
            return cls(**{**data, "shape": tuple(data["shape"]), "columns": columns})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not the description of a sample: {error}") from error

    def __str__(self) -> str:
        classes = f", {self.classes} classes" if self.classes else ""
        return f"{self.modality} {'x'.join(map(str, self.shape))}{classes}"
