"""Optimistic Adam: Daskalakis et al. 2018, arXiv:1711.00141."""

from typing import Annotated, Any

import torch
from torch.optim.optimizer import ParamsT

from ganzoo.api import Ge, Lt, PositiveFloat
from ganzoo_zoo.optimizers.momentum import adam_direction

Decay = Annotated[float, Ge(0), Lt(1)]


class OptimisticAdam(torch.optim.Optimizer):
    """Adam that steps twice and takes the last step back (optimistic mirror descent).

    theta <- theta - 2 u_t + u_(t-1), with u_t the step of Adam; the first step has no u_(t-1), as
    in the authors' code. It is also extragradient with the extrapolation from the past (Gidel et
    al. 2019, arXiv:1802.10551): one gradient an update instead of two.

    Args:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator, against division by 0.

    Source: Daskalakis et al. 2018, arXiv:1711.00141, algorithm 1.
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
                    u *= group["lr"]
                    theta -= 2 * u
                    if "last" in state:
                        theta += state["last"]
                    state["last"] = u
