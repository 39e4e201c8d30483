"""One of two ranks that score together: ``python two_ranks.py DIRECTORY RANK``. Prints JSON."""

import json
import runpy
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import torch.distributed as dist

from ganzoo.errors import GanzooError
from ganzoo.scoring.frechet import FrechetDistance
from ganzoo.scoring.reference import ReferenceCache
from ganzoo.scoring.score_samples import score_samples

directory, rank = Path(sys.argv[1]), int(sys.argv[2])
toys = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("toys.py"))))
dist.init_process_group(
    "gloo",
    init_method=f"file://{directory}/store",
    rank=rank,
    world_size=2,
    timeout=timedelta(seconds=60),
)


def say(fake: list, cache: ReferenceCache | None, metrics: dict) -> None:
    result = score_samples(
        fake,
        toys.real_points(),
        toys.Flat(),
        toys.identity("flat"),
        metrics,
        toys.POINTS,
        toys.CPU,
        cache,
    )
    count = result.protocol.n_fake
    about = {"value": result.value, "metrics": result.metrics, "protocol": result.protocol.id}
    about["statistics"] = vars(result.statistics)
    print(json.dumps({"count": count, **about}), flush=True)


# A cache of its own that only rank 0 ever writes to, then one that both see.
own, shared = ReferenceCache(directory / f"cache-{rank}"), ReferenceCache(directory / "cache")
for count, share in ((30, 20), (5, 2), (4, 4)):
    fake = toys.points(count, seed=2)
    part = fake[:share] if rank == 0 else fake[share:]
    batches = toys.batches(part) if len(part) else []
    say(batches, own, {})
    say(batches, shared, {"m": toys.Agreement()})
metric = FrechetDistance(6)
metric.set_reference(toys.moments(toys.real_samples()))
metric.update(toys.points(30, seed=2)[rank::2], real=False)
with metric.sync_context():
    counts = [int(metric.real_features_num_samples), int(metric.fake_features_num_samples)]
about = {"value": metric.compute().item(), "after": int(metric.fake_features_num_samples)}
print(json.dumps({"synced": counts, **about}), flush=True)
try:
    say(toys.batches(toys.points(9, seed=2) / (1 - rank)), None, {})
except GanzooError as error:
    print(json.dumps({"error": error.message}), flush=True)
dist.destroy_process_group()
