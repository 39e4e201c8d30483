"""Data that is decoded by any number of processes, or once: the samples and their order stay."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from filelock import FileLock
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image
from torch import Tensor

import ganzoo
from ganzoo.api import Dataset, SampleSpec
from ganzoo.bench import bench
from ganzoo.cli import bench as cli
from ganzoo.cli import main
from ganzoo.components import plan as plans
from ganzoo.components.plan import Plan
from ganzoo.errors import DataError, UsageError
from ganzoo.recipes.lock import experiment_id
from ganzoo.sampling.random_streams import CPU, Rows
from ganzoo.training.assemble import make_step
from ganzoo.training.decoded_cache import (
    LIMIT,
    RECORDS,
    SUMS,
    DecodedCache,
    decoded_directory,
    kept,
    key_of,
    with_decoded_cache,
)
from ganzoo.training.doctor import decoded
from ganzoo.training.feed import DataFeed, usable_cores, workers_for
from ganzoo.training.processes import Processes
from tests.training.recipes import SMALL, small_plan, small_recipe

ALONE = Processes(CPU)
COUNT = 40
NETWORKS: dict[str, Any] = {
    "generator": {"use": "mlp", "width": 8, "latent_dim": 4},
    "discriminator": {"use": "mlp", "width": 8},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of two classes, of several sizes, as PNG and JPEG."""
    levels = np.random.default_rng(0)
    for number in range(COUNT):
        path = (
            tmp_path
            / "pictures"
            / "ab"[number % 2]
            / f"{number:02}.{['png', 'jpg'][number % 3 == 0]}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (20 + number, 24)
        Image.fromarray(levels.integers(0, 256, (*size, 3), np.uint8)).save(path)
    return tmp_path / "pictures"


def plan_of(tmp_path: Path, folder: Path, **train: object) -> Plan:
    data = {"use": "folder", "path": str(folder), "size": 16}
    settings = {f"train.{key}": value for key, value in train.items()}
    return small_plan(tmp_path, {"dataset": data, **NETWORKS, **settings})


def filled(plan: Plan) -> tuple[Any, list[str]]:
    """Return the data set that training reads, and what was said."""
    said: list[str] = []
    return with_decoded_cache(plan, ALONE, said.append).dataset, said


def feed_of(dataset: Dataset, in_memory: bool = False, **given: Any) -> DataFeed:
    settings = {
        "seed": 0, "rows": Rows(0, 8), "batch_size": 8, "position": 0, "device": CPU,
        "with_labels": True, "players": ("discriminator",),
    }  # fmt: skip
    return DataFeed(dataset, in_memory=in_memory, **(settings | given))


def batches(feed: DataFeed, count: int) -> list[Tensor]:
    """Return the samples and the labels of the next batches, each as one row."""
    found = (feed.next().part(Rows(0, feed.rows.count)) for _ in range(count))
    return [torch.cat([samples.flatten(1), labels[:, None]], 1) for samples, labels in found]  # type: ignore[index]


def same(ours: list[Tensor], theirs: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


class Counted:
    """Numbers as pictures, with a record of which were decoded; labels, conditions or neither."""

    def __init__(self, length: int = 100, labelled: bool = True, condition: Any = None) -> None:
        classes = 7 if labelled else 0
        self.spec = SampleSpec("image", (1, 8, 8), classes=classes, condition=condition)
        self.length, self.labelled = length, labelled
        self.decoded: list[int] = []

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        self.decoded.append(index)
        sample = torch.full((1, 8, 8), index, dtype=torch.uint8)
        if self.spec.condition:
            return sample, torch.full(self.spec.condition.shape, index / 2)
        return sample, index % 7 if self.labelled else None


def kept_in(tmp_path: Path, data: Counted) -> DecodedCache:
    """Return a complete cache of a data set, decoded by this process."""
    cache = DecodedCache(data, tmp_path / "one")
    cache.create("toys/counted")
    for indices, found in cache.decoded(cache.missing(), workers=0):
        cache.write(indices, found)
    return cache


# --- workers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_the_order_and_the_samples_are_those_of_memory_with_any_number_of_workers(
    folder: Path, workers: int
) -> None:
    data = Folder("train", path=folder, size=16)
    expected = batches(feed_of(data, in_memory=True), 12)
    assert same(batches(feed_of(data, workers=workers), 12), expected)


def test_a_resumed_feed_may_have_another_number_of_workers(folder: Path) -> None:
    data = Folder("train", path=folder, size=16)
    expected = batches(feed_of(data, in_memory=True), 12)
    found = batches(feed_of(data, workers=3), 5)
    found += batches(feed_of(data, workers=0, position=5 * 8), 4)
    found += batches(feed_of(data, workers=1, position=9 * 8), 3)
    assert same(found, expected)


def test_without_workers_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.training.feed.DataLoader", None)
    data = Counted()
    batches(feed_of(data, workers=0), 12)
    assert len(data.decoded) == 12 * 8


def test_auto_takes_the_share_of_the_cores_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.training.feed.usable_cores", lambda: 12)
    assert workers_for("auto", 1) == 8
    assert workers_for("auto", 4) == 3
    assert workers_for("auto", 100) == 1
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert workers_for("auto", 16) == 6
    assert (workers_for(0, 1), workers_for(20, 4)) == (0, 20)
    assert usable_cores() >= 1


@pytest.mark.parametrize(
    ("given", "said"),
    [("true", "expected 'auto' or an integer, got true"), ("-1", "-1 must be at least 0")],
)
def test_a_number_of_workers_that_is_none_is_refused(
    given: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "digits-dcgan-hinge", f"train.workers={given}", "--print"]) == 2
    assert f"train.workers  {said}" in capsys.readouterr().err


