"""A score with its protocol, its sampling, and the environment it was computed in.

Two scores may be ranked together if, and only if, their protocols are equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cache, cached_property, lru_cache
from typing import Any, TypeVar

from ganzoo.runs import html
from ganzoo.runs.records import content_hash, to_json, utc_now

_NAMES = {
    "metric_revision": "revision of the metric",
    "extractor_revision": "revision of the extractor",
    "weights_sha256": "weights of the extractor",
    "input_rule": "input of the extractor",
    "extractor_dtype": "dtype of the extractor",
    "reference_sha256": "content of the reference",
    "extractor_parameters": "parameters of the extractor",
    "extractor_code_sha256": "code of the extractor",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Protocol:
    """Everything that decides what a value means. Values of equal protocols are comparable."""

    extractor: str
    """Full id, such as ``zoo/toy-cnn``."""
    extractor_revision: int
    weights_sha256: str | None
    """None for an extractor without weights."""
    layer: str
    input_rule: str
    """Quantisation, channels, resize and range, in words."""
    extractor_dtype: str
    n_fake: int
    reference: str
    """Full id of the data set."""
    reference_sha256: str
    """Hash of the stored samples, independent of their order."""
    split: str
    n_real: int | None
    """None: unknown, for statistics of another tool."""
    preparation: str = field(default="", compare=False)
    """The data set's parameters, in words. It decides nothing: the content has its hash."""
    metric: str = "frechet"
    metric_revision: int = 1
    extractor_parameters: str = ""
    """Parameters of the extractor that have no default or are not at it, in words."""
    extractor_code_sha256: str | None = None
    """Hash of the code of an extractor without weights; None with weights, which have their own."""
    folder: str = field(default="", compare=False)
    """Name of the folder or file with the data, for a data set that reads any. It decides nothing:
    the content has its hash."""

    @cached_property
    def id(self) -> str:
        """Hash of the protocol, 12 hex digits."""
        return content_hash(self._decisive())[:12]

    @property
    def reference_key(self) -> str:
        """Hash of all fields but `n_fake`, 32 hex digits; key of cached reference statistics."""
        return content_hash(self._decisive("n_fake"))[:32]

    def _decisive(self, *without: str) -> dict[str, Any]:
        """Return the fields that decide a value, without those that later versions have added."""
        added = {"extractor_parameters": "", "extractor_code_sha256": None}
        return {
            part.name: value
            for part in fields(self)
            if part.compare and part.name not in without
            if (value := getattr(self, part.name)) != added.get(part.name, MISSING)
        }

    @property
    def data(self) -> str:
        """The data set's full id, with the folder that it reads: ``zoo/folder:cats``."""
        return ":".join(filter(None, (self.reference, self.folder)))

    @property
    def distance_name(self) -> str:
        """``FID`` for Inception pool3 features only, else ``FD(extractor)``."""
        if (self.extractor, self.layer) == ("zoo/inception", "pool3"):
            return "FID"
        return f"FD({_bare(self.extractor)})"

    @property
    def counts(self) -> str:
        """The numbers of samples: ``599 generated against 599 real``."""
        real = "an unknown number of" if self.n_real is None else f"{self.n_real:,}"
        return f"{self.n_fake:,} generated against {real} real"

    def words(self) -> str:
        """Return the protocol as a short label, such as ``FID 50k · cifar10/train``."""
        thousands, rest = divmod(self.n_fake, 1000)
        count = f"{thousands}k" if thousands and not rest else str(self.n_fake)
        reference = "/".join(filter(None, (_bare(self.data), self.split)))
        return f"{self.distance_name} {count} · {reference}"

    def differences(self, other: Protocol) -> list[str]:
        """Return the fields that differ, this protocol's value first: ``n_fake: 599 / 1000``."""
        return [
            f"{_NAMES.get(part.name, part.name)}: {_short(mine)} / {_short(theirs)}"
            for part in fields(self)
            if part.compare
            and (mine := getattr(self, part.name)) != (theirs := getattr(other, part.name))
        ]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Protocol:
        """Return the protocol of a record; unknown fields are ignored.

        Raises:
            ValueError: a field is missing.
            TypeError: a field holds a list or a mapping.
        """
        return _protocol(tuple(data.items()))


@dataclass(frozen=True)
class Sampling:
    """How the scored samples were drawn. Comparisons separate or mention differences here."""

    weights: str
    """``ema`` or ``raw``."""
    step: int
    """Steps done."""
    samples_seen: int
    selected: str
    """``during``, ``best``, ``final`` or ``asked``: which checkpoint of the run was scored."""
    seed: int
    checkpoint_sha256: str | None = None
    labels: str | None = None
    """Distribution of the labels; None for an unconditional model."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The generator's sampling parameters that were set, such as ``{"truncation": 0.7}``."""
    latent: str | None = None
    """Distribution of z with its parameters, ``acme/truncated(threshold=1.0)``; None: as in
    training."""

    @property
    def parameter_words(self) -> str | None:
        """The sampling parameters that were set, ``truncation=0.7``; None: none was."""
        words = [f"{name}={to_json(each).decode()}" for name, each in self.parameters.items()]
        return ", ".join(sorted(words)) or None

    @property
    def words(self) -> str:
        """The sampling parameters that were set and another law of z, or nothing."""
        law = f"z from {self.latent}" if self.latent else None
        return ", ".join(filter(None, [self.parameter_words, law]))


@dataclass(frozen=True)
class Statistics:
    """Parts and uncertainty of a Fréchet distance, in the units of the distance."""

    mean_term: float
    """Squared distance of the means."""
    covariance_term: float
    """The rest: differences in variance and correlation."""
    expected_real: float | None
    """Expected score of this number of new real samples if the features were Gaussian. It is no
    lower bound. None if the number of the reference's samples is unknown."""
    standard_error: float
    """Standard error over other samples of the same generator against the same reference."""
    debiased: float | None = None
    """Estimate for infinitely many samples; None if there are too few samples to estimate it."""


