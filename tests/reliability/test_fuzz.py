"""A sample of the mutated files of `make soak`, and the fuzzer itself."""

import os
from pathlib import Path

import pytest

from ganzoo.errors import DataError

from . import fuzz
from .readers import FORMATS, Format


@pytest.mark.slow
def test_two_thousand_mutated_files_raise_nothing_but_our_own_errors() -> None:
    assert list(fuzz.fuzz(2000, seed=20_000, jobs=2)) == []


def test_a_case_is_decided_by_seed_format_and_number() -> None:
    first = [fuzz.content_of("npz", number, 3) for number in range(20)]
    assert first == [fuzz.content_of("npz", number, 3) for number in range(20)]
    assert first != [fuzz.content_of("npz", number, 4) for number in range(20)]
    assert len(set(first)) > 15


def test_another_error_and_the_end_of_the_process_are_failures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(folder: Path) -> None:
        content = (folder / "a").read_bytes()
        if len(content) % 4 == 1:
            raise KeyError("not ours")
        if len(content) % 4 == 2:
            os._exit(7)
        if len(content) % 4 == 3:
            raise DataError("ours")

    form = Format("a", "bytes", lambda: (b"abcdefgh" * 20,), read, 1)
    monkeypatch.setitem(FORMATS, "a", form)
    monkeypatch.setattr(fuzz.os, "_exit", lambda code: os.kill(os.getpid(), 9))
    found = {failure.what.partition(":")[0] for failure in fuzz.try_format("a", 40, 0)}
    assert {what.partition(" in ")[0] for what in found} == {
        "KeyError",
        "the process ended with -9",
    }
