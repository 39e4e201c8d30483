"""Two gloo processes train like one: same global batch, same noise, same order of data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .recipes import SMALL, small_recipe

NO_BATCH_NORM = {
    "generator": {"use": "mlp", "width": 16, "batch_norm": False},
    "discriminator": {"use": "mlp", "width": 16},
}

PLUGIN = Path(__file__).with_name("game_plugin.py")


def launch(tmp_path: Path, processes: int, *words: str) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(launcher if processes > 1 else []), *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )


Games = dict[str, list[dict[str, float]]]


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Games]:
    """Loss terms of six steps of several games, then batch norm's statistics, by the number of
    processes."""
    folder = tmp_path_factory.mktemp("ranks")
    recipe = folder / "small.yaml"
    recipe.write_text(yaml.safe_dump(SMALL | NO_BATCH_NORM))
    script = str(Path(__file__).with_name("train_everywhere.py"))
    played = {}
    for processes in (1, 2):
        done = launch(folder, processes, script, str(recipe), str(PLUGIN))
        assert done.returncode == 0, done.stderr
        played[processes] = json.loads(done.stdout.splitlines()[-1])
    return played


def follows(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> None:
    assert len(ours) == len(theirs) == 7
    for our_step, their_step in zip(ours, theirs, strict=True):
        assert our_step == pytest.approx(their_step, rel=1e-3, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("micro_batch", ["None", "1", "4"])
@pytest.mark.parametrize("loss", ["hinge", "wgan-gp", "local/pairing"])
def test_two_processes_follow_one(games: dict[int, Games], loss: str, micro_batch: str) -> None:
    game = f"{loss} {micro_batch}"
    follows(games[2][game], games[1][game])


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["hinge", "wgan-gp", "local/pairing"])
def test_micro_batches_on_two_processes_follow_the_whole_batch_on_one(
    games: dict[int, Games], loss: str
) -> None:
    follows(games[2][f"{loss} 4"], games[1][f"{loss} None"])


@pytest.mark.slow
@pytest.mark.parametrize("critic", ["timed", "packed"])
@pytest.mark.parametrize("micro_batch", ["None", "4"])
def test_noise_inside_g_and_other_latents_follow_one_process(
    games: dict[int, Games], critic: str, micro_batch: str
) -> None:
    follows(games[2][f"{critic} {micro_batch}"], games[1][f"{critic} None"])


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["hinge", "wgan-gp"])
def test_two_processes_with_synced_batch_norm_follow_one(
    games: dict[int, Games], loss: str
) -> None:
    follows(games[2][f"{loss} synced"], games[1][f"{loss} synced"])


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["hinge", "wgan-gp"])
def test_synced_batch_norm_of_one_process_is_the_local_one_to_the_bit(
    games: dict[int, Games], loss: str
) -> None:
    assert games[1][f"{loss} synced"] == games[1][f"{loss} local"]
    assert games[2][f"{loss} synced"] != games[2][f"{loss} local"]


@pytest.mark.slow
def test_another_number_of_processes_than_expected_is_refused(tmp_path: Path) -> None:
    done = launch(
        tmp_path, 1, "-m", "ganzoo", "run", str(small_recipe(tmp_path)), "--expect-processes", "2"
    )
    assert done.returncode == 9
    assert "2 processes were asked for, but the launcher started 1" in done.stderr
    assert "try: torchrun --nproc-per-node 2" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_batch_smaller_than_the_number_of_processes_is_refused(tmp_path: Path) -> None:
    recipe = str(small_recipe(tmp_path))
    done = launch(tmp_path, 2, "-m", "ganzoo", "run", recipe, "train.batch_size=1")
    assert "a batch of 1 cannot be shared by 2 processes" in done.stderr
    assert "try: train.batch_size=2" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_batch_coupled_components_get_a_note_on_several_processes(tmp_path: Path) -> None:
    words = ["-m", "ganzoo", "run", str(small_recipe(tmp_path)), "train.steps=1"]
    done = launch(tmp_path, 2, *words)
    assert done.returncode == 0, done.stderr
    assert "batch-coupled: G's batch norm sees one process's share" in done.stderr
    done = launch(tmp_path, 2, *words, "train.batch_norm=synced")
    assert done.returncode == 0, done.stderr
    assert "synced: batch norm in G sees the whole batch of all 2 processes" in done.stderr
    assert "batch-coupled" not in done.stderr
