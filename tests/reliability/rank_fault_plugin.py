"""A plugin file: a loss and a data set that fail, or get a signal, on one rank only."""

import os
import signal

import torch

from ganzoo.api import SampleSpec, hookimpl


@hookimpl
def register_losses(register):
    register("fragile", "local:Fragile", summary="means, unless ACCIDENT says otherwise")


@hookimpl
def register_datasets(register):
    register("points", "local:Points", summary="600 points", splits=("train",), extractor="pixels")


class Points:
    """``READING=RANK``: who gets SIGTERM when the data is read for the score.

    Single rows are read in rehearsal and for the score, and all at once twice between the two.
    """

    def __init__(self, split, *, spread: float = 1.0) -> None:
        self.spec = SampleSpec("vector", (2,))
        generator = torch.Generator().manual_seed(0)
        self.points = spread * torch.randn(600, 2, generator=generator)
        self.fails = os.environ.get("READING") == os.environ.get("RANK", "0")
        self.reads = 0

    def __len__(self):
        return len(self.points)

    def __getitem__(self, index):
        if self.fails and self.reads == 2:
            self.fails = False
            os.kill(os.getpid(), signal.SIGTERM)
        return self.points[index], None

    def tensors(self):
        self.reads += 1
        return self.points.clone(), None


class Fragile:
    """``ACCIDENT=WHAT:RANK:STEP``: what happens to whom in D's update of which step."""

    def discriminator(self, game):
        what, rank, step = os.environ.get("ACCIDENT", "nothing:0:0").split(":")
        if rank == os.environ.get("RANK", "0") and int(step) == game.step:
            if what == "raise":
                raise ValueError("an error of one rank alone")
            if what != "nothing":
                os.kill(os.getpid(), signal.Signals[what])
        return {"d": (game.fake_logits - game.real_logits).mean()}

    def generator(self, game):
        return {"g": -game.fake_logits.mean()}
