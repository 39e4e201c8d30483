"""What a user does, through the command line and through Python, on the shipped data."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import ganzoo
from ganzoo.errors import RecipeError

TINY = ["train.steps=12", "train.log_every_steps=3", "generator.width=8", "discriminator.width=8"]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "NO_COLOR": "1"}

pytestmark = pytest.mark.slow


def command(folder: Path, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "ganzoo", *words],
        cwd=folder,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished tiny run of the demo recipe."""
    folder = tmp_path_factory.mktemp("workplace")
    command(folder, "run", "digits-dcgan-hinge", *TINY, "eval.every_steps=6")
    return folder


def test_a_run_leaves_what_the_manual_says(workplace: Path) -> None:
    (run,) = (workplace / "runs").glob("[!.]*")
    names = {path.name for path in run.iterdir()}
    promised = {"run.json", "recipe.yaml", "recipe.lock.yaml", "env.json", "metrics.jsonl"}
    assert promised | {"events.jsonl", "scores.jsonl", "samples", "checkpoints"} <= names
    scores = [json.loads(line) for line in (run / "scores.jsonl").read_text().splitlines()]
    selected = [score["sampling"]["selected"] for score in scores]
    assert selected == ["during", "during", "final", "best"]
    assert {score["protocol"]["n_fake"] for score in scores} == {599}
    assert (run / "samples" / "real.png").is_file()
    assert (run / "samples" / "step-00000012.png").is_file()


def test_a_sample_depends_on_its_seed_and_index_alone(workplace: Path) -> None:
    run = ganzoo.load("last", workplace / "runs")
    many, few = run.sample(300, seed=5), run.sample(3, seed=5)
    assert many.dtype == torch.uint8
    assert many.shape == (300, 1, 8, 8)
    assert torch.equal(many[:3], few)
    assert not torch.equal(few, run.sample(3, seed=6))


def test_the_command_line_draws_grids_folders_and_arrays(workplace: Path) -> None:
    command(workplace, "sample", "last", "--count", "9", "--out", "grid.png")
    command(workplace, "sample", "last", "--count", "5", "--out", "pictures")
    command(workplace, "sample", "last", "--count", "5", "--out", "samples.npz")
    command(workplace, "sample", "last", "--count", "2", "--interpolate", "6", "--out", "walk.png")
    with Image.open(workplace / "grid.png") as grid:
        assert grid.size[0] > 8
    pictures = sorted((workplace / "pictures").iterdir())
    array = np.load(workplace / "samples.npz", allow_pickle=False)["samples"]
    assert len(pictures) == 5
    with Image.open(pictures[2]) as third:
        np.testing.assert_array_equal(np.asarray(third), array[2, 0])


def test_samples_of_the_run_score_as_the_run_does(workplace: Path) -> None:
    run = ganzoo.load("last", workplace / "runs")
    command(workplace, "sample", "last", "--count", "599", "--out", "all.npz")
    done = command(workplace, "score", "all.npz", "--like", "last", "--json")
    final = [s for s in run.scores if s.sampling and s.sampling.selected == "final"][-1]
    scored = json.loads(done.stdout)
    assert scored["protocol_id"] == final.protocol.id
    assert scored["value"] == pytest.approx(final.value, rel=1e-6)


