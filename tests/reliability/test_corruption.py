"""If any byte of a checkpoint is changed or cut, the previous one is loaded, with a message."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganzoo.cli import main
from ganzoo.runs.checkpoints import CheckpointStore

from .tiny import TINY, differing, last_checkpoint, only_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two checkpoints or more."""
    runs = tmp_path_factory.mktemp("corruption")
    assert main(["run", *TINY, "--runs-dir", str(runs)]) == 0
    return only_run(runs)


def harm(path: Path, offset: int, bit: int) -> None:
    """Flip a bit of a file, or with bit 8 cut the file there."""
    content = bytearray(path.read_bytes())
    if bit == 8:
        del content[offset:]
    else:
        content[offset] ^= 1 << bit
    path.write_bytes(content)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_damage_is_noticed_and_the_one_before_is_loaded_equal(
    finished: Path, tmp_path: Path, data: st.DataObject
) -> None:
    checkpoints = tmp_path / "checkpoints"
    shutil.copytree(finished / "checkpoints", checkpoints, dirs_exist_ok=True)
    before = CheckpointStore(checkpoints)
    *_, older, newest = before.steps()
    expected = before.at(older)
    files = sorted(before.at(newest).path.iterdir())
    path = data.draw(st.sampled_from(files))
    harm(path, data.draw(st.integers(0, path.stat().st_size - 1)), data.draw(st.integers(0, 8)))

    store = CheckpointStore(checkpoints)
    found = store.newest()
    assert found == expected
    [said] = store.set_aside
    assert path.name in said
    assert "set aside as corrupt-" in said
    shutil.rmtree(checkpoints)


@pytest.mark.parametrize("name", ["generator.safetensors", "state.pt", "MANIFEST.json"])
def test_a_run_with_a_damaged_newest_checkpoint_reports_it_and_ends_with_the_same_result(
    finished: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))
    harm(last_checkpoint(run) / name, 40, 3)
    for verb in ("sample", "export"):
        capfd.readouterr()
        assert main([verb, str(run), "--out", str(tmp_path / verb)]) == 5
        message, hint = capfd.readouterr().err.splitlines()[-2:]
        assert name in message
        assert hint.startswith("try: --checkpoint ")
    assert main(["resume", str(run)]) == 0
    assert f"{name} " in capfd.readouterr().err
    assert differing(last_checkpoint(run), last_checkpoint(finished)) == []


def test_without_an_intact_checkpoint_the_run_starts_again_and_reports_it(
    finished: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))
    for state in run.glob("checkpoints/step-*/state.pt"):
        harm(state, 100, 8)
    assert main(["resume", str(run)]) == 0
    said = capfd.readouterr().err
    assert "no checkpoint to go on from: starting again from step 0" in said
    assert said.count("set aside as corrupt-") >= 2
    assert differing(last_checkpoint(run), last_checkpoint(finished)) == []