# --- the cache -----------------------------------------------------------------------------------


def test_cached_samples_are_those_that_are_decoded_each_time(tmp_path: Path, folder: Path) -> None:
    data = Folder("train", path=folder, size=16)
    cache, said = filled(plan_of(tmp_path, folder, data="cache", workers=2))
    assert isinstance(cache, DecodedCache)
    assert "decoding 40 samples once, into" in said[0]
    assert same(batches(feed_of(cache), 12), batches(feed_of(data, workers=0), 12))
    for index in (0, 7, COUNT - 1):
        (sample, label), (decoded, number) = cache[index], data[index]
        assert torch.equal(sample, decoded)
        assert (label, type(label)) == (number, int)
    assert (cache.labels, cache.mirror, len(cache)) == (data.labels, False, COUNT)


def test_a_second_run_decodes_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(plan_of(tmp_path, folder, data="cache"))
    monkeypatch.setattr(Folder, "__getitem__", None)
    cache, said = filled(plan_of(tmp_path, folder, data="cache"))
    batches(feed_of(cache), 12)
    assert said == []


@pytest.mark.parametrize(
    "data",
    [
        Counted(),
        Counted(labelled=False),
        Counted(labelled=False, condition=SampleSpec("vector", (3,))),
    ],
    ids=["labels", "no labels", "conditions"],
)
def test_labels_and_conditions_are_kept_with_their_samples(tmp_path: Path, data: Counted) -> None:
    cache = kept_in(tmp_path, data)
    data.decoded.clear()
    cached = [cache[index] for index in range(100)]
    assert data.decoded == []
    for index, (sample, label) in enumerate(cached):
        expected, value = data[index]
        assert torch.equal(sample, expected)
        assert type(label) is type(value)
        assert label is value is None or torch.equal(torch.as_tensor(label), torch.as_tensor(value))


