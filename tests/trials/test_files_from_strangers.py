"""Files that anyone may have made: damaged, lying about their size, or no files at all."""

import io
import json
import os
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image
from safetensors.torch import save_file
from torch import nn

import ganzoo.sampling.npz
from ganzoo import untrusted
from ganzoo.api import SampleSpec
from ganzoo.cli import main
from ganzoo.components.weights import read_network
from ganzoo.errors import CheckpointError, DataError, RecipeError
from ganzoo.recipes.yaml import load_document
from ganzoo.registry.registry import Registry
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.samples import read_sample_spec
from ganzoo.runs.score import Score
from ganzoo.sampling.files import read_labels, read_samples
from ganzoo.sampling.npz import npz_array
from ganzoo.training.checkpointing import load_state
from ganzoo.training.npz_references import statistics_in

COLOUR = SampleSpec("image", (3, 8, 8), classes=3)


def pictures(count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)


def npy(array: np.ndarray, header: bytes | None = None) -> bytes:
    """Return an array as npy, under its own header or another text in its place."""
    stream = io.BytesIO()
    np.save(stream, array)
    content = stream.getvalue()
    if header is None:
        return content
    size = 10 + int.from_bytes(content[8:10], "little")
    return content[:8] + struct.pack("<H", len(header)) + header + content[size:]


def zipped(path: Path, members: list[tuple[str, bytes]], packed: bool = False) -> Path:
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def read(path: Path) -> torch.Tensor:
    return read_samples(path, COLOUR, Registry())


# --- npz ---

