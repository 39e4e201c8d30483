"""Training data that moved, changed or went missing in trials: what is true of it now."""

import os
import shlex
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image

import ganzoo
from ganzoo.cli import main
from ganzoo.components import fingerprint as module
from ganzoo.components.fingerprint import Fingerprint, fingerprint
from ganzoo.errors import PluginError
from ganzoo.recipes.lock import experiment, read_lock
from ganzoo.recipes.schema import Mark, marked
from ganzoo.registry.registry import Registry
from ganzoo.report.entries import Unranked, read_entry
from ganzoo.runs.directory import RunDirectory


def pictures(folder: Path, count: int = 6) -> Path:
    """Write pictures of 8x8 pixels, half of them in the class `a`, half in `b`."""
    for number in range(count):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (40 * number, 10, 20)).save(path)
    return folder


def of(path: Path) -> Fingerprint:
    return fingerprint(Folder("train", path=path))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose content is hashed."""
    names: list[str] = []
    original = module._sha256

    def recording(file: Path) -> str:
        names.append(file.name)
        return original(file)

    monkeypatch.setattr(module, "_sha256", recording)
    return names


# --- the fingerprint of data ---


def test_a_file_is_hashed_again_only_after_it_has_changed(tmp_path: Path, read: list[str]) -> None:
    data = pictures(tmp_path / "data")
    first = of(data)
    assert sorted(read) == ["0.png", "1.png", "2.png", "3.png", "4.png", "5.png"]
    read.clear()
    assert of(data) == first
    assert read == []
    Image.new("RGB", (8, 8), "red").save(data / "a" / "2.png")
    changed = of(data)
    assert read == ["2.png"]
    assert changed.sha256 != first.sha256
    assert {name for name in first.files if first.files[name] != changed.files[name]} == {"a/2.png"}


def test_files_that_are_older_than_1970_or_cannot_be_read_leave_the_others_known(
    tmp_path: Path, read: list[str]
) -> None:
    data = pictures(tmp_path / "data")
    os.utime(data / "a" / "0.png", (-(10**9), -(10**9)))
    (data / "a" / "2.png").unlink()
    (data / "a" / "2.png").symlink_to("nowhere.png")
    first = of(data)
    assert first.files["a/2.png"] == ""
    read.clear()
    assert of(data) == first
    assert read == ["2.png"]


def test_a_picture_of_the_same_size_and_modification_time_is_hashed_again(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data")
    first, path = of(data), data / "a" / "2.png"
    status, content = path.stat(), bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert of(data).sha256 != first.sha256


def test_moved_renamed_touched_and_zipped_data_has_the_same_fingerprint(tmp_path: Path) -> None:
    first = of(pictures(tmp_path / "data"))
    moved = tmp_path / "elsewhere" / "renamed"
    shutil.copytree(tmp_path / "data", moved)
    os.utime(moved / "a" / "0.png", (10**9, 10**9))
    assert of(moved) == first
    for name, outer in (("flat.zip", Path()), ("deep.zip", Path("some/folder"))):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in moved.rglob("*.png"):
                archive.write(path, outer / path.relative_to(moved))
        assert of(tmp_path / name) == first


def test_a_store_that_is_damaged_or_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    first = of(pictures(tmp_path / "data"))
    (store,) = (tmp_path / "cache" / "content").iterdir()
    for damage in (
        b"",
        b"[1]",
        b'{"x": 1}',
        b'{"x": [[1, 2], "short"]}',
        b'{"x": "1 2 short"}',
        b"[" * 10**5,
        b"\xff",
    ):
        store.write_bytes(damage)
        assert of(tmp_path / "data") == first
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "file" / "below"))
    assert of(tmp_path / "data") == first


# --- runs ---

RECIPE = """
recipe: 1
seed: 1
name: mine
dataset: {use: folder, path: data}
conditional: true
generator: {use: mlp, width: 8, depth: 1}
discriminator: {use: mlp, width: 8, depth: 1}
loss: hinge
optimizers: {both: {use: adam, lr: 0.001}}
train: {batch_size: 4, steps: 2, save_every_steps: 2, sample_every_steps: 2, log_every_steps: 2}
eval: {extractor: pixels, every_steps: 2, samples: 8, final_samples: 8}
"""


class Trial:
    """A run of `RECIPE` over the pictures in ``data``."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        pictures(Path("data"))
        Path("mine.yaml").write_text(RECIPE)
        self.call("run", "mine.yaml")

    @property
    def run(self) -> RunDirectory:
        (found,) = RunDirectory.all(Path("runs"))
        return found

    def call(self, *words: str) -> str:
        """Call ganzoo, which must succeed; return its output."""
        code, said = self.tried(*words)
        assert code == 0, said
        return said

    def tried(self, *words: str) -> tuple[int, str]:
        """Call ganzoo; return its exit code and its output."""
        self.capsys.readouterr()
        code = main(list(words))
        return code, "".join(self.capsys.readouterr())

    def pasted(self, said: str, folder: str) -> str:
        """Call the command of a hint, with `folder` for FOLDER."""
        (hint,) = (line for line in said.splitlines() if line.startswith("try: ganzoo "))
        words = shlex.split(hint.removeprefix("try: ganzoo ").replace("FOLDER", folder), True)
        return self.call(*words)


