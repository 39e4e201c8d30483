"""A check calls the extractor, the metrics and the rest of a run on a few real samples."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.errors import DataError, GanzooError, PluginError
from ganzoo.registry.registry import Registry
from ganzoo.runs.directory import RunDirectory
from ganzoo.training.launch import prepare

from ..reliability.tiny import TINY, only_run

PLUGIN = """
import os
import torch
from torch import nn
from ganzoo.api import DataError, SampleSpec, hookimpl

class Extractor:
    input_shape, num_features, layer, weights_sha256 = None, 2, "", None

    def __init__(self, *, fault: str = ""):
        self.fault = fault

    def __call__(self, x):
        if self.fault == "raises":
            raise RuntimeError("no features today")
        if self.fault == "nan":
            return x / 0 * 0
        if self.fault == "double":
            return x.double()
        if self.fault == "wide":
            return x.repeat(1, 2)
        return x

    def class_logits(self, features):
        if self.fault == "logits":
            raise KeyError("classes")
        return features

class Metric:
    def __init__(self, *, fault: str = "", number: str = "number"):
        self.fault, self.number = fault, number

    def __call__(self, real, fake):
        n = len(fake.features)
        match self.fault:
            case "raises":
                raise IndexError("no such neighbour")
            case "words":
                return {"number": "high"}
            case "list":
                return [3.0]
            case "labels" if fake.labels is None:
                raise DataError("needs labels")
            case "split":
                return {"number": len(real.splits["train"].samples)}
            case "few" if n < 500:
                raise DataError("too few samples")
            case "k" if n < 500:
                raise IndexError("500 neighbours of fewer")
            case "many" if n < 10_000:
                raise DataError("too few samples")
            case "probe":
                z, y = fake.generator.latents(5000, 1)
                found = fake.generator.features(z, y)
                assert found.shape == (5000, 2) and found.isfinite().all()
            case "outside" if not os.environ.get("MENDED"):
                if "TRAINED" in os.environ:
                    raise OSError("the server is gone")
        return {self.number: float(n)}

class Torn:
    spec = SampleSpec("vector", (2,))

    def __init__(self, split):
        pass

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == 3:
            raise DataError("sample 3 is torn")
        return torch.tensor([index, 1.0]), None

    def check(self):
        return ["sample 3"]

class Falling:
    absolute = False

    def __call__(self, samples_seen):
        return 1 / (samples_seen - 24)

class Turned(nn.Module):
    latent_dim = 2

    def __init__(self, spec, *, width: int, depth: int):
        super().__init__()
        self.body = nn.Linear(2, 2)

    def forward(self, z, y=None):
        if not self.training:
            raise ValueError("only in training")
        return self.body(z)

class Teller:
    def __init__(self, *, event: str):
        setattr(self, event, self.fail)

    def fail(self, *details):
        raise ConnectionError("nobody listens")

@hookimpl
def register_extractors(register):
    register("axes", "parts:Extractor", summary="test")

@hookimpl
def register_datasets(register):
    register("torn", "parts:Torn", summary="test", splits=["train"], extractor="local/axes")

@hookimpl
def register_metrics(register):
    register("faulty", "parts:Metric", summary="test")

@hookimpl
def register_schedules(register):
    register("falling", "parts:Falling", summary="test")

@hookimpl
def register_generators(register):
    register("turned", "parts:Turned", summary="test")

@hookimpl
def register_callbacks(register):
    register("teller", "parts:Teller", summary="test")
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    file = tmp_path / "parts.py"
    file.write_text(PLUGIN)
    return file


