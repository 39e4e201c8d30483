"""Data that does not fit in memory: it is read in blocks, once, whatever is computed from it."""

import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from ganzoo_zoo.datasets.folder import Folder
from ganzoo_zoo.datasets.gaussians import Gaussians
from ganzoo_zoo.metrics import coverage
from ganzoo_zoo.metrics.cmmd import CMMD
from ganzoo_zoo.metrics.coverage import DensityCoverage, PrecisionRecall
from ganzoo_zoo.metrics.fd_infinity import FDInfinity
from ganzoo_zoo.metrics.inception_score import InceptionScore
from ganzoo_zoo.metrics.intra_class import IntraClass
from ganzoo_zoo.metrics.kid import Kid, KidSubsets
from ganzoo_zoo.metrics.memorisation import Memorisation
from ganzoo_zoo.metrics.neighbours import squared_radii
from PIL import Image
from torch import Tensor, nn

from ganzoo.api import Evaluated, SampleSpec
from ganzoo.components import data as reading
from ganzoo.components.data import blocks_of, labels_of, rows_of, spread_samples
from ganzoo.errors import PluginError
from ganzoo.scoring.reference import RealData, ReferenceCache, content_sha256
from ganzoo.scoring.score_samples import ExtractorIdentity, SampleScore, score_samples
from ganzoo.training.external_scores import score_against

CPU = torch.device("cpu")
SPEC = SampleSpec("image", (1, 8, 8), classes=2)
COUNT, AT_ONCE = 400, 32


def picture(index: int) -> Tensor:
    return torch.randint(0, 256, SPEC.shape, generator=torch.Generator().manual_seed(index)).byte()


class Watched:
    """A data set that counts its samples in memory, and cannot be read whole."""

    spec = SPEC

    def __init__(self, first: int = 0, count: int = COUNT) -> None:
        self.indices = range(first, first + count)
        self.alive = self.most_alive = 0
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        sample = picture(self.indices[index])
        self.read.append(index)
        self.alive += 1
        self.most_alive = max(self.most_alive, self.alive)
        weakref.finalize(sample, self._gone)
        return sample, index % 2

    def tensors(self) -> tuple[Tensor, Tensor]:
        raise AssertionError("read whole")

    def _gone(self) -> None:
        self.alive -= 1


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", AT_ONCE * 64)


class Means(nn.Module):
    """The means of the rows of an image, as features, with a classifier of two classes."""

    input_shape, num_features, layer, weights_sha256 = None, 8, "rows", None

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1, 2).mean(2)

    def class_logits(self, features: Tensor) -> Tensor:
        return features[:, :2]


def real(data: Watched, **changes: Any) -> RealData:
    return RealData(len(data), partial(blocks_of, data), "local/watched", "train", **changes)


def score(
    reference: RealData, metrics: dict[str, Any], cache: ReferenceCache | None = None
) -> SampleScore:
    made = Watched(first=10_000, count=300)
    fake = blocks_of(made, range(len(made)))
    identity = ExtractorIdentity("local/means", 1)
    return score_samples(fake, reference, Means(), identity, metrics, SPEC, CPU, cache)


# --- one pass in blocks ---


class Samples:
    """A metric of the real samples themselves."""

    def __call__(self, real: Evaluated, fake: Evaluated) -> dict[str, float]:
        assert torch.equal(real.samples[7], picture(7))
        return {"mean": real.samples.double().mean().item()}


METRICS: dict[str, Callable[[], Any]] = {
    "kid": Kid,
    "kid-subsets": lambda: KidSubsets(size=50),
    "precision-recall": PrecisionRecall,
    "density-coverage": DensityCoverage,
    "cmmd": CMMD,
    "fd-infinity": FDInfinity,
    "intra-class": IntraClass,
    "inception-score": InceptionScore,
}


