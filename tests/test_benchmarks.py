"""Benchmarks and tests for GPUs import anywhere: every name that they use still exists."""

import runpy
import sys
from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "benchmarks"
ON_GPU = Path(__file__).parent / "gpu"


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("*.py")))
def test_a_benchmark_can_be_imported(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    before = set(sys.modules)
    runpy.run_path(str(SCRIPTS / script))
    for name in set(sys.modules) - before:
        if str(SCRIPTS) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


@pytest.mark.parametrize("module", sorted(path.stem for path in ON_GPU.glob("test_*.py")))
def test_the_tests_of_a_gpu_can_be_imported_without_one(module: str) -> None:
    import_module(f"tests.gpu.{module}")


def test_what_a_peer_never_uses_is_a_mock_only_while_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some_peer.py").write_text(
        "from torchvision.transforms import Resize\nimport tensorflow as tf\nsize = Resize(8)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(SCRIPTS)
    finders = list(sys.meta_path)
    assert import_module("peer_networks").peer("some_peer").size is not None
    assert sys.meta_path == finders
    assert not {"tensorflow", "torchvision", "torchvision.transforms"} & set(sys.modules)
    for name in ("some_peer", "peer_networks"):
        del sys.modules[name]
