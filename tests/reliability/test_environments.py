"""Directories that cannot be written, odd names, a bare locale, and a clock that goes back."""

import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.runs import directory, owner, records
from ganzoo.runs.directory import RunDirectory

from .tiny import TINY, differing, last_checkpoint, only_run

ODD = "ü 空 'x"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("places") / ODD
    assert main(["run", *TINY, "--runs-dir", str(runs)]) == 0
    return only_run(runs)


def shell(folder: Path, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    environment |= options.pop("env", {})  # type: ignore[arg-type]
    return subprocess.run(
        [sys.executable, "-m", "ganzoo", *words],
        cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8",
        errors="replace", timeout=240, **options,  # type: ignore[call-overload]
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("coerced", [True, False])
def test_a_bare_locale_runs_resumes_and_lists_at_an_odd_path(tmp_path: Path, coerced: bool) -> None:
    bare = {"LC_ALL": "C", "LANG": "C"}
    if not coerced:
        bare |= {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    place = tmp_path / ODD
    place.mkdir()
    stopped = shell(place, "run", *TINY, "train.steps=100000", "--max-time", "1s", env=bare)
    assert stopped.returncode == 75, stopped.stderr
    hint = shlex.split(stopped.stderr.splitlines()[-1].removeprefix("try: "))
    steps = int(stopped.stderr.split("at step ")[-1].split(",")[0]) + 2
    resumed = shell(place, *hint[1:], f"train.steps={steps}", env=bare)
    assert resumed.returncode == 0, resumed.stderr
    for verb in ("ls", "compare"):
        done = shell(place, verb, env=bare)
        assert done.returncode == 0, done.stderr
        assert "gaussians-mlp" in done.stdout
    assert "Traceback" not in stopped.stderr + resumed.stderr


def test_resuming_on_a_read_only_disk_is_an_error_and_changes_nothing(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}

    def refuse(self: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(owner.FileLock, "acquire", refuse)
    assert main(["resume", str(finished), "train.steps=8"]) == 2
    message, hint = capfd.readouterr().err.splitlines()[-2:]
    assert message == f"{finished} cannot be written: Permission denied"
    assert shlex.split(hint.removeprefix("try: ")) == ["ls", "-ld", str(finished)]
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


NOT_OURS = """
import os, sys
from pathlib import Path
from ganzoo.errors import UsageError
from ganzoo.runs.directory import RunDirectory

if os.geteuid() == 0:  # whom no permission holds back
    os.setgid(65534)
    os.setuid(65534)
runs, run = Path(sys.argv[1]), RunDirectory(Path(sys.argv[2]))
assert run.status() == "interrupted", run.status()
for attempt in (lambda: RunDirectory.create(runs, "a", 0), lambda: run.hold().__enter__()):
    try:
        attempt()
    except UsageError as error:
        print(error.message)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_read_only_directory_is_read_and_named_when_it_is_to_be_written(tmp_path: Path) -> None:
    for place in (tmp_path, *tmp_path.parents[:-2]):
        place.chmod(place.stat().st_mode | 0o755)
    runs = tmp_path / "runs"
    run = RunDirectory.create(runs, "a", 0)
    for place in (runs, run.path):
        place.chmod(0o555)
    words = [sys.executable, "-c", NOT_OURS, str(runs), str(run.path)]
    done = subprocess.run(words, capture_output=True, text=True)
    for place in (runs, run.path):
        place.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{runs} cannot be written: Permission denied",
        f"{run.path} cannot be written: Permission denied",
    ]


def test_a_clock_that_goes_back_changes_neither_status_nor_resume_nor_metrics(
    tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [datetime(2030, 1, 1, tzinfo=UTC)]

    def backwards() -> str:
        now[0] -= timedelta(hours=1)
        return now[0].isoformat()

    for module in (records, owner):
        monkeypatch.setattr(module, "utc_now", backwards)
    assert directory.records is records
    assert main(["run", *TINY, "train.steps=3", "--runs-dir", str(tmp_path / "runs")]) == 0
    run = RunDirectory(only_run(tmp_path / "runs"))
    assert main(["resume", str(run.path), "train.steps=6"]) == 0
    assert run.status() == "finished"
    assert [row["step"] for row in run.metrics()] == [1, 2, 3, 4, 5, 6]
    times = [event["time"] for event in run.events()]
    assert times == sorted(times, reverse=True)
    assert differing(last_checkpoint(run.path), last_checkpoint(finished)) == []
