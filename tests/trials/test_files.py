"""Files are read once, without needless copies, cleaned up after, and their errors give advice."""

import errno
import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from ganzoo_zoo.datasets import CIFAR10, folder
from ganzoo_zoo.datasets.cifar10 import FILES, Cifar10
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image
from torch import nn

from ganzoo.api import RemoteFile, SampleSpec
from ganzoo.cli import main
from ganzoo.components.fingerprint import fingerprint
from ganzoo.registry.fetching import cached, fetch_file
from ganzoo.registry.registry import Registry
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.files import read_samples
from ganzoo.sampling.npz import npz_array
from ganzoo.scoring.features import features_of_batch
from ganzoo.training import decoded_cache
from ganzoo.training.decoded_cache import decoded_directory, key_of, with_decoded_cache
from ganzoo.training.launch import prepare
from ganzoo.training.processes import Processes

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")

TINY = ["gaussians-mlp", "generator={use: mlp, width: 4, depth: 1}",
        "discriminator={use: mlp, width: 4, depth: 1}", "train.batch_size=8", "train.steps=4",
        "train.save_every_steps=2", "dataset.length=600", "eval.samples=50",
        "eval.final_samples=50", "eval.metrics=[]"]  # fmt: skip

Capture = pytest.CaptureFixture[str]


def pictures(place: Path, count: int = 6, size: int = 8) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", (size, size), (number, 10, 20)).save(place / f"{number:04d}.png")
    return place


# --- a state that cannot be read -----------------------------------------------------------------


