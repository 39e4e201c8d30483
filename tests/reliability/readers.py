"""The readers that `fuzz` tries: for each format whole files, and the call that reads one."""

import io
import json
import tarfile
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from ganzoo_zoo.datasets import cifar10
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image, PngImagePlugin
from safetensors.torch import save
from torch import nn

from ganzoo.api import Column, SampleSpec
from ganzoo.components.weights import read_network
from ganzoo.errors import GanzooError
from ganzoo.moments import Moments
from ganzoo.recipes import Recipe
from ganzoo.recipes.load import shipped_directory
from ganzoo.registry.registry import Registry
from ganzoo.report.compare import compare
from ganzoo.report.entries import list_run, read_entry
from ganzoo.report.pages.page import preview
from ganzoo.report.pages.run import run_page
from ganzoo.runs import records
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.manifest import MANIFEST, looks_whole, verify
from ganzoo.runs.owner import owner_of
from ganzoo.runs.samples import read_sample_spec
from ganzoo.runs.score import Protocol, Sampling, Score, Statistics
from ganzoo.sampling.files import read_labels, read_samples
from ganzoo.training.checkpointing import load_state
from ganzoo.training.npz_references import statistics_in

COLOUR = SampleSpec("image", (3, 8, 8), classes=3)
SOUND = SampleSpec("audio", (1, 64), sample_rate=8000)
CLIP = SampleSpec("video", (3, 3, 8, 8))
WORDS = SampleSpec("text", (5,), vocabulary=20)
LINES = SampleSpec("text", (5,), vocabulary=5, tokens=("", "a", "b", "\u2b50", "\ufffd"))
POINTS = SampleSpec("vector", (2,))
ROWS = SampleSpec(
    "table",
    (4,),
    columns=(
        Column("height"),
        Column("age", "integer"),
        Column("born", "datetime"),
        Column("colour", "category", ("red", "green")),
    ),
)


class Format(NamedTuple):
    """A kind of file: where it lies in a folder, whole examples, and its readers."""

    file: str
    kind: str
    """What it encloses: a key of `mutations.WITHIN`, or ``bytes``."""
    examples: Callable[[], tuple[bytes, ...]]
    read: Callable[[Path], object]
    weight: int
    """Its share of the cases."""
    prepare: Callable[[Path], object] = lambda folder: None
    """Make what the reader needs beside the file."""


# --- examples ---


def colours(seed: int = 0, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape or (8, 8, 3), dtype=np.uint8)


def encoded(form: str, levels: np.ndarray, **how: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, form, **how)
    return stream.getvalue()


def pngs() -> tuple[bytes, ...]:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("a", "b", zip=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(colours()).convert("P").save(stream, "PNG", transparency=1)
    return (
        encoded("PNG", colours()),
        encoded("PNG", colours(1, 8, 8), pnginfo=texts, exif=exif),
        encoded("PNG", colours(2, 8, 8).astype(np.uint16) * 200),
        encoded("PNG", colours(3, 8, 8, 4)),
        stream.getvalue(),
    )


def jpegs() -> tuple[bytes, ...]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    return (
        encoded("JPEG", colours()),
        encoded("JPEG", colours(1), progressive=True, exif=exif),
        encoded("JPEG", colours(2, 8, 8)),
        encoded("MPO", colours(), save_all=True, append_images=[Image.fromarray(colours(4))]),
    )


def webps() -> tuple[bytes, ...]:
    more = [Image.fromarray(colours(seed)) for seed in (4, 5)]
    return (
        encoded("WEBP", colours()),
        encoded("WEBP", colours(1), lossless=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
        encoded("WEBP", colours(2, 8, 8, 4)),
        encoded("WEBP", colours(3), save_all=True, append_images=more, lossless=True),
    )


def tiffs() -> tuple[bytes, ...]:
    ways: tuple[dict[str, Any], ...] = ({}, {"compression": "tiff_lzw"}, {"compression": "jpeg"},
                                        {"compression": "tiff_adobe_deflate"}, {"big_tiff": True},
                                        {"compression": "packbits"})  # fmt: skip
    deep = encoded("TIFF", colours(2, 8, 8).astype(np.uint16) * 200)
    return *(encoded("TIFF", colours(), **way) for way in ways), deep


def other_pictures() -> tuple[bytes, ...]:
    more = [Image.fromarray(colours(seed)) for seed in (4, 5)]
    forms = ("BMP", "PPM", "TGA", "ICO", "PCX", "SGI", "JPEG2000", "QOI", "DDS", "DIB")
    return (
        *(encoded(form, colours(0, 16, 16, 3)) for form in forms),
        encoded("GIF", colours(), save_all=True, append_images=more),
        encoded("AVIF", colours()),
        encoded("ICNS", colours(0, 16, 16, 4)),
    )


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def samples_npz() -> tuple[bytes, ...]:
    packed = io.BytesIO()
    np.savez_compressed(packed, samples=colours(0, 4, 3, 8, 8), labels=np.array([0, 1, 2, 0]))
    return (
        npz(samples=colours(0, 4, 3, 8, 8), labels=np.array([0, 1, 2, 0], np.int32)),
        packed.getvalue(),
        npz(arr_0=colours(1, 4, 8, 8, 3)),
        npz(samples=np.asfortranarray(colours(2, 4, 3, 8, 8)), names=np.array(["a", "b"])),
        npz(samples=np.ones((4, 3, 8, 8), ">f4")),
    )


def statistics_npz() -> tuple[bytes, ...]:
    features = np.random.default_rng(0).normal(size=(20, 4))
    mu, sigma = features.mean(0), np.cov(features, rowvar=False)
    return npz(mu=mu, sigma=sigma), npz(
        mu=mu.astype("f4"), sigma=sigma.astype(">f8"), n=np.array(20)
    )


def zips() -> tuple[bytes, ...]:
    found = []
    labels = json.dumps({"labels": [["a/0.png", 0], ["b/1.png", 1]]}).encode()
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for also in ({}, {"dataset.json": labels}):
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w", method) as archive:
                for name, data in {"a/0.png": pngs()[0], "b/1.png": jpegs()[0], **also}.items():
                    archive.writestr(name, data)
            found.append(stream.getvalue())
    return tuple(found)


def weights() -> tuple[bytes, ...]:
    state = {name: value.contiguous() for name, value in network().state_dict().items()}
    return save(state), save(state, {"format": "pt"})


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))