@pytest.mark.slow
def test_training_goes_on_bit_for_bit_when_the_way_of_reading_changes(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "mine.yaml"
    about = SMALL | {
        "name": "mine",
        "dataset": {"use": "folder", "path": str(folder), "size": 16},
        **NETWORKS,
    }
    recipe.write_text(yaml.safe_dump(about))
    straight = ganzoo.run(recipe, {"train.steps": 9, "train.data": "memory"})
    stopped = ganzoo.run(
        recipe, {"train.steps": 3, "train.data": "stream", "train.workers": 1}, name="other"
    )
    ganzoo.resume(stopped.path, {"train.steps": 6, "train.data": "cache", "train.workers": 2})
    resumed = ganzoo.resume(
        stopped.path, {"train.steps": 9, "train.data": "stream", "train.workers": 0}
    )
    assert len(kept()) == 1
    ours, theirs = (each.generator.state_dict() for each in (resumed, straight))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_data_of_files_that_does_not_fit_into_memory_is_cached_and_other_data_is_streamed(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan_of(tmp_path, folder).data == "memory"
    monkeypatch.setattr(plans, "MEMORY_LIMIT_BYTES", 1000)
    assert plan_of(tmp_path, folder).data == "cache"
    assert small_plan(tmp_path, {"dataset": "shapes"}).data == "stream"


def test_data_that_does_not_name_its_files_is_not_cached(tmp_path: Path, folder: Path) -> None:
    plan = replace(plan_of(tmp_path, folder, data="cache"), dataset=Counted())
    data, said = filled(plan)
    assert isinstance(data, Counted)
    assert said == [
        "the data is decoded each time: zoo/folder does not name its files (source_files)"
    ]


# --- what the cache is of ------------------------------------------------------------------------


def test_another_content_or_preparation_is_another_cache(tmp_path: Path, folder: Path) -> None:
    def key(**given: Any) -> str:
        data = {"use": "folder", "path": str(folder), "size": 16, **given}
        return key_of(small_plan(tmp_path, {"dataset": data, **NETWORKS}))

    first = key()
    assert key(mirror=True) == first
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    assert key(path=str(moved)) == first
    others = [key(size=8), key(crop="pad"), key(channels=1), key(draft=True), key(holdout=0.5)]
    (folder / "a" / "00.jpg").rename(folder / "b" / "zz.jpg")
    others.append(key())
    Image.new("RGB", (30, 30)).save(folder / "b" / "01.png")
    others.append(key())
    assert len({first, *others}) == 8


# --- interruptions and damage --------------------------------------------------------------------


def test_a_cache_that_was_interrupted_decodes_what_is_missing_only(tmp_path: Path) -> None:
    data = Counted()
    cache = DecodedCache(data, tmp_path / "one")
    cache.create("toys/counted")
    indices, found = next(cache.decoded(list(range(30)), workers=0))
    cache.write(indices, found)
    again = DecodedCache(data, tmp_path / "one")
    assert again.missing() == list(range(30, 100))
    data.decoded.clear()
    assert again.decoded_rows([5, 70])[0][:, 0, 0, 0].tolist() == [5, 70]
    assert data.decoded == [70]
    assert again.missing() == [*range(30, 70), *range(71, 100)]


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[50 * (len(content) // 100)] ^= 255
    file.write_bytes(content)


def blank(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


@pytest.mark.parametrize("harm", [cut, flip, blank, Path.unlink])
@pytest.mark.parametrize("file", [RECORDS, SUMS])
def test_a_damaged_cache_gives_the_same_samples_and_is_mended(
    tmp_path: Path, harm: Callable[[Path], None], file: str
) -> None:
    data = Counted()
    kept_in(tmp_path, data)
    harm(tmp_path / "one" / file)
    data.decoded.clear()
    damaged = DecodedCache(data, tmp_path / "one")
    if missing := damaged.missing():
        damaged.create("toys/counted")
        for indices, found in damaged.decoded(missing, workers=0):
            damaged.write(indices, found)
    samples, labels = damaged.decoded_rows(range(100))
    assert labels is not None
    assert samples[:, 0, 0, 0].tolist() == list(range(100))
    assert labels.tolist() == [index % 7 for index in range(100)]
    assert data.decoded
    data.decoded.clear()
    DecodedCache(data, tmp_path / "one").decoded_rows(range(100))
    assert data.decoded == []


def test_a_cache_that_is_truncated_or_removed_while_it_is_read_gives_the_same_samples(
    tmp_path: Path,
) -> None:
    data = Counted()
    cache = kept_in(tmp_path, data)
    cut(cache.directory / RECORDS)
    assert cache.decoded_rows(range(100))[0][:, 0, 0, 0].tolist() == list(range(100))
    shutil.rmtree(cache.directory)
    assert cache.decoded_rows(range(100))[0][:, 0, 0, 0].tolist() == list(range(100))


KILLED = """
import sys, time
from ganzoo_zoo.datasets.folder import Folder
read = Folder.__getitem__
def slowly(self, index):
    time.sleep(0.2)
    return read(self, index)
Folder.__getitem__ = slowly
from ganzoo.training import decoded_cache
decoded_cache.BLOCK_BYTES = 1
from ganzoo.bench import bench
from ganzoo.cli import bench as cli
from ganzoo.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_while_it_decodes_goes_on_where_it_was(
    tmp_path: Path, folder: Path, number: signal.Signals
) -> None:
    small_recipe(tmp_path)
    words = ["run", str(tmp_path / "small.yaml"), "--runs-dir", str(tmp_path / "runs")]
    words += [f"dataset={{use: folder, path: {folder}, size: 16}}", "generator={use: mlp}"]
    words += ["discriminator={use: mlp}", "train.data=cache"]
    command = [sys.executable, "-c", KILLED, *words]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        while not any(map(complete_in, decoded_directory().glob("*/sums"))):
            time.sleep(0.05)
            assert run.poll() is None
        os.killpg(run.pid, number)  # as Ctrl+C in a terminal: the workers get the signal too
        said = run.communicate(timeout=60)[1]
    assert "Traceback" not in said
    assert run.returncode == (-9 if number == signal.SIGKILL else 130)
    (file,) = decoded_directory().glob("*/sums")
    missing = COUNT - complete_in(file)
    cache, notes = filled(plan_of(tmp_path, folder, data="cache"))
    assert f"decoding {missing} samples once" in notes[0]
    assert 0 < missing < COUNT
    assert same(batches(feed_of(cache), 5), batches(feed_of(cache.dataset), 5))


def complete_in(sums: Path) -> int:
    """Return how many samples of a cache are complete."""
    return int(np.count_nonzero(np.fromfile(sums, np.uint32)))


def test_one_process_decodes_and_another_waits_for_it(tmp_path: Path, folder: Path) -> None:
    plan = plan_of(tmp_path, folder, data="cache", workers=0)
    directory = decoded_directory() / key_of(plan)
    directory.parent.mkdir(parents=True)
    held, told, found = FileLock(directory.with_suffix(".lock")), threading.Event(), []
    held.acquire()

    def wait() -> None:
        said = lambda text: told.set() if "waiting for another process" in text else None  # noqa: E731
        found.append(with_decoded_cache(plan, ALONE, said).dataset)

    thread = threading.Thread(target=wait)
    thread.start()
    assert told.wait(30)
    assert found == []
    held.release()
    thread.join(30)
    assert found[0].missing() == []


# --- room ----------------------------------------------------------------------------------------


def test_a_cache_that_would_fill_the_disk_is_not_made_and_training_streams(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = SimpleNamespace(free=4 * 1024**3 + 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: little)
    data, said = filled(plan_of(tmp_path, folder, data="cache"))
    assert isinstance(data, Folder)
    assert len(said) == 1
    assert "would fill the disk of" in said[0]
    assert list(decoded_directory().glob("*/*")) == []


def test_a_disk_that_is_full_after_all_ends_the_cache_and_not_the_run(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DecodedCache, "write", full)
    data, said = filled(plan_of(tmp_path, folder, data="cache"))
    assert isinstance(data, Folder)
    assert said[-1].endswith("cannot be written: No space left on device")
    assert kept() == []


def test_the_cache_that_was_not_used_for_longest_is_removed_first(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def directory(name: str) -> Path:
        return decoded_directory() / name

    for age, name in enumerate(["new", "middle", "old", "busy"]):
        directory(name).mkdir(parents=True)
        (directory(name) / RECORDS).write_bytes(bytes(100_000))
        os.utime(directory(name) / RECORDS, (10_000 - age, 10_000 - age))
    monkeypatch.setenv(LIMIT, str(250_000 / 1024**3))
    with FileLock(directory("busy.lock")):
        cache, _ = filled(plan_of(tmp_path, folder, data="cache"))
    assert cache.missing() == []
    names = {each.directory.name for each in kept()}
    assert names == {"busy", "new", cache.directory.name}


def test_more_than_the_limit_is_not_cached_and_removes_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(plan_of(tmp_path, folder, data="cache"))
    monkeypatch.setenv(LIMIT, "0")
    Image.new("RGB", (30, 30)).save(folder / "b" / "01.png")
    data, said = filled(plan_of(tmp_path, folder, data="cache"))
    assert isinstance(data, Folder)
    assert f"are more than {LIMIT} allows (0 GiB)" in said[0]
    assert len(kept()) == 1


@pytest.mark.parametrize("given", ["much", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_refused(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(LIMIT, given)
    with pytest.raises(UsageError, match=f"{LIMIT} is '{given}', not a number of GiB"):
        filled(plan_of(tmp_path, folder, data="cache"))


def test_a_cache_directory_that_cannot_be_written_is_a_note(
    tmp_path: Path, folder: Path, own_cache: Path
) -> None:
    own_cache.write_text("a file")
    data, said = filled(plan_of(tmp_path, folder, data="cache"))
    assert isinstance(data, Folder)
    assert "cannot be written: Not a directory" in said[0]


def test_a_picture_that_cannot_be_read_is_named_while_the_cache_is_filled(
    tmp_path: Path, folder: Path
) -> None:
    (folder / "b" / "05.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    with pytest.raises(DataError, match=r"05\.png cannot be read"):
        filled(plan_of(tmp_path, folder, data="cache"))


def test_doctor_says_how_much_is_decoded_and_removes_it(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(plan_of(tmp_path, folder, data="cache"))
    words = next(decoded())
    assert (words.status, words.hint) == ("ok", "ganzoo doctor --clear-decoded")
    assert "of at most 64 GiB" in words.words
    runs = ["--runs-dir", str(tmp_path / "runs")]
    assert main(["doctor", "--clear-decoded", *runs]) == 0
    assert ": removed" in capsys.readouterr().err
    assert kept() == []
    assert next(decoded()).hint is None


def test_doctor_reports_a_limit_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, "much")
    (found,) = decoded()
    assert (found.status, found.hint, found.exit_code) == ("wrong", f"unset {LIMIT}", 2)


# --- whether the data is the limit ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "advice"),
    [
        ({"data": "memory"}, None),
        ({"data": "cache", "workers": 0}, "train.data=memory"),
        ({"data": "stream"}, "train.data=cache"),
    ],
)
def test_bench_names_the_setting_under_which_data_comes_faster(
    tmp_path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    train: dict[str, Any],
    advice: str | None,
) -> None:
    plan = with_decoded_cache(plan_of(tmp_path, folder, **train), ALONE, lambda said: None)
    step = make_step(plan, ALONE)
    monkeypatch.setattr(bench, "seconds_per_read", lambda *given: 0.2)
    slow = bench.data_rate(plan, step, bench.How(), seconds_without_data=0.1)
    assert (slow.limits, slow.advice, slow.source) == (True, advice, train["data"])
    assert (slow.samples_per_second, slow.step_samples_per_second) == (80, 160)
    fast = bench.data_rate(plan, step, bench.How(), seconds_without_data=0.4)
    assert (fast.limits, fast.advice) == (False, None)


def test_bench_says_in_one_line_which_is_the_limit() -> None:
    slow = bench.DataRate("stream", 812.4, 2400, "train.data=cache")
    assert cli._limit(slow) == (
        "the data is the limit (stream: 812 samples/s; the step without it: 2400): train.data=cache"
    )
    fast = bench.DataRate("memory", 41234, 640, None)
    assert cli._limit(fast) == (
        "the step is the limit, not the data (memory: 41234 samples/s; the step without it: 640)"
    )


def test_the_feed_is_measured_alone_by_the_batches_that_a_step_reads(
    tmp_path: Path, folder: Path
) -> None:
    step = make_step(plan_of(tmp_path, folder, data="memory", discriminator_steps=2), ALONE)
    read = step.feed.read
    positions = []
    step.feed.read = lambda batch, part: positions.append(batch.position) or read(batch, part)  # type: ignore[method-assign,func-returns-value]
    assert bench.seconds_per_read(step, seconds=1e-9) > 0
    assert [position // 16 for position in positions] == [0, 1, 3, 4, 6, 7, 9, 10]


# --- JPEG files at reduced size ------------------------------------------------------------------


def photo(path: Path, side: int) -> Path:
    """Write a picture with smooth areas and edges."""
    levels = np.random.default_rng(1).integers(0, 256, (6, 6, 3), np.uint8)
    image = Image.fromarray(levels).resize((side, side), Image.Resampling.BICUBIC)
    image.paste((200, 30, 30), (side // 4, side // 4, side // 2, side // 3))
    image.save(path)
    return path


def read(path: Path, **given: Any) -> Tensor:
    return Folder("train", path=path, **({"size": 32} | given))[0][0].float()


def test_draft_changes_pixels_of_large_jpegs_by_some_levels(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg", 512)
    off = (read(tmp_path, draft=True) - read(tmp_path)).abs()
    assert 0 < off.mean() < 2
    assert off.max() < 25


@pytest.mark.parametrize(("name", "side"), [("a.png", 512), ("a.jpg", 120), ("a.jpg", 32)])
def test_draft_leaves_other_pictures_as_they_are(tmp_path: Path, name: str, side: int) -> None:
    photo(tmp_path / name, side)
    assert torch.equal(read(tmp_path, draft=True), read(tmp_path))


def test_draft_is_another_experiment_and_its_absence_is_not(tmp_path: Path, folder: Path) -> None:
    def lock(**given: Any) -> dict[str, Any]:
        data = {"use": "folder", "path": str(folder), "size": 16, **given}
        return small_plan(tmp_path, {"dataset": data, **NETWORKS}).lock()

    before = lock()
    del before["dataset"]["draft"]
    del before["lock"]["defaults"]["dataset.draft"]
    assert experiment_id(lock()) == experiment_id(before)
    assert experiment_id(lock(draft=True)) != experiment_id(before)
