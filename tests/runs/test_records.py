"""Records: strict JSON, one per line, even if the writing process was killed."""

import json
import math
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganzoo.runs import records

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
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
@given(rows=st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=4), cut=st.integers())
def test_all_complete_records_are_read_back(
    tmp_path: Path, rows: list[dict[str, object]], cut: int
) -> None:
    path = tmp_path / "ü 空 'x.jsonl"
    path.unlink(missing_ok=True)
    for row in rows:
        records.append(path, row)
    expected = [records.plain(row) for row in rows]
    assert records.read(path) == expected
    if not rows:
        return
    assert all(strict(line) is not None for line in path.read_bytes().splitlines() if line)
    last = len(records.to_json(rows[-1]))
    path.write_bytes(path.read_bytes()[: -1 - 1 - cut % last])
    assert records.read(path) == expected[:-1]
    records.append(path, {"after": 1}, durable=True)
    assert records.read(path) == [*expected[:-1], {"after": 1}]


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
    assert records.read(tmp_path / "r.jsonl") == [{"name": name}]


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
    assert records.read(tmp_path / "none.jsonl") == []
