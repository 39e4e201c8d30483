"""Records: strict JSON, one per line, even if the writing process was killed."""

import json
import math
import os
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganzoo.runs import records

KEYS = st.text().filter(lambda key: key not in {records.CHECKSUM, *records.TYPES})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def strict(text: bytes) -> object:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=4), cut=st.integers())
def test_all_complete_records_are_read_back(
    tmp_path: Path, rows: list[dict[str, object]], cut: int
) -> None:
    path = tmp_path / "ü 空 'x.jsonl"
    path.unlink(missing_ok=True)
    for row in rows:
        records.append(path, row)
    expected = [records.plain(row) for row in rows]
    assert records.read(path).whole == expected
    if not rows:
        return
    assert all(strict(line) is not None for line in path.read_bytes().splitlines() if line)
    last = len(records.to_json(rows[-1]))
    path.write_bytes(path.read_bytes()[: -1 - 1 - cut % last])
    assert records.read(path).whole == expected[:-1]
    records.append(path, {"after": 1}, durable=True)
    assert records.read(path).whole == [*expected[:-1], {"after": 1}]


def test_a_number_that_is_not_finite_is_written_as_null() -> None:
    text = records.to_json({"d": math.nan, "g": [math.inf, numpy.float32("-inf")], "x": 0.5})
    assert strict(text) == {"d": None, "g": [None, None], "x": 0.5}


def test_scalars_paths_and_sets_become_the_types_of_json() -> None:
    value = {1: numpy.int64(3), "p": Path("a b/ü"), "s": {"b", "a"}, "t": (1, 2)}
    expected = {"1": 3, "p": "a b/ü", "s": ["a", "b"], "t": [1, 2]}
    assert strict(records.to_json(value)) == expected
    with pytest.raises(TypeError, match="cannot hold a type"):
        records.to_json({"x": int})


def test_a_file_name_that_is_not_utf8_can_be_recorded(tmp_path: Path) -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")
    records.append(tmp_path / "r.jsonl", {"name": name})
    assert records.read(tmp_path / "r.jsonl").whole == [{"name": name}]


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert records.canonical_json({"b": [1, None], "a": "ü"}) == '{"a":"\\u00fc","b":[1,null]}'
    assert records.content_hash({"a": 1, "b": 2}) == records.content_hash({"b": 2, "a": 1})


def test_the_last_attempt_at_a_step_counts() -> None:
    rows = [
        {"step": 10, "attempt": 1, "loss": 1.0},
        {"step": 20, "attempt": 1, "loss": 2.0},
        {"step": 30, "attempt": 1, "loss": 3.0},
        {"step": 20, "attempt": 2, "loss": 2.5},
        {"step": 20, "attempt": 2, "loss": 2.6},
        {"step": 20, "attempt": 1, "loss": 9.9},
        {"note": "no step"},
    ]
    kept = [(row["step"], row["loss"]) for row in records.last_attempts(rows)]
    assert kept == [(10, 1.0), (20, 2.6), (30, 3.0)]


def test_a_missing_file_has_no_records(tmp_path: Path) -> None:
    assert records.read(tmp_path / "none.jsonl") == ([], [])


DAMAGE = {
    "is nested too deeply": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "holds a number that is too large": '{"value": ' + "9" * 400 + "}",
    "a number that is too large": '{"value": ' + "9" * 5000 + "}",
    "holds NaN": '{"value": NaN}',
    "gives a key twice": '{"value": 1, "value": 2}',
    "time without its zone": '{"time": "2026-01-02T03:04:05"}',
    "is not a mapping": "[1, 2]",
    "gives step as str": '{"step": "last"}',
    "gives attempt as bool": '{"attempt": true}',
    "is incomplete": '{"step": 1',
    "codec can't decode": '{"event": "\xff"}',
}


@pytest.mark.parametrize("said", DAMAGE)
def test_a_damaged_line_is_named_and_the_others_are_read(tmp_path: Path, said: str) -> None:
    path = tmp_path / "events.jsonl"
    records.append(path, {"event": "started"}, durable=True)
    with path.open("ab") as file:
        file.write(DAMAGE[said].encode("latin-1") + b"\n")
    records.append(path, {"event": "finished"}, durable=True)
    found = records.read(path, durable=True)
    assert [each["event"] for each in found.whole] == ["started", "finished"]
    assert len(found.damaged) == 1
    assert found.damaged[0].startswith("events.jsonl:2 ")
    assert said in found.damaged[0]


def test_a_changed_digit_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    records.append(path, {"value": 36.67}, durable=True)
    path.write_bytes(path.read_bytes().replace(b"36.67", b"16.67"))
    found = ["scores.jsonl:1 does not match its checksum"]
    assert records.read(path, durable=True) == ([], found)


def test_a_pipe_in_place_of_a_file_is_damage_and_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "events.jsonl")
    found = records.read(tmp_path / "events.jsonl", durable=True)
    assert found == ([], ["events.jsonl cannot be read: is not a regular file"])
