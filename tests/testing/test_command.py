"""``ganzoo conformance``: the same checks from a shell."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ganzoo.cli import main

Capture = pytest.CaptureFixture[str]

MINE = """
from ganzoo.api import hookimpl

class Constant:
    def __call__(self, samples_seen):
        return 1.0

class Broken:
    def __call__(self, samples_seen):
        return samples_seen / 0

class Linear:
    def __init__(self, *, end: int):
        self.end = end

    def __call__(self, samples_seen):
        return max(0.0, 1 - samples_seen / self.end)

@hookimpl
def register_schedules(register):
    register("constant", "mine:Constant", summary="1 for ever")
    register("broken", "mine:Broken", summary="never a number")
    register("linear", "mine:Linear", summary="down to 0")
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return f"--plugin={file}"


def test_a_component_that_passes_exits_with_0_and_one_line(mine: str, capsys: Capture) -> None:
    assert main(["conformance", "local/constant", mine]) == 0
    out, err = capsys.readouterr()
    assert out == "schedule local/constant: 10 passed, 1 exempt\n"
    assert err == "conformance: 10 passed, 1 exempt\n"


def test_a_failure_exits_with_2_and_one_message_that_says_how_to_see_the_traceback(
    mine: str, capsys: Capture
) -> None:
    assert main(["conformance", "local/broken", mine]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == [
        "schedule local/broken: 8 passed, 1 FAILED, 1 not checked, 1 exempt",
        "  schedule local/broken: values: defaults: expected no error, got ZeroDivisionError:"
        " division by zero (mine.py:10); the error is the component's own",
    ]
    assert err == (
        "conformance: 8 passed, 1 FAILED, 1 not checked, 1 exempt\n"
        "try: ganzoo conformance local/broken --kind schedule --traceback\n"
    )
    assert main(["conformance", "local/broken", mine, "--traceback"]) == 2
    assert "return samples_seen / 0" in capsys.readouterr().err


def test_a_component_that_cannot_be_checked_says_why_and_how_to_check_it(
    mine: str, capsys: Capture
) -> None:
    assert main(["conformance", "local/linear", mine]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "not checked" in out[0]
    assert "not checked: end must be given" in out[1]
    assert main(["conformance", "local/linear", mine, "end=100"]) == 0
    assert capsys.readouterr().out == "schedule local/linear: 10 passed, 1 exempt\n"


def test_json_has_one_record_per_component_and_check(mine: str, capsys: Capture) -> None:
    assert main(["conformance", "local/*", mine, "--json"]) == 2
    records = json.loads(capsys.readouterr().out)
    assert {tuple(each) for each in records} == {
        ("component", "kind", "check", "outcome", "message")
    }
    (failed,) = [each for each in records if each["outcome"] == "failed"]
    assert (failed["component"], failed["kind"], failed["check"]) == (
        "local/broken",
        "schedule",
        "values",
    )


def test_the_list_describes_each_check(capsys: Capture) -> None:
    assert main(["conformance", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["kind"] for row in rows} >= {"generator", "loss", "dataset", "recipe"}
    assert all(row["proves"].endswith(".") for row in rows)
    assert main(["conformance", "--list", "--kind", "losses"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines[1:]} == {"loss"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "missing PATTERN: an id or a shell pattern\ntry: ganzoo conformance 'acme/*'"),
        (["quux/*"], "no component matches 'quux/*'\ntry: ganzoo plugins"),
        (["zoo/adma"], "no component matches 'zoo/adma' - did you mean 'zoo/adam'?"),
        (["zoo/adam", "--kind", "los"], "no kind of component is called 'los'"),
        (["zoo/adam", "lr"], "is not of the form key=value"),
    ],
)
def test_a_meaningless_command_exits_with_2_and_a_hint(
    words: list[str], message: str, capsys: Capture
) -> None:
    assert main(["conformance", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_path_to_pictures_makes_the_folder_data_set_checkable(
    tmp_path: Path, capsys: Capture
) -> None:
    for name in "abcdef":
        Image.new("RGB", (8, 8), (ord(name), 0, 0)).save(tmp_path / f"{name}.png")
    words = ["conformance", "folder", f"path={tmp_path}", "holdout=0.5", "--kind", "dataset"]
    assert main(words) == 0
    assert capsys.readouterr().out == "dataset zoo/folder: 16 passed\n"


@pytest.mark.slow
def test_the_command_needs_no_pytest(mine: str) -> None:
    code = "import sys; sys.modules['pytest'] = None\nfrom ganzoo.cli import main\nsys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "conformance", "local/constant", mine],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (
        0,
        "schedule local/constant: 10 passed, 1 exempt\n",
    )
