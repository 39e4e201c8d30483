"""Draw docs/images/emoji.png: emoji of some groups, and those that a run generates of each.

    ganzoo run emoji-dcgan-long
    python benchmarks/emoji_strip.py RUN [docs/images/emoji.png]

A row has four emoji of the training set, then twelve generated ones: the first of seed 0, none is
left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image

import ganzoo
from ganzoo.components.build import make
from ganzoo.components.data import tensors_of

GROUPS = ("Smileys & Emotion", "Flags", "Food & Drink", "Animals & Nature", "Symbols")
REAL, GENERATED, GAP, SCALE = 4, 12, 10, 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("file", nargs="?", type=Path, default=Path("docs/images/emoji.png"))
    chosen = parser.parse_args()
    run = ganzoo.load(chosen.run)
    every, labels = tensors_of(make(run.plan.components["dataset",], "train"))
    assert labels is not None
    rows = []
    for group in GROUPS:
        label = run.spec.class_names.index(group)
        of_group = every[labels == label]
        real = of_group[torch.linspace(0, len(of_group) - 1, REAL).long()]
        rows.append(torch.cat([line(real), gap(run), line(run.sample(GENERATED, labels=label))], 2))
    sheet = torch.cat(rows, 1).permute(1, 2, 0).numpy()
    image = Image.fromarray(sheet)
    image = image.resize((SCALE * image.width, SCALE * image.height), Image.Resampling.NEAREST)
    image.save(chosen.file, optimize=True)


def line(images: torch.Tensor) -> torch.Tensor:
    """Return images uint8 (N, 3, H, W) beside each other with a white margin, (3, H + 2, …)."""
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), value=255)
    return torch.cat(list(padded), 2)


def gap(run: ganzoo.Run) -> torch.Tensor:
    _, height, _ = run.spec.shape
    return torch.full((3, height + 2, GAP), 255, dtype=torch.uint8)


if __name__ == "__main__":
    main()
