"""A plugin file: a loss that fails, or gets a signal, on one rank of several."""

import os
import signal

from ganzoo.api import hookimpl


@hookimpl
def register_losses(register):
    register("fragile", "local:Fragile", summary="means, unless ACCIDENT says otherwise")


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
