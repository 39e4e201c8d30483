"""Extragradient with Adam: Gidel et al. 2019, arXiv:1802.10551."""

from typing import Annotated, Any

import torch
from torch.optim.optimizer import ParamsT

from ganzoo.api import Ge, Lt, PositiveFloat
from ganzoo_zoo.optimizers.momentum import adam_direction

Decay = Annotated[float, Ge(0), Lt(1)]


class ExtraAdam(torch.optim.Optimizer):
    """Adam from a look-ahead gradient: two updates of a player are one step (extragradient).

    The first update of two saves the weights and extrapolates them by a step of Adam. The second
    takes the gradient there, and steps by it from the saved weights. Both advance the moments. As
    in the authors' code, the second gradient comes from a new batch, and G's updates see a D that
    has moved already.

    Use it for both players, with `discriminator_steps` and `generator_steps` of 1. After an odd
    number of updates the weights are extrapolated ones, so `train.steps`, `eval.every_steps` and
    `save_every_steps` should be even, and a regularizer's `every_steps` 1: with an even number it
    would never be part of a step from the saved weights.

    Args:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator, against division by 0.

    Source: Gidel et al. 2019, arXiv:1802.10551, algorithm 4.
    """

    def __init__(
        self,
        params: ParamsT,
        *,
        lr: PositiveFloat = 2e-4,
        betas: tuple[Decay, Decay] = (0.5, 0.9),
        eps: PositiveFloat = 1e-8,
    ) -> None:
        betas = float(betas[0]), float(betas[1])
        super().__init__(params, {"lr": float(lr), "betas": betas, "eps": float(eps)})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for theta in group["params"]:
                if theta.grad is not None:
                    state: dict[str, Any] = self.state[theta]
                    u = adam_direction(theta.grad, state, group["betas"], group["eps"])
                    if "saved" in state:
                        theta.copy_(state.pop("saved"))
                    else:
                        state["saved"] = theta.clone()
                    theta -= group["lr"] * u