HEADERS = {
    "more values than are there": b"{'descr': '|u1', 'fortran_order': False, 'shape': (10**6,), }",
    "a terabyte": b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,), }\n",
    "below zero": b"{'descr': '|u1', 'fortran_order': False, 'shape': (-4, 3, 8, 8), }\n",
    "no type": b"{'descr': 'nonsense', 'fortran_order': False, 'shape': (4, 3, 8, 8), }\n",
    "objects": b"{'descr': '|O', 'fortran_order': False, 'shape': (4, 3, 8, 8), }\n",
    "open brackets": b"(" * 300,
    "nested calls": b"-" * 7000 + b"1",
    "an open text": b"{'descr': '''",
    "nothing": b"",
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_of_an_array_that_is_wrong_is_an_error_that_names_the_member(
    tmp_path: Path, what: str
) -> None:
    members = [("samples.npy", npy(pictures(), HEADERS[what]))]
    with pytest.raises(DataError, match=r"a.npz: samples.npy cannot be read: ") as raised:
        read(zipped(tmp_path / "a.npz", members))
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_an_npz_that_unpacks_to_gibibytes_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path, size = tmp_path / "a.npz", 64 << 20
    zipped(path, [("samples.npy", npy(np.zeros((size // 192, 3, 8, 8), np.uint8)))], packed=True)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(
        DataError, match=r"samples.npy would unpack to more than 100 times its size"
    ):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


def test_a_member_that_denies_its_size_unpacks_to_no_more_than_it_says(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("a.png", bytes(64 << 20))], packed=True)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02") + 24
    raw[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(raw)
    tracemalloc.start()
    assert "CRC" in Folder("train", path=path, size=8).damaged()["a.png"]
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


def test_members_that_lie_in_the_same_bytes_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", [("a.png", os.urandom(5000)), ("b.png", os.urandom(5000))])
    raw = path.read_bytes()
    first = raw.index(b"PK\x01\x02")
    entry = raw[first : raw.index(b"PK\x01\x02", first + 4)]
    count, end = 40, raw.rindex(b"PK\x05\x06")
    tail = bytearray(raw[end:])
    tail[8:12] = struct.pack("<HH", count, count)
    tail[12:16] = struct.pack("<I", count * len(entry))
    path.write_bytes(raw[:first] + entry * count + tail)
    with pytest.raises(DataError, match="its members are larger than the file"):
        Folder("train", path=path, size=8)


def test_an_array_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    content = npy(pictures())
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(tmp_path / "a.npz", [("samples.npy", content), ("samples.npy", content)])
    with pytest.raises(DataError, match=r"samples.npy is there twice"):
        read(path)


def test_an_array_beyond_the_free_memory_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "a.npz", samples=pictures())
    monkeypatch.setattr(ganzoo.sampling.npz, "available_memory", lambda: 500)
    with pytest.raises(
        DataError, match=r"samples needs 0.0 GiB of memory, and 0.0 GiB are free"
    ) as e:
        read(tmp_path / "a.npz")
    assert (
        e.value.hint == "save it as uint8 with np.savez: without compression it stays in the file"
    )


def test_a_large_uncompressed_array_stays_in_the_file_and_its_checksum_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, samples = tmp_path / "a.npz", pictures(100)
    np.savez(path, labels=np.arange(100), samples=samples)
    monkeypatch.setattr(ganzoo.sampling.npz, "MAPPED_FROM_BYTES", 1000)
    monkeypatch.setattr(ganzoo.sampling.npz, "available_memory", lambda: 900)
    assert not npz_array(path, "samples").flags.owndata
    assert torch.equal(read(path), torch.from_numpy(samples))
    raw = bytearray(path.read_bytes())
    raw[raw.index(samples.tobytes()[:64]) + 7000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match="it does not match its checksum"):
        read(path)


def test_labels_and_statistics_are_read_without_the_other_arrays(tmp_path: Path) -> None:
    bad = npy(pictures(), HEADERS["objects"])
    statistics = [("mu.npy", npy(np.zeros(2))), ("sigma.npy", npy(np.eye(2)))]
    found = statistics_in(
        zipped(tmp_path / "a.npz", [*statistics, ("names.npy", npy(np.array("a")))])
    )
    assert found is not None
    with pytest.raises(DataError, match="holds Python objects"):
        statistics_in(zipped(tmp_path / "b.npz", [*statistics, ("x.npy", bad)]))
    words = npy(np.array(["a", "b", "c", "a"]))
    path = zipped(tmp_path / "c.npz", [("samples.npy", npy(pictures())), ("labels.npy", words)])
    assert len(read(path)) == 4
    with pytest.raises(DataError, match="labels holds no numbers"):
        read_labels(path, COLOUR, 4)


# --- pictures ---


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png() -> bytes:
    """Return the beginning of a picture of 50,000 by 50,000 pixels."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9)))


@pytest.mark.parametrize("side", [50_000, 9_000])
def test_a_picture_of_too_many_pixels_is_refused_by_every_reader(tmp_path: Path, side: int) -> None:
    path = tmp_path / "a.png"
    if side == 50_000:
        path.write_bytes(huge_png())
    else:
        Image.new("1", (side, side)).save(path)
    with pytest.raises(DataError, match="more than 64 megapixels"):
        read(path)
    with pytest.raises(DataError, match="more than 64 megapixels"):
        _ = Folder("train", path=tmp_path, size=8)[0]
    from ganzoo.report.pages.page import preview

    assert preview("a picture", [path]) is None


def test_a_pipe_and_a_directory_in_place_of_a_file_are_errors_and_no_wait(tmp_path: Path) -> None:
    for name in ("a.npz", "a.png", "a.zip", "a.safetensors", "state.pt"):
        for make in (os.mkfifo, os.mkdir):
            path = tmp_path / make.__name__ / name
            path.parent.mkdir(exist_ok=True)
            make(path)
            if name == "a.safetensors":
                with pytest.raises(CheckpointError, match="cannot be read"):
                    read_network(nn.Linear(2, 2), path)
            elif name == "state.pt":
                with pytest.raises(CheckpointError, match="cannot be read"):
                    load_state(path)
            else:
                with pytest.raises(DataError):
                    read(path)


# --- weights ---


@pytest.mark.parametrize("size", [2**63, 10**9, 5, 0])
def test_a_header_of_weights_that_claims_another_size_is_an_error(
    tmp_path: Path, size: int
) -> None:
    path, network = tmp_path / "a.safetensors", nn.Linear(2, 2)
    save_file(dict(network.state_dict()), path)
    path.write_bytes(size.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(CheckpointError, match=r"a.safetensors cannot be read: "):
        read_network(network, path)


def test_a_state_packed_like_a_bomb_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(8_000_000)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with pytest.raises(CheckpointError, match="would unpack to more than 100 times its size"):
        load_state(zipped(tmp_path / "state.pt", members, packed=True))


# --- JSON, YAML and text ---

NO_JSON = {
    "is nested too deeply": b"[" * 100_000 + b"]" * 100_000,
    "is nested too": b'{"a": ' * 40 + b"1" + b"}" * 40,
    "number that is too large": b'{"a": ' + b"9" * 5000 + b"}",
    "too large": b'{"a": 1e999}',
    "holds NaN": b'{"a": NaN}',
    "holds -Infinity": b'{"a": -Infinity}',
    "gives a key twice": b'{"a": 1, "a": 2}',
    "invalid start byte": b'{"a": "\xff"}',
    "surrogates not allowed": b'{"a": "\\ud800"}',
    "Expecting": b'\0{"a": 1}',
}


@pytest.mark.parametrize("what", NO_JSON)
def test_what_no_strict_json_is_gets_one_kind_of_error(what: str) -> None:
    with pytest.raises(ValueError, match=what):
        untrusted.parse_json(NO_JSON[what])


def test_json_with_a_byte_order_mark_and_names_that_are_not_utf8_is_read() -> None:
    assert untrusted.parse_json(b'\xef\xbb\xbf{"a": "caf\\udce9"}') == {"a": "caf\udce9"}


@pytest.mark.parametrize(
    "content", [*NO_JSON.values(), b"[]", b"", b'{"spec": [], "label_counts": 3}']
)
def test_a_damaged_description_of_samples_names_its_file(tmp_path: Path, content: bytes) -> None:
    run = RunDirectory(tmp_path)
    run.sample_spec_file.write_bytes(content)
    with pytest.raises(DataError, match=r"sample_spec.json is damaged"):
        read_sample_spec(run)


def test_labels_of_pictures_that_no_memory_has_room_for_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": [["a.png", 10**9]]}))
    with pytest.raises(DataError, match=r"dataset.json: the label of a.png is not a whole number"):
        Folder("train", path=tmp_path)


def test_a_yaml_of_aliases_of_aliases_is_refused() -> None:
    lines = ["a: &a [x, x]"] + [
        f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdef", "bcdefg", strict=True)
    ]
    with pytest.raises(RecipeError, match="anchors are not part of recipes"):
        load_document("\n".join(lines), "a.yaml")


RECORD: dict[str, Any] = {
    "value": 1.0,
    "time": "2026-01-02T03:04:05+00:00",
    "protocol": {
        **dict.fromkeys(("extractor", "layer", "input_rule", "extractor_dtype"), "a"),
        "extractor_revision": 1, "weights_sha256": None, "n_fake": 10, "reference": "a/b",
        "reference_sha256": "0",
        "split": "test", "n_real": 10,
    },
}  # fmt: skip


@pytest.mark.parametrize("key", ["n_fake", "reference", "split"])
def test_a_protocol_whose_fields_have_other_types_is_damage(key: str) -> None:
    with pytest.raises(ValueError, match="a protocol needs "):
        Score.from_dict({**RECORD, "protocol": {}})
    with pytest.raises(ValueError, match=f"gives {key} as "):
        Score.from_dict({**RECORD, "protocol": {**RECORD["protocol"], key: 1.5}})


SOUND = SampleSpec("audio", (1, 64), sample_rate=8000)
POINTS = SampleSpec("vector", (2,))

DAMAGED: dict[str, tuple[SampleSpec, bytes]] = {
    "a.wav": (SOUND, b"RIFF\x24\0\0\0WAVEfmt \xff\xff\xff\xff"),
    "empty.csv": (POINTS, b""),
    "heading.csv": (POINTS, b"x0,x1\n"),
    "nul.csv": (POINTS, b"1,2\n\0\n"),
    "long.csv": (POINTS, b"1," + b"2" * 200_000),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_of_another_kind_of_data_is_an_error_of_one_line(
    tmp_path: Path, name: str
) -> None:
    spec, content = DAMAGED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name) as raised:
        read_samples(tmp_path / name, spec, Registry())
    assert "\n" not in raised.value.message


def test_a_file_that_is_replaced_by_a_shorter_one_while_it_is_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, samples=pictures(100))
    whole: Callable[..., Any] = ganzoo.sampling.npz.npz_headers

    def then_cut(path: Path) -> Any:
        found = whole(path)
        os.truncate(path, 3000)
        return found

    monkeypatch.setattr(ganzoo.sampling.npz, "npz_headers", then_cut)
    with pytest.raises(DataError, match=r"a.npz is not an npz file, or the end of it is missing"):
        npz_array(path, "samples")


@pytest.mark.parametrize("name", ["scores.jsonl", "events.jsonl", "metrics.jsonl", "owner.json"])
def test_hostile_records_end_no_command(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    run = RunDirectory.create(tmp_path, "a", 1)
    for content in NO_JSON.values():
        (run.path / name).write_bytes(content)
        for words in (["ls"], ["compare"]):
            assert main([*words, "--runs-dir", str(tmp_path)]) in (0, 2)
            assert "Traceback" not in capfd.readouterr().err
