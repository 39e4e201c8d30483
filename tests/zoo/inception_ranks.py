"""One of several ranks that extract together: ``python inception_ranks.py FILE FOLDER RANK WORLD``.

Leaves the features of all ranks in ``FOLDER/RANK-of-WORLD.pt``.
"""

import runpy
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.distributed as dist
from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.scoring import collectives
from ganzoo.scoring.features import features_of


def features(weights: Path, batch_size: int = 256) -> Tensor:
    """Return the features of five images, (5, 2048), of which every rank extracts its share."""
    toys = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("inception_toys.py"))))
    own = features_of(
        [collectives.own_share(toys.images(5))],
        toys.extractor(weights)(weights=weights),
        SampleSpec("image", (3, 32, 32)),
        torch.device("cpu"),
        batch_size,
    )
    return collectives.gather_rows(torch.cat(list(own)))


if __name__ == "__main__":
    folder, rank, world = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/store-{world}",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=120),
    )
    torch.save(features(Path(sys.argv[1])), folder / f"{rank}-of-{world}.pt")
    dist.destroy_process_group()