@pytest.fixture
def trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Trial:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    return Trial(capsys)


def test_a_run_is_resumed_with_other_pictures_only_if_drift_is_allowed(trial: Trial) -> None:
    kept = trial.run.data_file.read_bytes()
    shutil.copy("data/a/0.png", "data/a/new.png")
    shutil.copy("data/b/1.png", "data/b/3.png")
    Path("data/b/5.png").unlink()
    wrong = (
        "was trained on other data: 1 file added (a/new.png), 1 file removed (b/5.png), "
        "1 file changed (b/3.png)"
    )
    name, before = trial.run.name, trial.run.events_file.read_bytes()
    code, said = trial.tried("resume", "last", "train.steps=4")
    assert code == 4
    assert wrong in said
    assert f"try: ganzoo resume {name} train.steps=4 --allow-drift" in said
    code, said = trial.tried("run", "mine.yaml", "train.steps=4", "--resume", "auto")
    assert (code, wrong in said) == (4, True)
    code, said = trial.tried("score", "last")
    assert (code, wrong in said) == (4, True)
    assert trial.run.events_file.read_bytes() == before
    assert trial.run.data_file.read_bytes() == kept

    trial.call("resume", "last", "train.steps=4", "--allow-drift")
    (event,) = (each for each in trial.run.events() if each["event"] == "data_changed")
    assert event["what"].startswith("1 file added (a/new.png)")
    scores = trial.run.scores()
    assert len({score.protocol.reference_sha256 for score in scores}) == 2
    best = [each for each in scores if each.sampling and each.sampling.selected == "best"]
    assert best[-1].sampling
    assert best[-1].sampling.step == 4
    assert best[-1].protocol == scores[-1].protocol
    trial.call("score", "last")
    trial.call("resume", "last", "train.steps=5")
    assert sum(each["event"] == "data_changed" for each in trial.run.events()) == 1


