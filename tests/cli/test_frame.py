"""Verbs, help, exit codes: what every command has in common."""

import io
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ganzoo.cli import main
from ganzoo.cli.group import HABITS, VERBS, group
from ganzoo.cli.main import make_stdout_tolerant
from ganzoo.errors import DataError, Diverged, GanzooError, Interrupted, RunLocked, Unfinished
from ganzoo.training.progress import TerminalReporter

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Make ``ganzoo ls`` raise a given exception."""

    def fail(error: BaseException) -> None:
        def command() -> None:
            raise error

        traceback = click.Option(["--traceback"], is_flag=True, expose_value=False)
        broken = click.Command("ls", callback=command, params=[traceback])
        monkeypatch.setattr(group, "get_command", lambda context, name: broken)

    return fail


# --- verbs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [verb for section in VERBS.values() for verb in section])
def test_every_verb_of_the_table_has_a_file_and_a_help_text(verb: str, capsys: Capture) -> None:
    assert main([verb, "--help"]) == 0
    assert f"ganzoo {verb}" in capsys.readouterr().out


def test_without_a_verb_the_help_text_names_every_verb(capsys: Capture) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    for verb in (verb for section in VERBS.values() for verb in section):
        assert verb in out


def test_the_version_is_that_of_the_package(capsys: Capture) -> None:
    import ganzoo

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ganzoo {ganzoo.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["comprae"], "there is no verb 'comprae' - did you mean 'compare'?", "ganzoo --help"),
        (["ls", "--jsno"], "--jsno", "ganzoo ls --help"),
        (["compare", "--format", "pdf"], "'pdf' is not one of", "ganzoo compare --help"),
    ],
)
def test_a_wrong_command_line_exits_with_two_and_a_hint(
    arguments: list[str], message: str, hint: str, capsys: Capture
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.endswith(f"try: {hint}\n")


@pytest.mark.parametrize(("habit", "verb"), HABITS.items())
def test_a_verb_of_other_tools_is_answered_with_ours_and_its_help(
    habit: str, verb: str, capsys: Capture
) -> None:
    assert main([habit, "anything", "--batch", "5"]) == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert message == f"there is no verb {habit!r} - did you mean {verb!r}?"
    assert main(shlex.split(hint.removeprefix("try: ganzoo"))) == 0


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Diverged("step 7: term d/real is nan"), 3),
        (DataError("no such file"), 4),
        (RunLocked("in use"), 6),
        (Unfinished("stopped by time limit"), 75),
        (Interrupted("stopped by SIGTERM", exit_code=143), 143),
    ],
)
def test_an_error_prints_one_line_and_exits_with_its_own_code(
    error: GanzooError, code: int, failing, capsys: Capture
) -> None:
    failing(error)
    assert main(["ls"]) == code
    assert capsys.readouterr() == ("", f"{error.message}\n")


def test_a_hint_is_a_second_line_that_begins_with_try(failing, capsys: Capture) -> None:
    failing(DataError("broken.png is no image", hint="ganzoo check --data"))
    main(["ls"])
    assert capsys.readouterr().err == "broken.png is no image\ntry: ganzoo check --data\n"


@pytest.mark.parametrize("arguments", [["ls", "--traceback"], ["--traceback", "ls"]])
def test_traceback_shows_where_an_error_comes_from(
    arguments: list[str], failing, capsys: Capture
) -> None:
    failing(DataError("broken"))
    assert main(arguments) == 4
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("\nbroken\n")


def test_an_unexpected_exception_is_called_a_bug_and_printed_with_its_traceback(
    failing, capsys: Capture
) -> None:
    failing(ZeroDivisionError("division by zero"))
    assert main(["ls"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "ZeroDivisionError: this is a bug in ganzoo" in err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_exits_with_130_and_without_a_traceback(
    error: BaseException, failing, capsys: Capture
) -> None:
    failing(error)
    assert main(["ls"]) == 130
    assert capsys.readouterr().err.strip() == ""


# --- as a process --------------------------------------------------------------------------------


def test_python_m_ganzoo_and_the_script_are_the_same() -> None:
    script = Path(sys.executable).with_name("ganzoo")
    for command in ([sys.executable, "-m", "ganzoo"], [str(script)]):
        done = subprocess.run([*command, "nothing"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("there is no verb 'nothing'")


def test_a_closed_pipe_exits_as_sigpipe_would_and_prints_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ganzoo", "list", "generators"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_output_that_is_not_a_terminal_has_no_colour_and_no_box(capsys: Capture) -> None:
    assert main(["list", "generators"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.splitlines()[0].split() == ["id", "summary", "paper"]


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", "±".encode() + b"\xff"), ("latin-1", b"\xb1\\udcff"), ("ascii", b"\\xb1\\udcff")],
)
def test_every_encoding_and_every_file_name_can_be_printed(encoding: str, expected: bytes) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    make_stdout_tolerant(stream)
    stream.write("±\udcff")
    stream.flush()
    assert stream.buffer.getvalue() == expected


def test_a_log_file_gets_plain_lines_even_with_force_color(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    reporter = TerminalReporter()
    start = {"path": "runs/a", "seed": 0, "steps": 100, "step": 0, "world_size": 1}
    reporter.started({**start, "data": "digits", "device": "cpu"})
    for step in range(1, 101):
        reporter.ticked(step)
        reporter.stepped(step, step, {"d/real": 1.0, "g/fake": 2.0, "samples_per_second": 9.0})
    reporter.finished("finished")
    out, err = capsys.readouterr()
    assert (out, reporter.progress) == ("", None)
    assert "\x1b" not in err
    assert len([line for line in err.splitlines() if line.startswith("step")]) == 10