def moments() -> tuple[bytes, ...]:
    about = {"format": "1", "n": "20", "sha256": "0" * 64}
    return (save({"mean": torch.zeros(4), "covariance": torch.eye(4)}, about),)


def states() -> tuple[bytes, ...]:
    stream = io.BytesIO()
    state = {"step": 3, "players": {"generator": {"optimizer": {"state": {0: torch.ones(3)}}}}}
    torch.save(state, stream)
    return (stream.getvalue(),)


@cache
def protocol() -> Protocol:
    words = {name: "a" for name in Protocol.__dataclass_fields__}
    return Protocol(**{**words, "n_real": 100, "n_fake": 200, "reference": "zoo/digits"})


def score_lines() -> tuple[bytes, ...]:
    scores = [
        Score(
            value=3.5 - 0.1 * step,
            protocol=protocol(),
            time="2026-01-02T03:04:05+00:00",
            sampling=Sampling("ema", step, 10 * step, selected, 1, parameters={"truncation": 0.7}),
            metrics={"kid": 0.1},
            statistics=Statistics(1.0, 2.0, 0.5, 0.1),
            env={"device": "cpu"},
            notes=("a note",),
        )
        for step, selected in ((3, "during"), (6, "final"))
    ]
    return (b"\n".join(records.to_json(records.sealed(each.to_dict())) for each in scores),)


def lines(*found: dict[str, Any], durable: bool = False) -> tuple[bytes, ...]:
    when = {"time": "2026-01-02T03:04:05+00:00", "attempt": 1}
    made = [records.sealed(when | each) if durable else when | each for each in found]
    return (b"\n".join(map(records.to_json, made)),)


EVENTS = ({"event": "started"}, {"event": "saved", "step": 6}, {"event": "finished", "step": 6})
METRICS = tuple({"step": step, "d.real": 0.5, "samples_seen": 8 * step} for step in range(1, 5))
HEALTH = ({"step": 3, "samples_seen": 24, "diversity": 0.9, "saturated": 0.1, "collapsed": False},)
INFO = {"format": 2, "name": "a", "seed": 1, "created": "2026-01-02T03:04:05+00:00", "attempts": 1,
        "device": "cpu", "world_size": 1}  # fmt: skip


@cache
def lock() -> bytes:
    resolved = (shipped_directory() / "digits-mlp-vanilla.yaml").read_bytes()
    return resolved + b"lock:\n  ganzoo: '1'\n  components: {dataset: {id: zoo/digits}}\n"


def recipes() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(shipped_directory().glob("*.yaml"))[:12])