def test_a_run_without_its_data_is_sampled_exported_loaded_and_compared(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree("data")
    original = Registry.get

    def without_plugin(self: Registry, kind: str, name: str, **more: Any) -> Any:
        if kind in ("dataset", "extractor", "metric"):
            raise PluginError(f"no {kind} {name}", hint="pip install it")
        return original(self, kind, name, **more)

    monkeypatch.setattr(Registry, "get", without_plugin)
    run = ganzoo.load("last")
    assert run.sample(2, labels=1).shape == (2, 3, 8, 8)
    assert run.spec.class_names == ("a", "b")
    for words in (
        ["sample", "last", "--label", "b", "-n", "2"],
        ["sample", "last", "--interpolate", "2", "-n", "2"],
        ["export", "last"],
        ["report", "last"],
        ["compare"],
        ["ls"],
    ):
        trial.call(*words)
    code, said = trial.tried("sample", "last", "--label", "c")
    assert code == 2
    assert "there are a, b" in said


def test_the_hint_of_a_run_whose_data_has_moved_works_when_pasted(trial: Trial) -> None:
    before = experiment(read_lock(trial.run.lock_file), without=marked(Mark.BUDGET))
    Path("data").rename("else where")
    code, said = trial.tried("score", "last")
    assert code == 4
    scored = len(trial.run.scores())
    trial.pasted(said, "'else where'")
    assert len(trial.run.scores()) == scored + 1
    code, said = trial.tried("resume", "last", "train.steps=4")
    assert code == 4
    trial.pasted(said, "'else where'")
    lock = read_lock(trial.run.lock_file)
    assert lock["dataset"]["path"] == str(Path("else where").absolute())
    assert experiment(lock, without=marked(Mark.BUDGET)) == before
    trial.call("score", "last")
    trial.call("resume", "last", "train.steps=5")
    with zipfile.ZipFile("data.zip", "w") as archive:
        for path in Path("else where").rglob("*.png"):
            archive.write(path)
    shutil.rmtree("else where")
    trial.call("resume", "last", "train.steps=6", "dataset.path=data.zip")
    trial.call("score", "last", "dataset.path=data.zip")
    pictures(Path("others"), count=8)
    for words in (["resume", "last", "train.steps=7"], ["score", "last"]):
        code, said = trial.tried(*words, "dataset.path=others")
        assert code == 4
        assert "was trained on other data: 2 files added (a/6.png, b/7.png)" in said
    code, said = trial.tried("resume", "last", "train.steps=7", "dataset.crop=pad")
    assert code == 2
    assert "dataset.crop cannot change" in said


def test_a_folder_is_named_and_scores_of_others_are_never_advised_like_it(trial: Trial) -> None:
    assert trial.run.scores()[-1].protocol.words() == "FD(pixels) 8 · folder:data/train"
    first = trial.run.name
    pictures(Path("birds"), count=8)
    other = ["run", "mine.yaml", "dataset.path=birds", "train.steps=2", "--name"]
    trial.call(*other, "other")
    trial.call(*other, "third", "seed=2")
    second, _ = (run.name for run in RunDirectory.all(Path("runs")) if run.name != first)
    said = trial.call("compare")
    for run in (first, second):  # but for real samples, which are of no run
        assert said.count(f"--like {run}") == said.count(f"held-out.npz --like {run}")
    assert "another data set, FD(pixels) 8 · folder:data/train" in said
    code, said = trial.tried("score", first, "--like", second)
    assert code == 2
    assert "against folder:birds" in said
    assert "against folder:data" in said
    assert "folder:data/train" in trial.call("compare", "--dataset", "folder:data").splitlines()[0]
    assert "folder:birds/train" in trial.call("compare", "--dataset", "folder").splitlines()[0]


PLUGIN = """
from ganzoo.api import hookimpl
from ganzoo_zoo.losses.hinge import Hinge

class Mine(Hinge):
    def generator(self, game):
        if game.step >= 2 and BROKEN:
            raise ValueError("a mistake")
        return super().generator(game)

@hookimpl
def register_losses(register):
    register("mine", "local:Mine")
"""


def test_a_run_goes_on_with_a_repaired_plugin_file(trial: Trial) -> None:
    file = Path("plugin.py")
    file.write_text(PLUGIN + "BROKEN = True\n")
    words = ["run", "mine.yaml", "loss=local/mine", "train.steps=4", "--name", "own"]
    code, said = trial.tried(*words, "--plugin", "plugin.py")
    assert (code, "plugin 'local' failed: ValueError: a mistake" in said) == (1, True)
    (run,) = (each for each in RunDirectory.all(Path("runs")) if each.name.startswith("own"))
    again = f"ganzoo resume {run.name} --plugin plugin.py"
    assert said.splitlines()[-1] == f"try: {again}   # once it is repaired"
    unfinished = read_entry(run)
    assert isinstance(unfinished, Unranked)
    assert unfinished.dataset == "zoo/folder:data"  # as the finished runs of these pictures
    code, said = trial.tried("resume", run.name)
    assert code == 1
    assert f"--plugin FILE   # a repaired copy of runs/{run.name}/plugin.py" in said
    file.write_text(PLUGIN + "BROKEN = False\n")
    trial.call(*shlex.split(again)[1:])
    assert run.status() == "finished"
    assert [each["event"] for each in run.events()].count("plugin_changed") == 1
    file.unlink()
    trial.call("resume", run.name, "train.steps=5")
    trial.call("score", run.name)


DATA = """
from pathlib import Path

import numpy as np
import torch
from ganzoo.api import DataError, SampleSpec, hookimpl

class Points:
    spec = SampleSpec("vector", (2,))

    def __init__(self, split, *, path: Path):
        if not path.exists():
            raise DataError(f"there is no {path}")
        self.points = torch.from_numpy(np.load(path))

    def __len__(self):
        return len(self.points)

    def __getitem__(self, index):
        return self.points[index], None

@hookimpl
def register_datasets(register):
    register("points", "local:Points", modalities={"vector"}, splits=("train",))
"""


def test_a_data_set_that_names_no_files_is_known_by_its_samples(trial: Trial) -> None:
    points = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    np.save("points.npy", points)
    Path("plugin.py").write_text(DATA)
    changes = ["dataset={use: local/points, path: points.npy}", "conditional=false", "--name=own"]
    trial.call("run", "mine.yaml", *changes, "--plugin", "plugin.py")
    (run,) = (each for each in RunDirectory.all(Path("runs")) if each.name.startswith("own"))
    Path("plugin.py").unlink()
    Path("points.npy").rename("moved.npy")
    trial.call("sample", run.name, "-n", "2")
    code, said = trial.tried("resume", run.name, "train.steps=3")
    assert code == 4
    trial.pasted(said, "moved.npy")
    points[17, 1] += 1
    np.save("moved.npy", points)
    code, said = trial.tried("resume", run.name, "train.steps=4")
    assert code == 4
    assert f"{run.name} was trained on other data: its samples differ\n" in said
    np.save("moved.npy", points[:20])
    assert "its samples differ (30 then, 20 now)" in trial.tried("score", run.name)[1]
