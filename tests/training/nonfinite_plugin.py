"""A plugin in one file, for tests: something that is not finite, at one step, in G's update."""

from typing import Any, Literal

import torch
import torch.distributed as dist

from ganzoo.api import hookimpl


@hookimpl
def register_regularizers(register: Any) -> None:
    register("accident", "local:Accident", summary="makes a term, a gradient or a weight NaN")


class Accident:
    """Happens for the noise that it first met at its step, and for no other."""

    def __init__(
        self,
        *,
        what: Literal["term", "constant", "gradient", "weight"] = "term",
        at: int = 3,
        steps: int = 1,
        any_noise: bool = False,
        rank: int = -1,
    ) -> None:
        self.what, self.at, self.steps, self.any_noise, self.rank = what, at, steps, any_noise, rank
        self.first: float | None = None
        self.weight_is_next = False

    def happens(self, game: Any) -> bool:
        if not self.at <= game.step < self.at + self.steps:
            return False
        key = float(game.latents.sum())
        self.first = key if self.first is None else self.first
        here = self.rank < 0 or dist.get_rank() == self.rank
        return here and (self.any_noise or key == self.first)

    def generator(self, game: Any) -> dict[str, torch.Tensor]:
        logit, happens = game.fake_logits.mean(), self.happens(game)
        self.weight_is_next = happens and self.what == "weight"
        if happens and self.what == "term":
            return {"accident": logit * float("nan")}
        if happens and self.what == "constant":
            return {"accident": torch.tensor(float("inf"))}
        if happens and self.what == "gradient":
            return {"accident": (logit - logit.detach()).sqrt()}
        return {"accident": logit * 0}

    def after_step(self, game: Any) -> None:
        if self.weight_is_next and game.player == "generator":
            next(game.generator_module.parameters()).view(-1)[0] = float("inf")
