"""`ganzoo doctor` on an installation with one fault."""

import errno
import importlib.metadata
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from ganzoo.cli.doctor import doctor
from ganzoo.training import doctor as examined
from ganzoo.training.doctor import import_errors, packages, place, plugins


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write a module that this process and those that it starts can find."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)

    return write


@pytest.fixture
def needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ganzoo require no package, so that none has to be imported in another process."""
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: [])


def test_an_import_that_raises_is_quoted_and_the_next_one_is_tried(module: Any) -> None:
    module("doctor_bad", "raise SystemExit('no such operator nms')")
    assert import_errors(["doctor_bad", "json"]) == {
        "doctor_bad": "SystemExit: no such operator nms",
        "json": None,
    }


def test_an_import_that_ends_the_interpreter_is_found(module: Any) -> None:
    module("doctor_crash", "import os; os._exit(9)")
    answers = import_errors(["json", "doctor_crash"])
    assert answers == {
        "json": None,
        "doctor_crash": "the interpreter ended with 9 in its import",
    }


def test_a_torchvision_that_does_not_fit_is_wrong_and_can_be_removed(
    module: Any, needs_nothing: None
) -> None:
    module("torchvision", "raise RuntimeError('operator torchvision::nms does not exist')")
    (found,) = [each for each in packages() if each.subject == "torchvision"]
    assert (found.status, found.exit_code) == ("wrong", 2)
    assert found.hint == "pip uninstall torchvision"
    assert "operator torchvision::nms does not exist" in found.words


def test_torchmetrics_is_fine_beside_a_torchvision_that_does_not_fit(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["torchmetrics"])
    module("torchvision", "raise RuntimeError('operator torchvision::nms does not exist')")
    assert {each.subject: each.status for each in packages()} == {
        "torchmetrics": "ok",
        "torchvision": "wrong",
    }


def test_a_torchvision_that_can_be_imported_is_not_reported(
    module: Any, needs_nothing: None
) -> None:
    module("torchvision", "")
    assert "torchvision" not in {each.subject for each in packages()}


@pytest.mark.slow
def test_every_requirement_of_ganzoo_is_found_here() -> None:
    assert {each.status for each in packages()} == {"ok"}


def test_a_directory_that_cannot_be_written_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = place("runs", tmp_path / "file" / "runs")
    assert (found.status, found.exit_code) == ("wrong", 2)
    assert found.words == f"{tmp_path}/file/runs cannot be written: Not a directory"


def test_a_directory_is_left_as_it_was(tmp_path: Path) -> None:
    assert place("runs", tmp_path / "later" / "runs").status == "ok"
    assert list(tmp_path.iterdir()) == []


def test_little_room_is_wrong_with_the_code_of_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    found = place("runs", tmp_path)
    assert (found.status, found.exit_code) == ("wrong", 7)


def test_a_lock_that_the_file_system_refuses_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(examined, "FileLock", refuse)
    assert "No locks available" in place("runs", tmp_path).words


def plugin(status: str, error: str | None = None) -> Any:
    about = {"distribution": "ganzoo-acme", "version": "1.0", "eager_torch": False}
    predicate = "refused" if status == "clash" else status
    return SimpleNamespace(
        name="acme", status=status, predicate=predicate, error=error, registrations=(), **about
    )


@pytest.mark.parametrize("status", ["broken", "clash", "incompatible"])
def test_the_error_of_a_plugin_that_does_not_work_is_quoted(status: str) -> None:
    registry: Any = SimpleNamespace(namespaces=lambda: [plugin(status, "ImportError: no jax")])
    (found,) = plugins(registry)
    assert (found.status, found.exit_code) == ("wrong", 2)
    said = "refused" if status == "clash" else status
    assert found.words == f"ganzoo-acme 1.0 is {said}: ImportError: no jax"


def test_a_disabled_plugin_is_a_note_and_having_no_plugin_is_wrong() -> None:
    disabled: Any = SimpleNamespace(namespaces=lambda: [plugin("disabled")])
    nothing: Any = SimpleNamespace(namespaces=list)
    assert [each.status for each in plugins(disabled)] == ["note"]
    assert [each.status for each in plugins(nothing)] == ["wrong"]


def test_the_exit_code_is_that_of_the_first_thing_that_is_wrong(
    tmp_path: Path, needs_nothing: None
) -> None:
    (tmp_path / "file").write_text("")
    good = CliRunner().invoke(doctor, ["--runs-dir", str(tmp_path)])
    bad = CliRunner().invoke(doctor, ["--runs-dir", str(tmp_path / "file" / "runs")])
    assert (good.exit_code, bad.exit_code) == (0, 2)
    assert "nothing is wrong" in good.stderr
    assert "1 of" in bad.stderr