def wavs() -> tuple[bytes, ...]:
    found = []
    for width in (1, 2, 3, 4):
        stream = io.BytesIO()
        with wave.open(stream, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(width)
            file.setframerate(8000)
            file.writeframes(bytes(range(64)) * width)
        found.append(stream.getvalue())
    return tuple(found)


def tars() -> tuple[bytes, ...]:
    found = []
    for mode in ("w", "w:gz"):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as archive:
            info = tarfile.TarInfo("cifar/test_batch.bin")
            info.size = 2 * cifar10.RECORD_BYTES
            archive.addfile(info, io.BytesIO(bytes(info.size)))
        found.append(stream.getvalue())
    return tuple(found)


# --- readers ---


def read_picture(folder: Path) -> None:
    """Read a picture as the only one of a folder: its header, then its pixels."""
    data = Folder("train", path=folder / "pictures", size=8)
    list(data.headers())
    _ = data[0]


def read_file(spec: SampleSpec, name: str, folder: Path) -> None:
    read_samples(folder / name, spec, Registry())


def read_both(spec: SampleSpec, name: str, folder: Path) -> None:
    """Read a picture by both readers, and as the preview of a page."""
    if name.endswith((".png", ".webp")):
        preview("a picture", [folder / name])
    problems = []
    for read in (read_picture, partial(read_file, spec, name)):
        try:
            read(folder)
        except GanzooError as error:
            problems.append(error)
    if problems:
        raise problems[0]


def read_npz(folder: Path) -> None:
    path = folder / "a.npz"
    read_labels(path, COLOUR, len(read_samples(path, COLOUR, Registry())))


def read_zip(folder: Path) -> None:
    data = Folder("train", path=folder / "a.zip", size=8)
    list(data.headers())
    data.tensors()


def read_labelled(folder: Path) -> None:
    Folder("train", path=folder / "pictures", size=8)


def two_pictures(folder: Path) -> None:
    (folder / "pictures" / "a").mkdir(parents=True)
    (folder / "pictures" / "b").mkdir()
    (folder / "pictures" / "a" / "0.png").write_bytes(pngs()[0])
    (folder / "pictures" / "b" / "1.png").write_bytes(pngs()[0])


def read_moments(folder: Path) -> None:
    from ganzoo.scoring.reference import ReferenceCache

    found = ReferenceCache(folder).load("moments", torch.device("cpu"))
    assert found is None or isinstance(found, Moments)


def a_run(folder: Path) -> None:
    """Make a finished run, whose files can then be replaced."""
    run = folder / "runs" / "a-s1-000000"
    (run / "checkpoints").mkdir(parents=True)
    (run / "run.json").write_bytes(records.to_json(INFO))
    (run / "recipe.lock.yaml").write_bytes(lock())
    (run / "scores.jsonl").write_bytes(score_lines()[0])
    (run / "events.jsonl").write_bytes(lines(*EVENTS, durable=True)[0])
    (run / "metrics.jsonl").write_bytes(lines(*METRICS)[0])
    (run / "health.jsonl").write_bytes(lines(*HEALTH)[0])


def read_run(folder: Path) -> None:
    """Read what `ls` reads; for every fourth content also what `report` and `compare` read."""
    run = RunDirectory(folder / "runs" / "a-s1-000000")
    problems: list[GanzooError] = []

    def reading() -> Iterator[Callable[[], object]]:
        yield lambda: list_run(run)
        yield lambda: run.damaged()
        yield lambda: read_sample_spec(run)
        yield lambda: owner_of(run.path)
        yield lambda: read_entry(run)
        if zlib.crc32(b"".join(each.read_bytes() for each in sorted(run.path.glob("*.*")))) % 4:
            return
        yield lambda: run_page(run)
        yield lambda: _shown(compare(None, folder / "runs"))

    for read in reading():
        try:
            read()
        except GanzooError as error:
            problems.append(error)
    if problems:
        raise problems[0]


def _shown(board: Any) -> None:
    board.to_json()
    str(board).encode(errors="surrogateescape")


def read_manifest(folder: Path) -> None:
    checkpoint = folder / "step-00000006"
    looks_whole(checkpoint)
    verify(checkpoint)


def read_recipe(folder: Path) -> None:
    Recipe.load(folder / "a.yaml").resolved()


def read_cifar(folder: Path) -> None:
    cifar10.RECORDS_PER_FILE = 2
    cifar10.Cifar10("test", path=folder / "a.tar.gz").tensors()


def manifests() -> tuple[bytes, ...]:
    told = {"format": 1, "step": 6, "files": {"a": {"bytes": 1, "sha256": "0" * 64}}}
    return (records.to_json(told | {"manifest_sha256": records.content_hash(told)}),)


def specs() -> tuple[bytes, ...]:
    found = ({"spec": each.to_json(), "label_counts": counts} for each, counts in (
        (COLOUR, [1, 2, 3]), (ROWS, None), (CLIP, None),
    ))  # fmt: skip
    return tuple(map(records.to_json, found))


def csvs() -> tuple[bytes, ...]:
    return b"x0,x1\n1.5,2\n-3,4e5\n", b"1,2\n3,4\n5,6\n"


def tables() -> tuple[bytes, ...]:
    return (b"height,age,born,colour\n1.5,2,2020-01-02T03:04:05,red\n2.5,30,1999-12-31,green\n",)


RUN = "runs/a-s1-000000/"

FORMATS: dict[str, Format] = {
    "npz": Format("a.npz", "zip", samples_npz, read_npz, 8),
    "statistics": Format("a.npz", "zip", statistics_npz,
                         lambda folder: statistics_in(folder / "a.npz"), 3),
    "png": Format("pictures/a.png", "png", pngs, partial(read_both, COLOUR, "pictures/a.png"), 5),
    "jpeg": Format("pictures/a.jpg", "bytes", jpegs,
                   partial(read_both, COLOUR, "pictures/a.jpg"), 4),
    "webp": Format("pictures/a.webp", "bytes", webps,
                   partial(read_both, COLOUR, "pictures/a.webp"), 4),
    "tiff": Format("pictures/a.tif", "bytes", tiffs,
                   partial(read_both, COLOUR, "pictures/a.tif"), 4),
    "picture": Format("pictures/a", "bytes", other_pictures, read_picture, 3),
    "zip": Format("a.zip", "zip", zips, read_zip, 4),
    "dataset.json": Format("pictures/dataset.json", "json",
                           lambda: (b'{"labels": [["a/0.png", 0], ["b/1.png", 1]]}',
                                    b'{"labels": null}'),
                           read_labelled, 2, two_pictures),
    "clip": Format("a.webp", "bytes", webps, partial(read_file, CLIP, "a.webp"), 2),
    "wav": Format("a.wav", "bytes", wavs, partial(read_file, SOUND, "a.wav"), 2),
    "vectors": Format("a.csv", "text", csvs, partial(read_file, POINTS, "a.csv"), 1),
    "table": Format("a.csv", "text", tables, partial(read_file, ROWS, "a.csv"), 1),
    "tokens": Format("a.txt", "text", lambda: (b"1 2 3 4 5\n6 7 8 9 10\n",),
                     partial(read_file, WORDS, "a.txt"), 1),
    "token lists": Format("a.jsonl", "records", lambda: (b"[1, 2, 3, 4, 5]\n[6, 7, 8, 9, 1]",),
                          partial(read_file, WORDS, "a.jsonl"), 1),
    "lines": Format("a.txt", "text", lambda: ("\ufeffab\r\n\n\u2b50ba\n".encode(),),
                    partial(read_file, LINES, "a.txt"), 1),
    "lines in JSON": Format("a.jsonl", "records", lambda: (b'"ab"\n{"text": "\\u2b50"}\n',),
                            partial(read_file, LINES, "a.jsonl"), 1),
    "safetensors": Format("a.safetensors", "safetensors", weights,
                          lambda folder: read_network(network(), folder / "a.safetensors"), 6),
    "moments": Format("moments.safetensors", "safetensors", moments, read_moments, 2),
    "state": Format("state.pt", "zip", states, lambda folder: load_state(folder / "state.pt"), 2),
    "tar": Format("a.tar.gz", "bytes", tars, read_cifar, 2),
    "run.json": Format(RUN + "run.json", "json", lambda: (records.to_json(INFO),), read_run, 1,
                       a_run),
    "scores.jsonl": Format(RUN + "scores.jsonl", "records", score_lines, read_run, 2, a_run),
    "events.jsonl": Format(RUN + "events.jsonl", "records",
                           partial(lines, *EVENTS, durable=True), read_run, 1, a_run),
    "metrics.jsonl": Format(RUN + "metrics.jsonl", "records", partial(lines, *METRICS), read_run,
                            1, a_run),
    "health.jsonl": Format(RUN + "health.jsonl", "records", partial(lines, *HEALTH), read_run, 1,
                           a_run),
    "lock": Format(RUN + "recipe.lock.yaml", "text", lambda: (lock(),), read_run, 1, a_run),
    "sample_spec.json": Format(RUN + "sample_spec.json", "json", specs, read_run, 1, a_run),
    "owner.json": Format(RUN + "owner.json", "json",
                         lambda: (b'{"pid": 1, "host": "a", "started": "2026-01-02"}',), read_run,
                         1, a_run),
    "manifest": Format(f"step-00000006/{MANIFEST}", "json", manifests, read_manifest, 2),
    "yaml": Format("a.yaml", "text", recipes, read_recipe, 3),
}  # fmt: skip
"""Format → its readers."""
