"""What people see on terminals of several widths."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.report.table import Table
from ganzoo.training.progress import TerminalReporter

RECORDS = Path(__file__).parents[2] / "recipes" / "records"
WIDTHS = [60, 80, 120, 200]


def on_a_terminal(words: list[str], columns: int, cwd: Path) -> str:
    """Return what a command prints on a terminal of this width, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "ganzoo", *words],
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        cwd=cwd,
        env=environment | {"TERM": "xterm"},
    )
    os.close(theirs)
    found = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the terminal's other end is closed
            break
        if not part:
            break
        found += part
    os.close(ours)
    assert process.wait() == 0
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", found.decode()).replace("\r", "")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs directory with the shipped records of digits."""
    directory = tmp_path_factory.mktemp("board")
    for run in sorted(RECORDS.glob("digits-*")):
        shutil.copytree(run, directory / "runs" / run.name)
    return directory


@pytest.mark.parametrize("columns", WIDTHS)
def test_compare_shows_rank_name_and_all_digits_at_every_width(board: Path, columns: int) -> None:
    shown = on_a_terminal(["compare"], columns, board)
    plain = subprocess.run(
        [sys.executable, "-m", "ganzoo", "compare"], cwd=board, capture_output=True, text=True
    ).stdout
    lines = plain.splitlines()
    heading = next(i for i, line in enumerate(lines) if line.lstrip().startswith("#"))
    first = lines[heading + 1].split()
    rank, name, score = first[0], first[1], first[3]
    row = next(line for line in shown.splitlines() if line.split()[:1] == [rank] and score in line)
    assert score in row.split()
    table = shown.partition("left out, the terminal")[0]
    assert name in re.sub(r"[\s─]", "", table) or name in table.replace("\n", "")
    if columns < 200:
        assert "left out, the terminal is too narrow" in shown
    assert (
        max(map(len, table.partition("experiment")[2].partition("mean ±")[0].splitlines()))
        <= columns
    )


def test_a_fitted_table_drops_only_columns_from_the_right() -> None:
    columns = ("#", "name", "score", "a", "b")
    table = Table(
        columns, [("1", "x" * 40, "96000", "12345678", "87654321")], {"#", "score", "a", "b"}
    )
    assert table.fitted(80).columns == columns
    assert table.fitted(40).columns == ("#", "name", "score", "a")[: len(table.fitted(40).columns)]
    assert table.fitted(10).columns == ("#", "name")


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_progress_bar_shows_step_and_time_at_every_width(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from io import StringIO

    from rich.console import Console

    reporter = TerminalReporter()
    reporter.console = Console(file=StringIO(), width=columns, force_terminal=True, soft_wrap=True)
    run = {"name": "a", "path": "runs/a", "steps": 20_000, "step": 0, "seed": 0, "data": "digits"}
    reporter.started(run | {"device": "cpu", "world_size": 1})
    reporter.ticked(1234)
    terms = {"d/real": 1.0, "d/gradient_norm": 1.0, "g/fake": 2.0, "samples_per_second": 1e5}
    reporter.stepped(1234, 99, terms)
    assert reporter.progress is not None
    with reporter.console.capture() as captured:
        reporter.console.print(reporter.progress.get_renderable())
    reporter.finished("finished")
    line = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", captured.get())
    assert "1234/20000" in line.replace(" ", "")
    assert re.search(r"-:--:--|\d:\d\d:\d\d", line)


def test_control_characters_in_names_are_escaped_in_the_output(
    board: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(board)
    bad = board / "runs" / "evil\x1b]0;owned\x07\x1b[2J-s0-000000"
    shutil.copytree(next((board / "runs").glob("digits-*")), bad)
    try:
        for words in (["ls"], ["compare"], ["compare", "--format", "md"]):
            assert main(words) == 0
        (bad / "run.json").write_text("{")
        assert main(["ls"]) == 0
        assert main(["sample", "evil\x1b[31m"]) == 2
    finally:
        shutil.rmtree(bad)
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\x07" not in out + err
    assert r"evil\x1b[31m" in err


def test_only_one_module_of_the_commands_prints() -> None:
    commands = Path(__file__).parents[2] / "ganzoo" / "cli"
    printing = {
        path.name
        for path in commands.glob("*.py")
        if re.search(r"click\.echo\((?!err=True)|[^.\w]print\(", path.read_text())
    }
    assert printing == {"output.py"}


def test_a_cell_that_begins_like_a_formula_is_text_in_a_csv() -> None:
    table = Table(("name", "value"), [("=HYPERLINK(1)", "-3.5"), ("@x", "-"), ("+1 day", "1")])
    assert table.csv().splitlines() == ["name,value", "'=HYPERLINK(1),-3.5", "'@x,-", "'+1 day,1"]
