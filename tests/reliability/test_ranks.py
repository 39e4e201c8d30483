"""One run on two gloo processes: bit-exact resume; a signal to, or an error of, only one."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.training.processes import PeerGone, says_peer_gone

from .tiny import TINY, last_checkpoint, only_run

ROOT = Path(__file__).parents[2]
PLUGIN = Path(__file__).with_name("rank_fault_plugin.py")
WORDS = ["run", *TINY, "eval.extractor=null", "loss=local/fragile", "--plugin", str(PLUGIN)]

THREADS_OF_THE_GROUP = """
import atexit
from pathlib import Path

def say(when):
    names = [file.read_text() for file in Path("/proc/self/task").glob("*/comm")]
    # One string: both ranks write to one pipe, and print writes each argument by itself.
    print(f"{when}: {sum('gloo' in name for name in names)}\\n", end="", flush=True)

atexit.register(say, "at the end")
from ganzoo.training.processes import find_processes
find_processes().wait()
import torch._dynamo  # as the first optimizer does; it imports most of torch.distributed
say("before")
"""
"""Says how many threads gloo has, of each rank: while it works, and as Python shuts down."""


def torchrun(*words: str, processes: int = 2, **variables: str) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    launcher += ["--monitor-interval", "0.5"]  # of those that end between two looks it names rank 0
    return subprocess.run(
        [sys.executable, *(launcher if processes > 1 else []), *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | variables,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_with_every_kind_of_state_resumes_bit_for_bit(tmp_path: Path, processes: int) -> None:
    script = "tests.reliability.resume_matrix"
    done = torchrun("-m", script, str(tmp_path), processes=processes)
    assert done.returncode == 0, done.stderr
    differing = json.loads(done.stdout.splitlines()[-1])
    assert len(differing) == 8
    assert not any(differing.values()), differing


@pytest.mark.slow
def test_a_signal_to_one_rank_saves_once_and_another_number_of_processes_resumes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    done = torchrun("-m", "ganzoo", *WORDS, "--runs-dir", str(runs), ACCIDENT="SIGTERM:1:2")
    # -15: torchrun sends SIGTERM to whoever is still leaving when the first has left.
    assert re.search(r"exitcode  : (143|-15) ", done.stderr), done.stderr
    # The other rank ends a second later, so that torchrun does not stop this one while it speaks.
    assert f"stopped by SIGTERM at step 3, state saved\ntry: ganzoo resume {runs}" in done.stderr
    run = only_run(runs)
    assert CheckpointStore(run / "checkpoints").steps()[-1] == 3
    assert last_checkpoint(run).name == "step-00000003"
    assert RunDirectory(run).status() == "interrupted"

    capfd.readouterr()
    assert main(["resume", str(run)]) == 0
    said = capfd.readouterr().err
    assert "saved by 2 processes, resumed with 1: the data keeps its order" in said
    assert last_checkpoint(run).name == "step-00000006"


@pytest.mark.slow
def test_a_signal_to_a_rank_that_reads_the_reference_stops_both(
    tmp_path: Path,
) -> None:
    runs = tmp_path / "runs"
    words = ["run", *TINY, "dataset=local/points", "train.data=memory", "--plugin", str(PLUGIN)]
    done = torchrun("-m", "ganzoo", *words, "--runs-dir", str(runs), READING="1")
    assert "stopped by SIGTERM at step 3, state saved" in done.stderr
    assert "stopped by another rank at step 3, state saved" in done.stderr
    run = only_run(runs)
    assert last_checkpoint(run).name == "step-00000003"
    assert RunDirectory(run).status() == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_of_one_rank_ends_all_with_that_error(tmp_path: Path, rank: int) -> None:
    done = torchrun(
        "-m", "ganzoo", *WORDS, "--runs-dir", str(tmp_path / "runs"), ACCIDENT=f"raise:{rank}:2"
    )
    assert done.returncode != 0
    assert "ValueError: an error of one rank alone" in done.stderr
    assert "another process of this run has ended; its own message says why" in done.stderr
    root_cause = done.stderr.split("Root Cause")[1]
    assert re.search(rf"rank\s+: {rank} ", root_cause)
    run = RunDirectory(only_run(tmp_path / "runs"))
    failures = [event for event in run.events() if event["event"] == "failed"]
    assert [(event["rank"], event["error"]) for event in failures] == [
        (rank, "ValueError: an error of one rank alone")
    ]
    assert run.status() == "failed"
    assert last_checkpoint(run.path).name == "step-00000002"


@pytest.mark.slow
def test_after_kill_9_of_one_rank_the_other_ends_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    done = torchrun("-m", "ganzoo", *WORDS, "--runs-dir", str(runs), ACCIDENT="SIGKILL:1:3")
    assert "another process of this run has ended" in done.stderr
    run = only_run(runs)
    assert RunDirectory(run).status() == "interrupted"
    assert main(["resume", str(run)]) == 0


@pytest.mark.slow
def test_the_threads_of_the_group_end_before_the_interpreter_shuts_down(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(THREADS_OF_THE_GROUP)
    done = torchrun(str(script))
    assert done.returncode == 0, done.stderr
    found = re.findall(r"(before|at the end): (\d+)", done.stdout)
    counts = sorted((when, int(count) > 0) for when, count in found)
    assert counts == [("at the end", False)] * 2 + [("before", True)] * 2, done.stdout


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ("[gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:24469", True),
        ("[gloo/transport/tcp/pair.cc:547] Read error [::1]:1: Connection reset by peer", True),
        ("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", False),
    ],
)
def test_the_error_of_a_collective_that_lost_a_process_is_recognised(
    words: str, gone: bool
) -> None:
    assert says_peer_gone(RuntimeError(words)) is gone
    assert not says_peer_gone(ValueError(words))
    assert PeerGone().exit_code == 9
