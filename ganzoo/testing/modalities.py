"""Checks of modalities: what they declare, encode, draw, write and read."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.api import Modality, SampleSpec
from ganzoo.errors import DataError
from ganzoo.modalities import PREVIEW_SUFFIXES, what_is_wrong
from ganzoo.testing.checks import case_check, method_names
from ganzoo.testing.component import Case
from ganzoo.testing.outcomes import Exempt, Failed, expecting
from ganzoo.testing.probes import ROUNDING, require_same, shape

COUNT = 5

METHODS = {
    name: tuple(inspect.signature(method).parameters)[1:]
    for name, method in inspect.getmembers(Modality, inspect.isfunction)
}
"""Name of each method that a modality may override → the names of its arguments."""


def each_spec(case: Case) -> Iterator[tuple[Modality, SampleSpec, Tensor]]:
    """Yield the modality, each of its typical specs, and random samples in stored form."""
    kind: Modality = case.make()
    random = torch.Generator().manual_seed(0)
    for spec in kind.specs():
        yield kind, spec, kind.decode(spec, kind.random(spec, COUNT, random))


@case_check()
def form(case: Case) -> None:
    """It is a `Modality` with a number of axes, a dtype, and typical specs that name it."""
    kind: Any = case.make()
    if wrong := what_is_wrong(kind):
        raise Failed("a complete Modality", f"one that {wrong}", "correct the class")
    with expecting("typical specs", "return at least one SampleSpec from specs()"):
        specs = kind.specs()
    own = case.component.registration
    if not specs or any(spec.modality not in (own.name, own.id) for spec in specs):
        raise Failed(
            f"at least one spec of the modality {own.id}",
            ", ".join(map(str, specs)) or "none",
            f"return SampleSpec({own.id!r}, shape) from specs()",
        )


@case_check("form")
def model_form(case: Case) -> None:
    """Samples become float32 of the model form's shape, in its range, and the same ones again."""
    for kind, spec, stored in each_spec(case):
        if tuple(stored.shape) != (COUNT, *spec.shape) or stored.dtype != _dtype(kind):
            raise Failed(
                f"{kind.stored_dtype} of shape {(COUNT, *spec.shape)} from decode",
                f"{stored.dtype} of shape {shape(stored)}",
                "decode returns the stored form",
            )
        if reason := next(filter(None, (kind.invalid(spec, each) for each in stored)), None):
            raise Failed("valid samples from decode", reason, "let decode clamp and round")
        encoded = kind.encode(spec, stored)
        wanted = (COUNT, *spec.model_shape)
        if tuple(encoded.shape) != wanted or encoded.dtype != torch.float32:
            raise Failed(
                f"float32 of shape {'x'.join(map(str, wanted))} from encode",
                f"{encoded.dtype} of shape {shape(encoded)}",
                "encode returns the form that model_shape says",
            )
        if kind.value_range is not None:
            low, high = kind.value_range
            slack = ROUNDING * (high - low)
            if encoded.min() < low - slack or encoded.max() > high + slack:
                got = f"values from {encoded.min():.3g} to {encoded.max():.3g}"
                raise Failed(f"values in [{low}, {high}]", got, "correct encode or value_range")
        again, tolerance = kind.decode(spec, encoded), ROUNDING * stored.is_floating_point()
        expected, advice = "decode(encode(samples)) to be the samples", "make them inverse"
        require_same({"samples": stored}, {"samples": again}, expected, advice, tolerance)


@case_check("form")
def spec_round_trip(case: Case) -> None:
    """A spec, written as JSON and read again, is the same."""
    for _, spec, _ in each_spec(case):
        if SampleSpec.from_json(spec.to_json()) != spec:
            raise Failed("the same spec", str(spec.to_json()), "keep fields to JSON values")


@case_check("model-form")
def mirrors_twice(case: Case) -> None:
    """Where samples can be mirrored, a second time gives the sample again."""
    advice = "mirror along one axis"
    for kind, spec, stored in each_spec(case):
        if not kind.can_mirror:
            raise Exempt("samples cannot be mirrored")
        encoded = kind.encode(spec, stored)
        twice = {"samples": kind.mirror(kind.mirror(encoded))}
        require_same({"samples": encoded}, twice, "the samples again", advice, ROUNDING)


