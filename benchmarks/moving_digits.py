"""GANs of moving digits beside held-out clips, an untrained generator, and clips that do not move.

    python benchmarks/moving_digits.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/moving]

Baselines are real clips whose first frame is repeated, and whose frames are shuffled. CPU seconds
are those of a run from its start to its last score.
"""

from __future__ import annotations

import torch
from beside import print_table
from leaderboard_yardsticks import Samples, held_out, untrained

from ganzoo.components.data import tensors_of
from ganzoo.training.run import Run

COLUMNS = {
    "frames": "fd_frames",
    "differences": "fd_differences",
    "start": "law_start",
    "speed": "law_speed",
    "direction": "law_direction",
    "identity": "identity",
}


def still(like: Run, count: int, seed: int) -> Samples:
    """Return real clips whose first frame is repeated."""
    clips, _ = tensors_of(like.plan.dataset)
    return clips[:count, :1].expand_as(clips[:count]).contiguous(), None


def shuffled(like: Run, count: int, seed: int) -> Samples:
    """Return real clips with their frames in any order."""
    clips, _ = tensors_of(like.plan.dataset)
    random = torch.Generator().manual_seed(seed)
    orders = (torch.randperm(clips.shape[1], generator=random) for _ in range(count))
    return torch.stack([clip[order] for clip, order in zip(clips, orders, strict=False)]), None


BASELINES = {
    "held-out clips": held_out,
    "real frames, shuffled": shuffled,
    "still clips": still,
    "untrained": untrained,
}


if __name__ == "__main__":
    print_table(__doc__, ["moving-digits-mocogan"], BASELINES, COLUMNS, "runs/moving")
