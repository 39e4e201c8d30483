"""How fast batches come from the decoded cache, from memory, and decoded each time.

    python benchmarks/data.py [--count 2000] [--size 64] [--seconds 1] [--rounds 5]

Makes synthetic pictures in a temporary folder: PNG and JPEG of `--size`, and JPEG of eight times
that size, decoded with and without `draft`. Measures what the trainer gets: batches of 64 in model
form, in order, nothing else computed. One thread, no workers, processor time: samples per second of
one core, whatever else the machine does.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import torch
from ganzoo_zoo.datasets.folder import Folder
from PIL import Image
from provenance import provenance

from ganzoo.api import Dataset
from ganzoo.sampling.random_streams import CPU, Rows
from ganzoo.training.decoded_cache import DecodedCache
from ganzoo.training.execution import keep_freed_memory
from ganzoo.training.feed import DataFeed

BATCH = 64
ENLARGED = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    print(f"{provenance('pillow', 'torch')}, {given.rounds} rounds, median (lowest-highest)\n")
    with tempfile.TemporaryDirectory() as place:
        os.environ["GANZOO_CACHE"] = place
        table(Path(place), given)


def table(place: Path, given: argparse.Namespace) -> None:
    """Print samples per second of each way, and how many times as fast it is as decoding PNG."""
    size = given.size
    large = max(BATCH, given.count // ENLARGED)
    folders = {
        f"PNG {size}": (pictures(place / "png", given.count, size, "png"), False),
        f"JPEG {size}": (pictures(place / "jpg", given.count, size, "jpg"), False),
    }
    big = pictures(place / "big", large, ENLARGED * size, "jpg")
    folders |= {f"JPEG {ENLARGED * size}": (big, False), "the same, draft": (big, True)}
    data = {
        name: Folder("train", path=path, size=size, draft=draft)
        for name, (path, draft) in folders.items()
    }
    first = next(iter(data.values()))
    cache = DecodedCache(first, place / "decoded")
    cache.create("zoo/folder")
    began = process_time()
    for indices, read in cache.decoded(cache.missing(), workers=0):
        cache.write(indices, read)
    seconds = process_time() - began
    ways: dict[str, tuple[Dataset, bool]] = {name: (each, False) for name, each in data.items()}
    ways |= {"decoded cache": (cache, False), "memory": (first, True)}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given.rounds):
        for name, (dataset, in_memory) in ways.items():
            found[name].append(rate(dataset, in_memory, given.seconds))
    base = median(found[f"PNG {size}"])
    print(f"{'batches of':18} {'samples/s of a core':>28} {'to PNG':>8}")
    for name, each in found.items():
        spread = f"{median(each):,.0f} ({min(each):,.0f}-{max(each):,.0f})"
        print(f"{name:18} {spread:>28} {median(each) / base:8.1f}")
    print(f"\nfilling the cache: {given.count / seconds:,.0f} samples/s")
    exact, draft = data[f"JPEG {ENLARGED * size}"], data["the same, draft"]
    off = torch.stack([exact[i][0].float() - draft[i][0].float() for i in range(BATCH)]).abs()
    print(f"draft: off by {off.mean():.2f} of 255 levels in the mean, by {off.max():.0f} at most")


def pictures(folder: Path, count: int, size: int, suffix: str) -> Path:
    """Write pictures of smooth content with edges and some noise; return their folder."""
    folder.mkdir()
    for number, levels in enumerate(contents(count, size)):
        Image.fromarray(levels).save(folder / f"{number:06}.{suffix}", quality=90)
    return folder


def contents(count: int, size: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(0)
    for _ in range(count):
        coarse = random.integers(0, 256, (6, 6, 3), np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))
        levels = smooth.astype(np.int16) + random.integers(-6, 7, (size, size, 1))
        a, b, c, d = sorted(random.integers(0, size, 4))
        levels[a:c, b:d] += 60
        yield levels.clip(0, 255).astype(np.uint8)


def rate(dataset: Dataset, in_memory: bool, seconds: float) -> float:
    """Return the samples per second of a feed in which every update reads its batch."""
    feed = DataFeed(
        dataset,
        seed=0,
        rows=Rows(0, BATCH),
        batch_size=BATCH,
        position=0,
        device=CPU,
        in_memory=in_memory,
        with_labels=False,
        players=("discriminator",),
        workers=0,
    )
    for _ in range(2):
        feed.next().part(Rows(0, BATCH))
    count, began = 0, process_time()
    while (taken := process_time() - began) < seconds:
        feed.next().part(Rows(0, BATCH))
        count += BATCH
    return count / taken


if __name__ == "__main__":
    main()