@dataclass(frozen=True)
class Score:
    """One value under one protocol, with other metrics of the same samples."""

    value: float
    """The Fréchet distance; lower is better."""
    protocol: Protocol
    time: str
    """ISO 8601, UTC."""
    sampling: Sampling | None = None
    """None for samples of other tools."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """NaN if a metric is undefined."""
    statistics: Statistics | None = None
    """None in records of older versions."""
    env: Mapping[str, Any] = field(default_factory=dict)
    """Versions, device, batch size, number of processes: recorded, never compared."""
    notes: tuple[str, ...] = ()
    """Metrics that could not be computed and why, one line each."""

    @property
    def selected(self) -> str | None:
        """Which checkpoint was scored, see `Sampling.selected`; None for samples of other tools."""
        return self.sampling.selected if self.sampling else None

    @property
    def step(self) -> int:
        """Steps done by the generator; 0 for samples of other tools."""
        return self.sampling.step if self.sampling else 0

    @property
    def standard_error(self) -> float | None:
        """Standard error over other samples of one generator; None in records without it."""
        return self.statistics.standard_error if self.statistics else None

    @classmethod
    def now(cls, **parts: Any) -> Score:
        """Return a score with the current time; `parts` are the other fields."""
        return cls(time=utc_now(), **parts)

    def __repr__(self) -> str:
        return f"<Score {', '.join(f'{name} {text}' for name, text in self.facts())}>"

    def _repr_html_(self) -> str:
        return html.table(self.facts())

    def facts(self) -> list[tuple[str, str]]:
        """Return what the score is, as names and words: distance, protocol, step, metrics."""
        error = f" ± {self.statistics.standard_error:.2g}" if self.statistics else ""
        facts = [(self.protocol.distance_name, f"{self.value:.4g}{error}")]
        facts.append(("protocol", f"{self.protocol.words()} ({self.protocol.id})"))
        if self.sampling:
            which = {"asked": ""}.get(self.sampling.selected, f" ({self.sampling.selected})")
            facts.append(("step", f"{self.sampling.step}{which}"))
        facts += [(name, f"{value:.4g}") for name, value in self.metrics.items()]
        return facts + [("note", note) for note in self.notes]

    def to_dict(self) -> dict[str, Any]:
        """Return the score as a record of `scores.jsonl`, including the protocol's id."""
        return asdict(self) | {"protocol_id": self.protocol.id}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Score:
        """Return the score of a record; unknown fields are ignored.

        Raises:
            ValueError: a field is missing, a number is something else, the value is no distance,
                or the protocol's id is not that of the protocol.
        """
        value, sampling = _number(data.get("value"), "value"), data.get("sampling")
        statistics, protocol = data.get("statistics"), data.get("protocol", {})
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"a score needs a finite value, not {value!r}")
        numbers = dict(data.get("metrics", {})).items()
        parts: dict[str, Any] = {
            "value": value,
            "protocol": Protocol.from_dict(protocol),
            "sampling": _from_dict(Sampling, sampling) if sampling else None,
            "metrics": {name: math.nan if v is None else _number(v, name) for name, v in numbers},
            "statistics": _statistics(statistics) if statistics else None,
            "notes": tuple(map(str, data.get("notes", ()))),
        }
        later = protocol.keys() - {part.name for part in fields(Protocol)}
        if not later and data.get("protocol_id", parts["protocol"].id) != parts["protocol"].id:
            raise ValueError(f"protocol_id {data['protocol_id']!r} is not that of the protocol")
        return _from_dict(cls, {**data, **parts})


def _statistics(data: Mapping[str, Any]) -> Statistics:
    """Return the statistics of a record; those of older versions name `expected_real` floor."""
    return _from_dict(
        Statistics, {"expected_real": data["floor"], **data} if "floor" in data else data
    )


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a score needs a finite {name}, not {value!r}")
    return float(value)


@lru_cache(maxsize=256)
def _protocol(items: tuple[tuple[str, Any], ...]) -> Protocol:
    """Return the protocol of these fields. Cached: many records share few protocols."""
    return _from_dict(Protocol, dict(items))


def _from_dict(cls: type[T], data: Mapping[str, Any]) -> T:
    known, needed = _names(cls)  # type: ignore[arg-type]
    if missing := [name for name in needed if name not in data]:
        raise ValueError(f"a {cls.__name__.lower()} needs {', '.join(missing)}")
    for name, kind in known.items():
        types = _TYPES.get(kind)
        if types and name in data and type(data[name]) not in types:
            raise ValueError(f"gives {name} as {type(data[name]).__name__}")
    return cls(**{name: data[name] for name in known if name in data})


_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "str | None": (str, type(None)),
    "int | None": (int, type(None)),
    "float | None": (int, float, type(None)),
    "Mapping[str, Any]": (dict,),
}
"""Annotation of a field → types of its values in a record."""


@cache
def _names(cls: type) -> tuple[dict[str, str], list[str]]:
    """Return a dataclass's fields with their annotations, and the names of the required ones."""
    known = fields(cls)
    needed = [f.name for f in known if f.default is MISSING and f.default_factory is MISSING]
    return {f.name: str(f.type) for f in known}, needed


def _bare(name: str) -> str:
    return name.removeprefix("zoo/")


def _short(value: Any) -> str:
    """Return a value for a line of text; hashes are shortened to eight digits."""
    if value is None or value == "":
        return "none"
    return value[:8] if isinstance(value, str) and len(value) == 64 else str(value)