def test_an_exported_program_needs_no_ganzoo_and_makes_equal_pictures(workplace: Path) -> None:
    run = ganzoo.load("last", workplace / "runs")
    command(workplace, "export", "last", "--out", "exported")
    torch.manual_seed(0)
    latents = torch.randn(5, run.generator.latent_dim)  # type: ignore[arg-type]
    with torch.no_grad():
        expected = run.generator(latents)
    torch.save(latents, workplace / "latents.pt")
    program = (
        "import sys, torch\n"
        "latents = torch.load('latents.pt', weights_only=True)\n"
        "made = torch.export.load('exported/generator.pt2').module()(latents)\n"
        "assert not any(name.startswith('ganzoo') for name in sys.modules)\n"
        "torch.save(made.detach(), 'made.pt')\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=workplace, check=True)
    made = torch.load(workplace / "made.pt", weights_only=True)
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-6)
    about = json.loads((workplace / "exported" / "generator.json").read_text())
    assert about["generator"]["use"] == "zoo/dcgan"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_killed_and_resumed_ends_with_the_straight_runs_weights(
    tmp_path: Path, precision: str
) -> None:
    words = [
        "run", "digits-dcgan-hinge", *TINY, "train.steps=40", "train.save_every_steps=5",
        f"train.precision={precision}", "eval.extractor=null",
    ]  # fmt: skip
    command(tmp_path, *words, "--name", "straight")
    process = subprocess.Popen(
        [sys.executable, "-m", "ganzoo", *words, "--name", "killed"],
        cwd=tmp_path,
        env=os.environ | ENVIRONMENT,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: bool(list(tmp_path.glob("runs/killed-*/checkpoints/step-00000010"))), process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    listed = command(tmp_path, "ls", "--json").stdout
    assert {run["status"] for run in json.loads(listed)} == {"finished", "interrupted"}
    command(tmp_path, "resume", "killed")
    for name in ("generator", "discriminator", "ema"):
        straight, killed = (
            load_file(next(tmp_path.glob(f"runs/{run}-*/checkpoints/step-00000040/{name}.*")))
            for run in ("straight", "killed")
        )
        assert all(torch.equal(straight[key], killed[key]) for key in straight)


def wait_for(condition: Any, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        if condition():
            return
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    pytest.fail("the run never came so far")


def test_a_stopped_run_says_how_to_go_on_and_resume_auto_does(tmp_path: Path) -> None:
    words = ["run", "digits-dcgan-hinge", *TINY, "eval.extractor=null", "train.steps=4000"]
    stopped = command(tmp_path, *words, "--max-time", "1s", expect=75)
    assert "try: ganzoo resume runs/digits-dcgan-hinge-s0-" in stopped.stderr
    words[-1] = "train.steps=600"
    command(tmp_path, *words, "--resume", "auto")
    again = command(tmp_path, *words, "--resume", "auto")
    assert "is finished already" in again.stderr
    backwards = command(tmp_path, "resume", "digits", "train.steps=1", expect=2)
    assert "already, past 1" in backwards.stderr
    assert len(list((tmp_path / "runs").glob("[!.]*"))) == 1


def test_several_recipes_and_seeds_run_one_after_another(tmp_path: Path) -> None:
    words = ["digits-dcgan-hinge", "digits-dcgan-vanilla", *TINY, "--seeds", "0,1"]
    printed = command(tmp_path, "run", *words, "--print").stdout.splitlines()
    assert len(printed) == 4
    assert all(line.startswith("ganzoo run digits-dcgan-") for line in printed)
    assert not (tmp_path / "runs").exists()
    command(tmp_path, "run", *words, "eval.every_steps=12")
    ranking = json.loads(command(tmp_path, "compare", "--format", "json").stdout)
    assert sorted(row["n"] for row in ranking["ranked"]) == [2, 2]


def test_compare_puts_each_run_in_its_place(tmp_path: Path) -> None:
    base = ["digits-dcgan-hinge", *TINY, "eval.every_steps=12"]
    command(tmp_path, "run", *base, "--seeds", "0,1", "--name", "two")
    command(tmp_path, "run", "digits-dcgan-vanilla", *TINY, "--name", "one")
    command(tmp_path, "run", *base, "eval.samples=300", "--name", "fewer")
    command(tmp_path, "run", *base, "train.steps=4000", "--max-time", "1s", "--name", "stopped",
            expect=75)  # fmt: skip
    command(tmp_path, "run", *base, "seed=7", "--name", "cut")
    cut = next(tmp_path.glob("runs/cut-*/run.json"))
    cut.write_text(cut.read_text()[:40])
    compared = json.loads(command(tmp_path, "compare", "--format", "json").stdout)
    assert [row["n"] for row in compared["ranked"]] in ([2, 1], [1, 2])
    reasons = {entry["run"].split("-")[0]: entry["reason"] for entry in compared["unranked"]}
    assert "n_fake: 300 / 599" in reasons["fewer"]
    assert "interrupted" in reasons["stopped"]
    assert "cannot be read" in reasons["cut"]
    for form in ("md", "csv", "table"):
        assert "two" in command(tmp_path, "compare", "--format", form).stdout
    (fewer,) = (entry for entry in compared["unranked"] if entry["run"].startswith("fewer"))
    command(tmp_path, *fewer["command"].split()[1:])
    again = json.loads(command(tmp_path, "compare", "--format", "json").stdout)
    assert len(again["ranked"]) == 3


def photographs(folder: Path, count: int = 300) -> None:
    """Write JPEGs of mixed size, aspect and mode; the last one is cut short."""
    dice = random.Random(0)
    folder.mkdir()
    for index in range(count):
        size = (dice.randint(40, 160), dice.randint(40, 160))
        mode = dice.choice(["RGB", "RGB", "L", "CMYK"])
        colour = tuple(dice.randrange(256) for _ in mode) if mode != "L" else dice.randrange(256)
        Image.new(mode, size, colour).save(folder / f"{index:03d}.jpg")
    last = folder / f"{count - 1:03d}.jpg"
    last.write_bytes(last.read_bytes()[:-200])


def test_a_folder_of_photographs_is_checked_trained_on_sampled_and_exported(tmp_path: Path) -> None:
    photographs(tmp_path / "photos")
    small = ["generator.width=8", "discriminator.width=8", "train.batch_size=16"]
    words = ["photos-dcgan", "dataset.path=photos", "dataset.size=64", *small, "train.steps=20"]
    refused = command(tmp_path, "check", "--data", *words, expect=4)
    assert "299.jpg" in refused.stderr
    assert "try: " in refused.stderr
    refused = command(tmp_path, "run", *words, expect=4)
    assert "299.jpg" in refused.stderr
    assert not (tmp_path / "runs").exists()
    checked = command(tmp_path, "check", "--data", *words, "dataset.on_bad_image=skip")
    assert "left out: 299.jpg" in checked.stderr
    done = command(tmp_path, "run", *words, "dataset.on_bad_image=skip")
    assert "no score" in done.stderr
    command(tmp_path, "sample", "last", "--count", "4", "--out", "four.png")
    command(tmp_path, "export", "last")
    assert list(tmp_path.glob("runs/*/export/generator.pt2"))


def test_python_takes_the_same_path(tmp_path: Path) -> None:
    run = ganzoo.run(
        "digits-dcgan-hinge",
        {"train.steps": 4, "generator.width": 8, "discriminator.width": 8},
        runs_directory=tmp_path / "runs",
    )
    assert run.status == "finished"
    assert run.sample(2).shape == (2, 1, 8, 8)
    assert run.scores[-1].protocol.distance_name == "FD(toy-cnn)"
    assert "FD(toy-cnn)" in ganzoo.compare(runs_directory=tmp_path / "runs").to_markdown()
    assert ganzoo.load(run.path).name == run.name
    with pytest.raises(RecipeError, match="did you mean 'hinge'"):
        ganzoo.run("digits-dcgan-hinge", {"loss": "hinje"}, runs_directory=tmp_path / "runs")


MISTAKES = {
    "loss: hinje": "hinge",
    "losss: hinge": "loss",
    "generator: {use: dcgan, widht: 8}": "width",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_misspelt_word_fails_before_training_with_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"recipe: 1\nextends: digits-dcgan-hinge\n{line}\n")
    failed = command(tmp_path, "run", "mine.yaml", expect=2)
    assert "mine.yaml:3:" in failed.stderr
    assert f"did you mean '{MISTAKES[line]}'" in failed.stderr
    assert not (tmp_path / "runs").exists()


def test_a_damaged_final_checkpoint_is_said_and_never_replaced_in_silence(tmp_path: Path) -> None:
    command(tmp_path, "run", "digits-dcgan-hinge", *TINY, "eval.extractor=null")
    weights = next(tmp_path.glob("runs/*/checkpoints/step-00000012/ema.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for verb in ("sample", "export"):
        refused = command(tmp_path, verb, "last", expect=5)
        assert "ema.safetensors differs" in refused.stderr
        assert "--checkpoint 11" in refused.stderr
    command(tmp_path, "sample", "last", "--checkpoint", "11")


def test_help_loads_neither_torch_nor_a_plugin() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ganzoo", "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not {"torch", "ganzoo_zoo", "accelerate"} & loaded