@case_check("model-form")
def statistics(case: Case) -> None:
    """The collapse monitor gets finite features (N, D), and a share of extreme values or None."""
    for kind, spec, stored in each_spec(case):
        found = kind.features(spec, stored)
        if found.dim() != 2 or len(found) != COUNT or not found.isfinite().all():
            raise Failed(f"finite features of shape {COUNT}xD", shape(found), "flatten the rest")
        share = kind.saturated(stored)
        if share is not None and not 0 <= share <= 1:
            raise Failed("a share from 0 to 1, or None", repr(share), "correct saturated")


@case_check("model-form")
def previews(case: Case) -> None:
    """A preview is files that a page can show, whether or not real samples are given."""
    for kind, spec, stored in each_spec(case):
        for real in (None, stored.flip(0)):
            with expecting("a preview", "return {'.png': bytes, …} from preview"):
                files = kind.preview(spec, stored, real)
            if not files:
                raise Failed("at least one file", "none", "return {'.png': bytes}")
            for ending, content in files.items():
                _check_preview(ending, content)


def _check_preview(ending: str, content: bytes) -> None:
    suffix = Path(f"x{ending}").suffix
    if suffix not in PREVIEW_SUFFIXES or "/" in ending or ending[0] not in ".-":
        raise Failed(
            f"endings such as -0.wav, with a suffix of {', '.join(PREVIEW_SUFFIXES)}",
            repr(ending),
            "draw it as a picture if a page cannot show it",
        )
    if not isinstance(content, bytes) or not content:
        raise Failed(f"bytes for {ending}", repr(content)[:40], "return the file's content")
    if suffix in (".png", ".gif", ".webp"):
        with expecting(f"a picture in {ending}", "write it with Pillow into a BytesIO"):
            Image.open(BytesIO(content)).verify()
    elif suffix in (".txt", ".csv"):
        with expecting(f"UTF-8 in {ending}", "encode the text"):
            content.decode("utf-8")


@case_check("model-form")
def files(case: Case) -> None:
    """Every format that it offers is written; samples in an npz are the same when read again."""
    for kind, spec, stored in each_spec(case):
        formats = kind.formats(spec)
        if not formats or any(each[:1] != "." or each != each.lower() for each in formats):
            raise Failed("suffixes such as .npz", repr(formats), "correct formats")
        with TemporaryDirectory() as folder:
            for suffix in formats:
                path = Path(folder) / f"samples{suffix}"
                with expecting(f"a file {path.name}", "write every suffix that formats names"):
                    kind.write(spec, path, stored)
                    written = path.stat().st_size
                if not written:
                    raise Failed(f"samples in {path.name}", "an empty file", "correct write")
                if suffix == ".npz":
                    with np.load(path, allow_pickle=False) as held:
                        back = torch.from_numpy(held["samples"])
                    same = back.dtype == stored.dtype and torch.allclose(
                        back,
                        stored,
                        rtol=0,
                        atol=0,
                        equal_nan=True,  # NaN: missing in a table
                    )
                    if not same:
                        raise Failed("the samples as `samples`", "others", "use write_npz")
                else:
                    _check_reading(kind, spec, path, stored)


def _check_reading(kind: Modality, spec: SampleSpec, path: Path, stored: Tensor) -> None:
    """Require that a file is read and adapted to samples, or refused by a DataError."""
    try:
        found = kind.adapt(spec, path, kind.read(spec, path, _no_dataset))
    except (DataError, NotImplementedError):
        return
    if tuple(found.shape[1:]) != spec.shape or found.dtype != _dtype(kind):
        raise Failed(
            f"stored samples out of {path.name}", f"{found.dtype} {shape(found)}", "correct read"
        )


def _no_dataset(name: str, parameters: Any) -> Tensor:
    raise DataError(f"no data set {name} here")


@case_check("model-form")
def one_sample_a_file(case: Case) -> None:
    """Where a folder can hold one sample a file, each sample is written."""
    for kind, spec, stored in each_spec(case):
        suffix = kind.sample_suffix(spec)
        if suffix is None:
            raise Exempt("has no files of one sample")
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"000000{suffix}"
            with expecting(f"a file {path.name}", "write one sample in write_sample"):
                kind.write_sample(spec, path, stored[0])
                path.stat()


def _dtype(kind: Modality) -> torch.dtype:
    found: torch.dtype = getattr(torch, kind.stored_dtype)
    return found


MODALITY = (
    form,
    method_names(METHODS, "form"),
    model_form,
    spec_round_trip,
    mirrors_twice,
    statistics,
    previews,
    files,
    one_sample_a_file,
)
