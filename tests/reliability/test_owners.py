"""Two commands on one run: the second names the owner; runs of dead owners can be resumed."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.cli import main

from .tiny import TINY, last_checkpoint, only_run

HOLDER = """
import sys
from pathlib import Path
from ganzoo.runs.directory import RunDirectory

with RunDirectory(Path(sys.argv[1])).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of two steps that goes on to six."""
    assert main(["run", *TINY, "train.steps=2", "--runs-dir", str(tmp_path / "runs")]) == 0
    return only_run(tmp_path / "runs")


def resume(run: Path) -> int:
    return main(["resume", str(run), "train.steps=6"])


def test_a_second_command_is_refused_and_a_third_resumes_after_kill_9_of_the_first(
    run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "held\n"
    assert resume(run) == 6
    message, hint = capfd.readouterr().err.splitlines()[-2:]
    assert f"in use by pid {owner.pid} on {socket.gethostname()} since 20" in message
    assert hint.endswith(f"kill {owner.pid}")
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert resume(run) == 0
    assert last_checkpoint(run).name == "step-00000006"


def test_a_lock_of_another_host_is_refused_until_the_offered_command_takes_over(
    run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    owner = {"pid": 4121, "host": "node3", "started": "2026-01-02T10:02:00+00:00"}
    (run / "owner.json").write_text(json.dumps(owner))
    assert resume(run) == 6
    message, hint = capfd.readouterr().err.splitlines()[-2:]
    assert "in use by pid 4121 on node3 since 2026-01-02" in message
    words = shlex.split(hint.removeprefix("try: "), comments=True)
    assert words == ["ganzoo", "resume", str(run), "--take-over"]
    assert main([*words[1:], "train.steps=6"]) == 0
    assert not (run / "owner.json").exists()


def test_a_dead_owner_whose_pid_is_reused_does_not_block_the_run(run: Path) -> None:
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "started": "2026-01-02T10:02:00"}
    (run / "owner.json").write_text(json.dumps(owner))
    assert resume(run) == 0
