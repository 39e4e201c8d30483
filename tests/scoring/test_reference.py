"""The hash of a reference depends only on its content; a damaged cache is not used."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.moments import Moments
from ganzoo.runs.score import Protocol
from ganzoo.scoring.reference import ReferenceCache, content_sha256

PROTOCOL = Protocol(
    extractor="toys/flat",
    extractor_revision=1,
    weights_sha256=None,
    layer="flat",
    input_rule="as stored",
    extractor_dtype="float32",
    n_fake=10,
    reference="toys/points",
    reference_sha256="ab" * 32,
    split="train",
    n_real=40,
)
KEY = PROTOCOL.reference_key
CPU = torch.device("cpu")


def moments() -> Moments:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(40, 3, dtype=torch.float64, generator=generator)
    return Moments(rows.mean(0), rows.T.cov(), 40)


def same(a: Moments | None, b: Moments) -> bool:
    return a is not None and (
        torch.equal(a.mean, b.mean) and torch.equal(a.covariance, b.covariance) and a.n == b.n
    )


def images() -> Tensor:
    return torch.arange(2 * 3 * 4, dtype=torch.uint8).reshape(6, 1, 2, 2)


def test_the_hash_of_a_reference_is_the_recorded_one() -> None:
    expected = "da25ca59777ad26a70d629e4aeb99340cb66d964d5a736234a015af3faae353f"
    assert content_sha256(images()) == expected


def test_the_order_of_samples_does_not_change_their_hash() -> None:
    assert content_sha256(images()) == content_sha256(images().flip(0))
    assert content_sha256(images()) == content_sha256(images()[:, :, :, ::1].contiguous())


@pytest.mark.parametrize(
    "other",
    [
        images()[:5],
        torch.cat([images(), images()[:1]]),
        images().flip(2),
        images().reshape(6, 1, 4, 1),
        images().to(torch.int64),
        images() + (images() == 7),
    ],
)
def test_anything_else_changes_it(other: Tensor) -> None:
    assert content_sha256(other) != content_sha256(images())


def read(cache: ReferenceCache, key: str = KEY) -> Moments | None:
    """What another process finds in the files."""
    return ReferenceCache(cache.directory).load(key, CPU)


def test_moments_are_loaded_bit_for_bit(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path / "a b" / "ü")
    assert read(cache) is None
    cache.save(KEY, moments(), PROTOCOL)
    assert same(read(cache), moments())
    other = replace(PROTOCOL, n_real=41).reference_key
    assert read(cache, other) is None
    assert replace(PROTOCOL, n_fake=11).reference_key == KEY
    assert [path.name for path in cache.directory.glob("*.safetensors")] == [f"{KEY}.safetensors"]


def test_a_file_under_another_name_is_not_used(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path)
    cache.save(KEY, moments(), PROTOCOL)
    (tmp_path / f"{KEY}.safetensors").rename(tmp_path / f"{'0' * 32}.safetensors")
    assert read(cache, "0" * 32) is None


def test_a_factor_of_moments_is_kept_from_one_score_to_the_next(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path)
    saved = moments()
    cache.save(KEY, saved, PROTOCOL)
    assert cache.load(KEY, CPU) is saved
    cache = ReferenceCache(tmp_path)
    first = cache.load(KEY, CPU)
    assert first is not None
    assert cache.load(KEY, CPU) is first
    assert first.factor is first.factor
    assert cache.load("0" * 32, CPU) is None
    assert same(cache.load(KEY, CPU), first)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_ignored(tmp_path: Path, data: st.DataObject) -> None:
    cache = ReferenceCache(tmp_path)
    cache.save(KEY, moments(), PROTOCOL)
    path = tmp_path / f"{KEY}.safetensors"
    harmed = bytearray(path.read_bytes())
    offset = data.draw(st.integers(0, len(harmed) - 1))
    bit = data.draw(st.integers(0, 8))
    if bit == 8:
        del harmed[offset:]
    else:
        harmed[offset] ^= 1 << bit
    path.write_bytes(harmed)
    loaded = read(cache)
    assert loaded is None or same(loaded, moments())
    cache.save(KEY, moments(), PROTOCOL)
    assert same(read(cache), moments())


@pytest.mark.parametrize("content", [b"", b"junk" * 99, b"\x80\x04K\x01."])
def test_a_file_of_another_kind_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{KEY}.safetensors").write_bytes(content)
    assert ReferenceCache(tmp_path).load(KEY, CPU) is None


def test_a_cache_that_cannot_be_written_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = ReferenceCache(tmp_path / "file")
    cache.save(KEY, moments(), PROTOCOL)
    assert read(cache) is None
