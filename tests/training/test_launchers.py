"""What `torchrun`, `accelerate launch` and `notebook_launcher` ask for is done, or refused."""

import json
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ganzoo.errors import DeviceError
from ganzoo.recipes.schema import Train
from ganzoo.training.processes import (
    find_processes,
    refuse_unsupported,
    require_agreement,
    require_count,
)

from .recipes import small_recipe

LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    "accelerate launch": [
        *("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
        *("--main_process_port", "0"),
    ],
}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset whatever a launcher of the tests themselves has exported."""
    names = ("NPROC", "MIXED_PRECISION", "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE")
    for name in [*names, *(each for each in os.environ if each.startswith("ACCELERATE_"))]:
        monkeypatch.delenv(name, raising=False)


# --- precision ---


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "fp16"])
def test_a_launcher_that_says_no_asks_for_no_precision(precision: str) -> None:
    require_agreement(Train(steps=1, precision=precision), "no", 1)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_launcher_and_a_recipe_that_name_one_precision_agree(precision: str) -> None:
    require_agreement(Train(steps=1, precision=precision), precision, 1)


@pytest.mark.parametrize(("asked", "given"), [("bf16", "fp32"), ("fp16", "bf16"), ("bf16", "tf32")])
def test_two_precisions_are_refused_and_both_are_named(asked: str, given: str) -> None:
    with pytest.raises(DeviceError, match=f"{asked}, but train.precision is {given}") as caught:
        require_agreement(Train(steps=1, precision=given), asked, 1)
    assert caught.value.hint == f"train.precision={asked}, or launch with --mixed_precision no"


def test_the_precision_of_a_notebook_launcher_is_compared_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MIXED_PRECISION", "bf16")
    require_agreement(Train(steps=1), "no", 1)  # not exported by notebook_launcher
    monkeypatch.setenv("NPROC", "2")
    require_agreement(Train(steps=1, precision="bf16"), "no", 1)
    with pytest.raises(DeviceError, match=r"bf16, but train\.precision is fp32"):
        require_agreement(Train(steps=1), "no", 1)


def test_fp8_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp8")
    with pytest.raises(DeviceError, match="fp8, which is not supported"):
        refuse_unsupported()


# --- what the engine does by itself ---


def test_a_dynamo_backend_is_refused_unless_the_recipe_compiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "INDUCTOR")
    require_agreement(Train(steps=1, compile=True), "no", 1)
    for chosen in ("auto", False):
        with pytest.raises(DeviceError, match="dynamo backend inductor") as caught:
            require_agreement(Train(steps=1, compile=chosen), "no", 1)
        assert caught.value.hint.startswith("train.compile=true")
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "CUDAGRAPHS")
    with pytest.raises(DeviceError, match="dynamo backend cudagraphs"):
        require_agreement(Train(steps=1, compile=True), "no", 1)
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "NO")
    require_agreement(Train(steps=1), "no", 1)


@pytest.mark.parametrize(("world_size", "micro_batch"), [(1, 16), (2, 8)])
def test_accumulation_is_refused_with_the_micro_batch_that_does_the_same(
    world_size: int, micro_batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    with pytest.raises(DeviceError, match="4 gradient accumulation steps") as caught:
        require_agreement(Train(steps=1, batch_size=64), "no", world_size)
    assert caught.value.hint.startswith(f"train.micro_batch={micro_batch}, and unset ")
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")
    require_agreement(Train(steps=1, batch_size=64), "no", world_size)


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("ACCELERATE_USE_FSDP", "FSDP"),
        ("ACCELERATE_USE_DEEPSPEED", "DeepSpeed"),
        ("ACCELERATE_USE_MEGATRON_LM", "Megatron-LM"),
        ("ACCELERATE_USE_PARALLELISM_CONFIG", "a parallelism config"),
    ],
)
def test_sharding_is_refused_before_anything_starts(
    variable: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "true")
    with pytest.raises(DeviceError, match=f"{variable} asks for {name}, which is not supported"):
        find_processes()
    monkeypatch.setenv(variable, "false")
    find_processes()


FSDP = """
import sys
import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard

dist.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=0, world_size=1)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
if sys.argv[2] == "sharded":
    for module in (net[0], net[2], net):
        fully_shard(module)