@pytest.fixture
def check(plugin: Path) -> Callable[..., None]:
    def check(*words: str) -> None:
        prepare(TINY[0], [*TINY[1:], *words], Registry.with_local(plugin))

    return check


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "eval.extractor={use: local/axes, fault: raises}",
            "eval.extractor  local/axes failed on inputs of shape (8, 2): "
            "RuntimeError: no features today (",
        ),
        ("eval.extractor={use: local/axes, fault: nan}", "local/axes gave features of real"),
        ("eval.extractor={use: local/axes, fault: double}", "local/axes gave float64, not"),
        ("eval.extractor={use: local/axes, fault: wide}", "shape (8, 4), not (8, 2)"),
        (
            "eval.extractor={use: local/axes, fault: logits}",
            "local/axes failed in class_logits: KeyError: 'classes' (",
        ),
        (
            "eval.metrics=[{use: local/faulty, fault: raises}]",
            "eval.metrics.0  local/faulty failed: IndexError: no such neighbour (",
        ),
        ("eval.metrics=[{use: local/faulty, fault: words}]", "local/faulty failed: ValueError"),
        ("eval.metrics=[{use: local/faulty, fault: list}]", "local/faulty failed: Attribute"),
        (
            "eval.metrics=[local/faulty, local/faulty]",
            "eval.metrics.1  local/faulty gives a number 'number', and so does another metric",
        ),
        (
            "generator=local/turned",
            "local/turned failed when it was sampled in eval mode: ValueError: only in training (",
        ),
    ],
)
def test_a_fault_that_a_run_would_meet_later_is_found_before_training(
    check: Callable[..., None], words: str, said: str
) -> None:
    with pytest.raises(GanzooError) as found:
        check(words)
    assert said in found.value.message
    assert "\n" not in found.value.message
    assert found.value.exit_code == 2


def test_a_schedule_that_fails_late_in_the_run_is_found_before_training(
    check: Callable[..., None],
) -> None:
    with pytest.raises(PluginError, match="local/falling failed at 24 samples: ZeroDivisionError"):
        check("schedules={optimizers.both.lr: local/falling}")


@pytest.mark.parametrize("fault", ["few", "k", "many", "split", "probe", ""])
def test_a_metric_that_needs_more_samples_than_the_check_has_is_not_refused(
    check: Callable[..., None], fault: str
) -> None:
    check("eval.extractor=local/axes", f"eval.metrics=[{{use: local/faulty, fault: '{fault}'}}]")


def test_a_metric_that_needs_labels_that_the_run_will_not_have_is_refused(
    check: Callable[..., None],
) -> None:
    with pytest.raises(DataError, match="local/faulty: needs labels"):
        check("eval.metrics=[{use: local/faulty, fault: labels}]")


def test_a_sample_that_cannot_be_read_is_left_to_the_data_sets_own_check(
    check: Callable[..., None],
) -> None:
    check("dataset=local/torn", "eval.extractor=local/axes", "eval.metrics=[local/faulty]")


def test_a_check_reads_a_few_of_many_samples(
    check: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganzoo_zoo.datasets.gaussians import Gaussians

    read: list[int] = []
    original = Gaussians.__getitem__
    monkeypatch.setattr(
        Gaussians, "__getitem__", lambda self, i: (read.append(i), original(self, i))[1]
    )
    check("eval.metrics=[kid]")
    assert 0 < len(read) < 64


def test_a_metric_that_fails_at_an_evaluation_is_named_and_nothing_trained_is_lost(
    plugin: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from ganzoo.training.step import GanStep

    trained = GanStep.__call__
    monkeypatch.setattr(
        GanStep, "__call__", lambda self: (os.environ.update(TRAINED="1"), trained(self))[1]
    )
    monkeypatch.setenv("TRAINED", "")
    monkeypatch.delenv("TRAINED")
    metric = "eval.metrics=[{use: local/faulty, fault: outside}]"
    words = [*TINY, metric, "--plugin", str(plugin), "--runs-dir", str(tmp_path / "runs")]
    assert main(["run", *words]) == 2
    said = capfd.readouterr().err.splitlines()
    run = only_run(tmp_path / "runs")
    assert "eval.metrics.0  local/faulty failed: OSError: the server is gone (" in said[-2]
    again = f"ganzoo resume {run} --plugin {os.path.relpath(plugin)}"
    assert said[-1] == f"try: {again}   # once it is repaired"
    assert RunDirectory(run).status() == "failed"

    monkeypatch.setenv("MENDED", "1")
    assert main(["resume", str(run)]) == 0
    scores = [s.sampling for s in RunDirectory(run).scores()]
    assert [(s.selected, s.step) for s in scores if s and s.selected == "during"] == [
        ("during", 3),
        ("during", 6),
    ]


@pytest.mark.parametrize("event", ["started", "stepped", "scored", "saved"])
def test_a_callback_that_fails_is_named(
    plugin: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], event: str
) -> None:
    callback = f"callbacks={{local/teller: {{event: {event}}}}}"
    words = [*TINY, callback, "--plugin", str(plugin), "--runs-dir", str(tmp_path / "runs")]
    assert main(["run", *words]) == 2
    said = capfd.readouterr().err
    assert f"local/teller failed in {event}: ConnectionError: nobody listens (" in said
    assert "Traceback" not in said