@pytest.mark.parametrize("verb", ["resume", "sample"])
def test_a_checkpoint_that_cannot_be_read_for_now_names_the_command_that_goes_on(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", *TINY, "eval.extractor=null"]) == 0
    (run,) = RunDirectory.all(Path("runs"))

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    read = {"resume": (torch, "load"), "sample": ("ganzoo.components.weights.load_file",)}[verb]
    monkeypatch.setattr(*read, fail)
    capsys.readouterr()
    words = [run.name, *(["train.steps=6"] if verb == "resume" else [])]
    assert main([verb, *words]) == 5
    message, hint = capsys.readouterr().err.splitlines()[-2:]
    assert "cannot be read: Input/output error" in message
    assert hint == f"try: ganzoo resume {run.name}   # once it can be read, or is moved away"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    newest = run.checkpoints_directory / "step-00000004"
    (newest / "state.pt").rename("away")
    assert main(shlex.split(hint.removeprefix("try: "), comments=True)[1:]) == 0
    steps = {"resume": 6, "sample": 4}[verb]
    assert CheckpointStore(run.checkpoints_directory).steps()[-1] == steps


# --- downloads -----------------------------------------------------------------------------------


def test_what_a_killed_download_left_is_removed_at_the_next_and_one_in_progress_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    content = tmp_path / "copy"
    content.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    file = RemoteFile("net[1].bin", "https://example.org/net.bin", digest, size=7)
    left, used, other = (tmp_path / name for name in (
        ".net[1].bin.0a0b0c0d.part", ".net[1].bin.11111111.part", ".other.bin.0a0b0c0d.part"
    ))  # fmt: skip
    for path in (left, used, other):
        path.write_bytes(b"wei")
    with used.open("r+b") as downloading:
        fcntl.flock(downloading, fcntl.LOCK_EX)
        assert fetch_file(file, "acme/net", content) == cached(file)
        assert not left.exists()
        assert used.exists()
    assert fetch_file(file, "acme/net") == cached(file)  # it is there, and what is left goes
    assert not used.exists()
    assert other.exists()


# --- CIFAR-10 ------------------------------------------------------------------------------------


def test_the_content_of_cifar10_is_known_by_its_files_without_decompressing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("ganzoo_zoo.datasets.cifar10.RECORDS_PER_FILE", 3)
    bins, archive = tmp_path / "bins", tmp_path / "moved.tar.gz"
    bins.mkdir()
    with tarfile.open(archive, "w:gz") as members:
        for name in (*FILES["train"], *FILES["test"]):
            (bins / name).write_bytes(bytes(3 * 3073))
            members.add(bins / name, f"cifar-10-batches-bin/{name}")
    unpacked, packed = Cifar10("train", path=bins), Cifar10("train", path=archive)
    assert sorted(unpacked.source_files()) == sorted(FILES["train"])
    assert packed.source_files() == {CIFAR10.name: archive}
    for data in (unpacked, packed):
        assert fingerprint(data).files.keys() == data.source_files().keys()
        assert "_loaded" not in vars(data)


# --- headers of pictures -------------------------------------------------------------------------


@pytest.fixture
def headers_read(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    original = folder.size_and_mode

    def counting(stream: Any) -> Any:
        found.append(stream)
        return original(stream)

    monkeypatch.setattr(folder, "size_and_mode", counting)
    return found


def test_without_a_size_each_header_is_read_once_and_with_one_none(
    tmp_path: Path, headers_read: list[Any]
) -> None:
    place = pictures(tmp_path / "data")
    for _ in range(2):
        data = Folder("train", path=place)
        assert list(data.headers()) == [((8, 8), "RGB")] * 6
        assert data.spec.shape == (3, 8, 8)
    assert len(headers_read) == 6
    Image.new("RGB", (8, 8)).save(place / "0000.png", compress_level=0)  # another size in bytes
    Folder("train", path=place)
    assert len(headers_read) == 7
    headers_read.clear()
    Folder("train", path=pictures(tmp_path / "other"), size=8)
    assert headers_read == []


# --- arrays --------------------------------------------------------------------------------------


class Sees(nn.Module):
    """An extractor that keeps what it is given."""

    input_shape, num_features = (3, 4, 5), 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.given = x
        return x.flatten(1)[:, :2]


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_with_channels_last_is_not_copied_as_a_whole(
    order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", samples=np.asarray(array, order=order))
    read: list[np.ndarray] = []

    def keeping(path: Path, name: str) -> np.ndarray:
        read.append(npz_array(path, name))
        return read[-1]

    monkeypatch.setattr("ganzoo.sampling.files.npz_array", keeping)
    spec = SampleSpec("image", (3, 4, 5))
    samples = read_samples(tmp_path / "a.npz", spec, Registry())
    assert torch.equal(samples, torch.from_numpy(array).permute(0, 3, 1, 2))
    assert np.shares_memory(samples.numpy(), read[0])
    extractor = Sees()
    features_of_batch(samples[:4], extractor, spec, CPU)  # type: ignore[arg-type]
    assert extractor.given.is_contiguous()


# --- the decoded cache of several processes ------------------------------------------------------


def test_a_process_that_waits_for_the_decoded_cache_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoded_cache, "SECONDS_BETWEEN_NOTES", 0.0)
    data = pictures(tmp_path / "data", count=6)
    given = {"dataset": {"use": "folder", "path": str(data), "size": 8},
             "train.data": "cache", "train.workers": 0}  # fmt: skip
    plan = prepare("digits-mlp-hinge", given, Registry())
    half = decoded_cache.DecodedCache(plan.dataset, decoded_directory() / key_of(plan))
    half.create("zoo/folder")
    half.write([0, 1], decoded_cache.rows_of(plan.dataset, [0, 1]))
    held, told, told_all = FileLock(half.directory.with_suffix(".lock")), [], threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        if "has decoded" in text:
            told_all.set()

    held.acquire()
    thread = threading.Thread(target=with_decoded_cache, args=(plan, Processes(CPU), tell))
    thread.start()
    assert told_all.wait(60)
    held.release()
    thread.join(60)
    assert told[:2] == ["waiting for another process that decodes the same data",
                        "another process has decoded 2 of 6 samples"]  # fmt: skip


@pytest.mark.slow
def test_of_two_processes_the_first_says_that_data_is_decoded_whichever_decodes_it(
    tmp_path: Path,
) -> None:
    data = pictures(tmp_path / "data", count=40)
    words = ["run", "digits-mlp-hinge", f"dataset={{use: folder, path: {data}, size: 8}}",
             "train.data=cache", "train.steps=2", "train.batch_size=8", "eval.extractor=null",
             "eval.metrics=[]", "--runs-dir", str(tmp_path / "runs")]  # fmt: skip
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "ganzoo", *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "GANZOO_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    said = ["decoding 40 samples once", "waiting for another process that decodes the same data"]
    assert sum(done.stderr.count(each) for each in said) == 1


# --- early stopping ------------------------------------------------------------------------------


def test_a_number_to_stop_by_that_no_metric_gives_is_refused_and_one_that_is_dropped_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    stop = "train.stop={metric: %s, patience_evals: 1000}"
    metrics = "eval.metrics=[modes, kid]"
    words = ["run", *(word for word in TINY if not word.startswith("eval.metrics")), metrics]
    assert main([*words, stop % "kidd"]) == 2
    assert "train.stop.metric  no metric gives 'kidd' - did you mean 'kid'?" in (
        capsys.readouterr().err
    )
    assert main([*words, stop % "kid", "eval.every_steps=2"]) == 0
    assert "early stopping is off" not in capsys.readouterr().err
    (run,) = RunDirectory.all(Path("runs"))
    for steps in ("6", "8"):
        more = [run.name, f"train.steps={steps}", "eval.metrics=[modes]"]
        assert main(["resume", *more]) == 0, capsys.readouterr().err
        said = capsys.readouterr().err
        assert said.count("early stopping is off: no metric gives 'kid' any more") == 1
    assert run.status() == "finished"


def test_a_longer_run_that_failed_before_its_first_step_is_not_called_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["run", *TINY, "eval.extractor=null", "--resume", "auto"]
    assert main(words) == 0

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    longer = [*words, "train.steps=6"]
    with monkeypatch.context() as broken:
        broken.setattr(torch, "load", fail)
        assert main(longer) == 5
    assert main(longer) == 0
    (run,) = RunDirectory.all(Path("runs"))
    assert CheckpointStore(run.checkpoints_directory).steps()[-1] == 6