@pytest.mark.parametrize("name", [None, *METRICS])
def test_a_score_reads_the_reference_once_and_holds_one_block_of_it(
    name: str | None, tmp_path: Path
) -> None:
    data, cache = Watched(), ReferenceCache(tmp_path)
    reference = real(data)
    metrics = {name: METRICS[name]()} if name else {}
    result = score(reference, metrics, cache)
    assert not result.notes
    assert data.read == list(range(COUNT))
    assert data.most_alive <= AT_ONCE
    assert result.protocol.reference_sha256 == content_sha256(
        torch.stack([picture(index) for index in range(COUNT)])
    )
    assert score(reference, metrics, cache) == result
    assert len(data.read) == COUNT


def test_memorisation_reads_each_split_once_in_blocks(tmp_path: Path) -> None:
    train, holdout = Watched(), Watched(first=5000, count=150)
    splits = {"train": lambda: real(train), "test": lambda: real(holdout)}
    reference, cache = real(train, splits=splits), ReferenceCache(tmp_path)
    for _ in range(2):
        result = score(reference, {"memorisation": Memorisation()}, cache)
        assert not result.notes
    assert (len(train.read), len(holdout.read)) == (COUNT, 150)
    assert max(train.most_alive, holdout.most_alive) <= AT_ONCE


def test_samples_that_a_metric_asks_for_are_read_in_blocks_too() -> None:
    data = Watched()
    assert not score(real(data), {"samples": Samples()}).notes
    assert data.most_alive <= AT_ONCE


def test_the_size_of_the_blocks_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {name: make() for name, make in METRICS.items()}
    in_blocks = score(real(Watched()), metrics)
    monkeypatch.setattr(reading, "BLOCK_BYTES", 1 << 30)
    assert score(real(Watched()), metrics) == in_blocks


def test_a_reference_of_known_moments_is_read_to_be_hashed_and_not_extracted(
    tmp_path: Path,
) -> None:
    first = score(real(Watched()), {}, ReferenceCache(tmp_path))
    data, batches = Watched(), list[int]()
    reference = real(data)
    later = ReferenceCache(tmp_path)

    class Counting(Means):
        def forward(self, x: Tensor) -> Tensor:
            batches.append(len(x))
            return super().forward(x)

    fake = blocks_of(Watched(first=10_000, count=300), range(300))
    identity = ExtractorIdentity("local/means", 1)
    again = score_samples(fake, reference, Counting(), identity, {}, SPEC, CPU, later)
    assert again == first
    assert (len(data.read), sum(batches)) == (COUNT, 300)
    assert reference.sha256 is not None
    assert not list(tmp_path.glob("*.partial"))


def test_what_depends_on_the_reference_alone_is_computed_once_for_all_scores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counts: list[int] = []

    def radii(features: Tensor, k: int) -> Tensor:
        counts.append(len(features))
        return squared_radii(features, k)

    monkeypatch.setattr(coverage, "squared_radii", radii)
    reference, cache = real(Watched()), ReferenceCache(tmp_path)
    metrics = {"precision-recall": PrecisionRecall()}
    assert score(reference, metrics, cache) == score(reference, metrics, cache)
    assert counts == [COUNT, 300, 300]
    other = score(real(Watched(first=700)), metrics, cache)
    assert counts[3:] == [COUNT, 300]
    assert other == score(real(Watched(first=700)), {"precision-recall": PrecisionRecall()}, cache)


# --- the identity of files ---