x = torch.ones(2, 4, requires_grad=True)
(gradient,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
gradient.square().sum().backward()
"""


@pytest.mark.slow
def test_fsdp2_still_fails_in_a_double_backward(tmp_path: Path) -> None:
    """Where this fails, FSDP2 may be supported: a gradient penalty is differentiated twice."""
    whole = launch(tmp_path, sys.executable, "-c", FSDP, str(tmp_path / "a"), "whole")
    assert whole.returncode == 0, whole.stderr
    sharded = launch(tmp_path, sys.executable, "-c", FSDP, str(tmp_path / "b"), "sharded")
    assert "out of bounds for storage of size 0" in sharded.stderr


# --- how many processes ---


def test_accelerate_that_started_one_of_several_processes_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    require_count(1, None)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")  # exported where several were asked for
    monkeypatch.setattr(sys, "argv", ["/usr/bin/ganzoo", "run", "a recipe.yaml"])
    with pytest.raises(DeviceError, match="asked for several processes and started one") as caught:
        require_count(1, None)
    assert caught.value.hint == "torchrun --nproc-per-node 2 -m ganzoo run 'a recipe.yaml'"
    require_count(1, 1)
    require_count(2, None)
    monkeypatch.setenv("WORLD_SIZE", "1")
    require_count(1, None)


def test_an_address_that_accelerate_did_not_export_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    require_count(1, None)


@pytest.mark.parametrize(
    ("program", "expected", "hint"),
    [
        ("ganzoo/__main__.py", 3, "torchrun --nproc-per-node 3 -m ganzoo run last"),
        ("bin/ganzoo", 1, "python -m ganzoo run last"),
        ("ipykernel_launcher.py", 3, "torchrun --nproc-per-node 3 -m ganzoo run RECIPE"),
    ],
)
def test_the_hint_starts_the_same_command_again(
    program: str, expected: int, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [program, "run", "last"])
    with pytest.raises(DeviceError, match=f"{expected} process") as caught:
        require_count(2, expected)
    assert caught.value.hint == hint


# --- the Accelerator ---


def test_one_accelerator_is_made_per_process() -> None:
    first, second = find_processes(), find_processes()
    assert first.accelerator is second.accelerator
    assert (first.accelerator.device, first.accelerator.num_processes) == (first.device, 1)


def test_nothing_imports_accelerate_before_a_run_starts() -> None:
    code = "import sys, ganzoo.training.launch; sys.exit('accelerate' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- both launchers, for real ---


def launch(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, with no accelerate configuration of the user's."""
    home = {"HF_HOME": str(folder / "hf"), "OMP_NUM_THREADS": "1"}
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        words,
        cwd=folder,
        env=os.environ | home | path | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def trained(folder: Path) -> tuple[Any, list[Any]]:
    """Return how many processes trained the only run in `folder`, and its loss terms by step."""
    (run,) = (folder / "runs").glob("[!.]*")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    terms = [{k: v for k, v in line.items() if k == "step" or "/" in k} for line in lines]
    return json.loads((run / "run.json").read_text())["world_size"], terms


@pytest.fixture(scope="module")
def by_launcher(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run of two processes by each launcher."""
    runs = {}
    for name, words in LAUNCHERS.items():
        folder = tmp_path_factory.mktemp("launched")
        words = [sys.executable, "-m", *words, "-m", "ganzoo", "run", str(small_recipe(folder))]
        done = launch(folder, *words, "--expect-processes", "2")
        assert done.returncode == 0, done.stderr
        runs[name] = trained(folder)
    return runs


@pytest.mark.slow
def test_both_launchers_start_two_processes_that_train_the_same(
    by_launcher: dict[str, Any],
) -> None:
    assert by_launcher["torchrun"][0] == 2
    assert by_launcher["torchrun"] == by_launcher["accelerate launch"]


@pytest.mark.slow
def test_ranks_that_a_scheduler_exports_need_no_launcher(
    by_launcher: dict[str, Any], tmp_path: Path
) -> None:
    recipe = str(small_recipe(tmp_path))
    script = """
    export MASTER_ADDR=127.0.0.1 WORLD_SIZE=2
    for task in 0 1; do
        RANK=$task LOCAL_RANK=$task python -m ganzoo run "$@" & pids="$pids $!"
    done
    for pid in $pids; do wait $pid || code=$?; done
    exit $code
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = ["bash", "-c", script, "task", recipe]
    stopped = launch(tmp_path, *words, "--max-time", "1s", MASTER_PORT=port)
    assert stopped.returncode == 75, stopped.stderr  # which torchrun turns into 1
    done = launch(tmp_path, *words, "--resume", "auto", MASTER_PORT=port)
    assert done.returncode == 0, done.stderr
    assert trained(tmp_path)[0] == 2


@pytest.mark.slow
def test_one_process_in_place_of_two_is_refused_with_a_command_that_works(tmp_path: Path) -> None:
    recipe = str(small_recipe(tmp_path))
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    done = launch(tmp_path, *launcher, "-m", "ganzoo", "run", recipe)
    assert done.returncode != 0
    assert "asked for several processes and started one" in done.stderr
    assert not (tmp_path / "runs").exists()
    (hint,) = [line for line in done.stderr.splitlines() if line.startswith("try: ")]
    done = launch(tmp_path, *shlex.split(hint.removeprefix("try: ")))
    assert done.returncode == 0, done.stderr
    assert trained(tmp_path)[0] == 2


@pytest.mark.slow
def test_the_precision_of_an_accelerate_configuration_counts(tmp_path: Path) -> None:
    recipe, file = str(small_recipe(tmp_path)), tmp_path / "accelerate.yaml"
    file.write_text(
        "compute_environment: LOCAL_MACHINE\ndistributed_type: 'NO'\nmixed_precision: bf16\n"
        "num_machines: 1\nnum_processes: 1\nuse_cpu: true\n"
    )
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(file)]
    words = [*launcher, "-m", "ganzoo", "run", recipe]
    done = launch(tmp_path, *words)
    assert "mixed precision bf16, but train.precision is fp32" in done.stderr
    assert not (tmp_path / "runs").exists()
    done = launch(tmp_path, *words, "train.precision=bf16")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_notebook_launcher_starts_two_processes(
    by_launcher: dict[str, Any], tmp_path: Path
) -> None:
    recipe = str(small_recipe(tmp_path))
    code = (
        "import ganzoo, socket, sys\nfrom accelerate import notebook_launcher\n"
        "free = socket.socket(); free.bind(('127.0.0.1', 0)); port = free.getsockname()[1]\n"
        "free.close()\n"
        "notebook_launcher(ganzoo.run, (sys.argv[1],), num_processes=2, use_port=str(port))\n"
    )
    done = launch(tmp_path, sys.executable, "-c", code, recipe)
    assert done.returncode == 0, done.stderr
    assert trained(tmp_path) == by_launcher["torchrun"]
