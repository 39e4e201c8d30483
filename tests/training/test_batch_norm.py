"""Synced batch norm against torch's own over the whole batch, by two gloo processes."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from ganzoo.errors import DeviceError, RecipeError
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.batch_norm import sync_batch_norm
from ganzoo.training.dry_run import dry_run
from ganzoo.training.processes import Processes

from .recipes import small_plan
from .test_two_ranks import launch

Found = dict[str, dict[str, list[float]]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Found]:
    """What layers of several kinds give for one batch, by the number of processes that share it."""
    script = str(Path(__file__).with_name("norms_everywhere.py"))
    results = {}
    for processes in (1, 2):
        done = launch(tmp_path_factory.mktemp("norms"), processes, script)
        assert done.returncode == 0, done.stderr
        results[processes] = json.loads(done.stdout.splitlines()[-1])
    return results


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    ["1d", "2d", "momentum of none", "no running statistics", "conditional", "a third party's"],
)
def test_two_processes_normalise_and_differentiate_twice_as_one_does(
    found: dict[int, Found], kind: str
) -> None:
    ours, theirs = found[2][kind], found[1][kind]
    assert ours.keys() == theirs.keys()
    assert {"output", "gradient", "gradient of penalty"} <= ours.keys()
    for name, values in theirs.items():
        scale = max(map(abs, values))
        assert ours[name] == pytest.approx(values, abs=1e-5 * scale), name


@pytest.mark.slow
def test_local_running_statistics_are_the_mean_of_the_processes(found: dict[int, Found]) -> None:
    assert found[1]["local"] == {"mean": [2.0]}
    assert found[2]["local"] == {"mean": [(2.0 + 12.0) / 2]}


def test_syncing_changes_no_key_no_weight_and_no_kind_of_layer() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.InstanceNorm2d(4))
    before, layers = deepcopy(network.state_dict()), list(network)
    sync_batch_norm(network)
    assert list(network) == layers
    assert isinstance(network[1], nn.BatchNorm2d)
    assert type(network[2]) is nn.InstanceNorm2d
    network.load_state_dict(before, strict=True)
    assert list(network.state_dict()) == list(before)


def test_a_synced_layer_in_evaluation_mode_is_torchs() -> None:
    layer = nn.BatchNorm2d(3)
    layer(torch.randn(4, 3, 2, 2))
    layer.eval()
    x = torch.randn(4, 3, 2, 2)
    before = layer(x)
    sync_batch_norm(layer)
    assert torch.equal(layer(x), before)


def test_a_synced_layer_keeps_dtype_and_memory_format() -> None:
    layer = nn.BatchNorm2d(3)
    sync_batch_norm(layer)
    x = torch.randn(4, 3, 2, 2).to(torch.bfloat16, memory_format=torch.channels_last)
    assert layer(x).dtype == torch.bfloat16
    assert layer(x).is_contiguous(memory_format=torch.channels_last)


def test_a_batch_of_another_shape_is_refused_as_torch_does() -> None:
    layer = nn.BatchNorm2d(3)
    sync_batch_norm(layer)
    with pytest.raises(ValueError, match="expected 4D input"):
        layer(torch.randn(4, 3))


def test_synced_batch_norm_refuses_micro_batches(tmp_path: Path) -> None:
    overrides = {"train.batch_norm": "synced", "train.micro_batch": 4}
    with pytest.raises(RecipeError, match=r"train.batch_norm .*over the whole batch") as refused:
        dry_run(small_plan(tmp_path, overrides))
    assert refused.value.hint == "train.micro_batch=null"
    plain = {"generator": {"use": "mlp", "batch_norm": False}, "discriminator": {"use": "mlp"}}
    dry_run(small_plan(tmp_path, overrides | plain))


def test_synced_batch_norm_over_processes_refuses_to_be_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/g++")
    plan = small_plan(tmp_path, {"train.batch_norm": "synced", "train.compile": True})
    with pytest.raises(DeviceError, match="does not reach over processes") as refused:
        make_step(plan, Processes(CPU, 0, 2))
    assert refused.value.hint == "train.compile=false"