def photos(folder: Path, count: int) -> Path:
    folder.mkdir()
    for index in range(count):
        Image.fromarray(picture(index)[0].numpy()).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the pictures that data sets decode."""
    names: list[str] = []
    original = Folder._read

    def read(self: Folder, name: str) -> Tensor:
        names.append(str(self.source.path / name))
        return original(self, name)

    monkeypatch.setattr(Folder, "_read", read)
    return names


def test_a_second_score_against_the_same_files_decodes_none_of_them(
    tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    reference, made = photos(tmp_path / "real", 200), photos(tmp_path / "made", 90)

    def value() -> float:
        found = score_against(made, str(reference), {"channels": 1}, extractor="toy-cnn")
        return found.value

    first = value()
    assert sum(name.startswith(str(reference)) for name in decoded) >= 200
    decoded.clear()
    assert value() == first
    # Some are looked at to see that both are of one kind.
    monkeypatch.setattr("ganzoo.training.external_scores.ALIKE", 1)
    decoded.clear()
    assert value() == first
    assert sum(name.startswith(str(reference)) for name in decoded) == 1
    assert len(set(decoded)) == 91


# --- reading ---


def test_samples_are_read_together_where_the_data_set_can(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Gaussians("train", length=2000)
    draws: list[int] = []
    original = data._draw

    def draw(indices: Any) -> Any:
        draws.append(len(indices))
        return original(indices)

    monkeypatch.setattr(data, "_draw", draw)
    shown, _ = spread_samples(data, 1900)
    assert draws == [1900]
    assert torch.equal(shown[5], data[5][0])


def test_a_sample_that_fails_among_several_is_named() -> None:
    class Failing(Watched):
        def __getitems__(self, indices: list[int]) -> Iterator[Any]:
            return (self[index] for index in indices)

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            if index == 3:
                raise RuntimeError("broken")
            return super().__getitem__(index)

    with pytest.raises(PluginError, match=r"Failing failed at sample 3: .*broken"):
        rows_of(Failing(), range(2, 9))


def test_labels_are_counted_without_decoding_a_picture() -> None:
    class Labelled(Watched):
        labels = torch.arange(COUNT) % 2

    data = Labelled()
    assert labels_of(data).bincount().tolist() == [COUNT // 2] * 2
    assert data.read == []
    without = Watched()
    assert labels_of(without).bincount().tolist() == [COUNT // 2] * 2
    assert without.most_alive <= AT_ONCE


# --- memory ---

PEAK = """
import resource, sys
from functools import partial
import torch
from ganzoo_zoo.metrics.coverage import PrecisionRecall
from ganzoo_zoo.metrics.kid import Kid
from ganzoo.api import SampleSpec
from ganzoo.components.data import blocks_of
from ganzoo.scoring.reference import RealData
from ganzoo.scoring.score_samples import ExtractorIdentity, score_samples

SPEC = SampleSpec("image", (3, 64, 64))

class Many:
    spec = SPEC
    def __init__(self, count): self.count = count
    def __len__(self): return self.count
    def __getitem__(self, index):
        return torch.full(SPEC.shape, index % 251, dtype=torch.uint8).add_(index % 7), None

class Means(torch.nn.Module):
    input_shape, num_features, layer, weights_sha256 = None, 64, "rows", None
    def forward(self, x): return x.mean((1, 3))

data = Many(int(sys.argv[1]))
real = RealData(len(data), partial(blocks_of, data), "local/many", "train")
fake = blocks_of(Many(1000), range(1000))
metrics = {"kid": Kid(), "precision-recall": PrecisionRecall()}
cpu = torch.device("cpu")
score_samples(fake, real, Means(), ExtractorIdentity("local/means", 1), metrics, SPEC, cpu)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mib(count: int) -> int:
    """Return the peak resident memory of a process that scores against this many images."""
    command = [sys.executable, "-c", PEAK, str(count)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
def test_ten_times_the_data_needs_no_more_memory() -> None:
    few, many = peak_mib(3_000), peak_mib(30_000)  # 35 and 350 MiB of images
    assert many - few < 100


FREED = """
import gc
import torch
from ganzoo.scoring.features import release_freed_memory
from ganzoo.training.execution import keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 // 2**20

assert keep_freed_memory()
blocks = [torch.ones(2**18) for _ in range(200)]  # 200 MiB in all
between = blocks[1::2]
del blocks
gc.collect()
held = resident()
release_freed_memory()
print(held - resident(), len(between))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_that_a_score_has_freed_is_returned_although_a_run_keeps_what_it_frees() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    returned, kept = map(int, done.stdout.split())
    assert kept == 100
    assert returned > 80  # of 100 MiB, in holes between blocks that are still in use
