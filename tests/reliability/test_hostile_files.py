"""Files that run code when they are unpickled or constructed, wherever ganzoo reads a file."""

import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ganzoo.cli import main
from ganzoo.runs import manifest
from ganzoo.runs.checkpoints import CheckpointStore

from .tiny import TINY, last_checkpoint, only_run

SLOTS = ("generator.safetensors", "discriminator.safetensors", "ema.safetensors", "state.pt")
RECORDS = ("run.json", "owner.json", "recipe.yaml", "recipe.lock.yaml", "scores.jsonl",
           "metrics.jsonl", "events.jsonl", "health.jsonl", "env.json", "log.txt")  # fmt: skip


class Evil:
    """Makes a directory when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


def saved(evil: object, *, zipped: bool) -> bytes:
    stream = io.BytesIO()
    torch.save({"step": evil}, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def array(evil: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([evil], dtype=object), allow_pickle=True)
    return stream.getvalue()


FORMS: dict[str, Callable[[Evil], bytes]] = {
    "pickle": pickle.dumps,
    "torch": lambda evil: saved(evil, zipped=True),
    "old torch": lambda evil: saved(evil, zipped=False),
    "npy": array,
}


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "code ran"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("trained") / "runs"
    assert main(["run", *TINY, "--runs-dir", str(runs)]) == 0
    return only_run(runs)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "runs" / trained.name))


def seal_again(checkpoint: Path) -> None:
    """Forge the manifest, so that every file is what it says."""
    told = json.loads((checkpoint / manifest.MANIFEST).read_bytes())
    (checkpoint / manifest.MANIFEST).unlink()
    kept = {key: value for key, value in told.items() if key not in ("files", "manifest_sha256")}
    manifest.seal(checkpoint, kept.pop("step"), kept)


def quietly(capfd: pytest.CaptureFixture[str], *words: str) -> int:
    """Return the exit code of a command, which must not be a bug's."""
    code = main(list(words))
    said = capfd.readouterr().err
    assert "Traceback" not in said, said
    assert code != 1, said
    return code


@pytest.mark.parametrize("form", FORMS)
def test_the_malicious_files_do_run_code_when_unpickled(canary: Path, form: str) -> None:
    data = FORMS[form](Evil(canary))
    if form == "npy":
        np.load(io.BytesIO(data), allow_pickle=True)
    elif form == "pickle":
        pickle.loads(data)  # noqa: S301 - it is the test's own
    else:
        torch.load(io.BytesIO(data), weights_only=False)
    assert canary.exists()


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("slot", SLOTS)
def test_no_slot_of_a_checkpoint_whose_manifest_is_forged_runs_code(
    run: Path, canary: Path, capfd: pytest.CaptureFixture[str], slot: str, form: str
) -> None:
    newest = last_checkpoint(run)
    assert {path.name for path in newest.iterdir()} == {*SLOTS, manifest.MANIFEST}
    (newest / slot).write_bytes(FORMS[form](Evil(canary)))
    seal_again(newest)
    assert CheckpointStore(run / "checkpoints").ends_whole()

    assert quietly(capfd, "resume", str(run), "train.steps=8") == 5
    if slot == "ema.safetensors":
        for words in (["sample"], ["export"], ["score"]):
            assert quietly(capfd, *words, str(run)) == 5
    if slot != "state.pt":
        start = ["run", *TINY, "train.steps=1", "--runs-dir", str(run.parent.parent / "other")]
        assert quietly(capfd, *start, f"init.generator={newest / slot}") == 5
    assert not canary.exists()


@pytest.mark.parametrize("state", [{"step": 6}, [], {"step": "six"}, "nothing"])
def test_a_file_that_is_not_a_state_is_a_one_line_error(
    run: Path, capfd: pytest.CaptureFixture[str], state: object
) -> None:
    newest = last_checkpoint(run)
    torch.save(state, newest / "state.pt")
    seal_again(newest)
    assert main(["resume", str(run), "train.steps=8"]) == 5
    message = capfd.readouterr().err.splitlines()[-1]
    assert message.startswith(f"{newest / 'state.pt'} is not the state of this run: ")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RECORDS, f"checkpoints/step-00000006/{manifest.MANIFEST}"])
def test_no_record_of_a_run_runs_code(
    run: Path, canary: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    for data in (
        pickle.dumps(Evil(canary)),
        f"!!python/object/apply:os.mkdir ['{canary}']\n".encode(),
        f"recipe: 1\nname: !!python/object/apply:os.mkdir ['{canary}']\n".encode(),
        json.dumps({"py/reduce": ["os.mkdir", [str(canary)]]}).encode() + b"\n",
    ):
        (run / name).write_bytes(data)
        runs = ["--runs-dir", str(run.parent)]
        for words in (["ls", *runs], ["compare", *runs], ["report", str(run)], ["show", str(run)],
                      ["sample", str(run)], ["resume", str(run)]):  # fmt: skip
            quietly(capfd, *words)
    assert not canary.exists()


@pytest.mark.parametrize("form", FORMS)
def test_no_samples_and_no_pictures_run_code(
    tmp_path: Path, canary: Path, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    data = FORMS[form](Evil(canary))
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "0.png").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "samples.zip", "w") as archive:
        archive.writestr("0.png", data)
    with zipfile.ZipFile(tmp_path / "zipped.npz", "w") as archive:
        archive.writestr("arr_0.npy", data)
    (tmp_path / "bare.npz").write_bytes(data)
    for name in ("samples", "samples.zip", "zipped.npz", "bare.npz"):
        assert quietly(capfd, "score", str(tmp_path / name), "--against", "digits") == 4
    words = ["photos-dcgan", "dataset.size=64", f"dataset.path={tmp_path / 'samples'}"]
    assert quietly(capfd, "run", *words, "--runs-dir", str(tmp_path / "runs")) == 4
    assert not canary.exists()


@pytest.mark.parametrize("word", ["os.mkdir", "!!python/name:os.mkdir", "os:mkdir", "../os", "os"])
@pytest.mark.parametrize("key", ["dataset", "generator", "loss", "latent", "eval.extractor"])
def test_no_recipe_runs_code(
    tmp_path: Path, canary: Path, capfd: pytest.CaptureFixture[str], key: str, word: str
) -> None:
    recipe = tmp_path / "evil.yaml"
    recipe.write_text("recipe: 1\nname: evil\nextends: digits-dcgan-hinge\n")
    words = [f"{key}={{use: {word}, path: '{canary}', _target_: {word}, _args_: ['{canary}']}}"]
    assert quietly(capfd, "check", str(recipe), *words) == 2
    recipe.write_text(
        f"recipe: 1\nname: evil\nextends: digits-dcgan-hinge\n"
        f"loss: !!python/object/apply:{word} ['{canary}']\n"
    )
    assert quietly(capfd, "check", str(recipe)) == 2
    assert not canary.exists()
