"""Lion: Chen et al. 2023, arXiv:2302.06675."""

from typing import Annotated

import torch
from torch.optim.optimizer import ParamsT

from ganzoo.api import Ge, Lt, NonNegativeFloat, PositiveFloat

Decay = Annotated[float, Ge(0), Lt(1)]


class Lion(torch.optim.Optimizer):
    """Steps of equal size by the sign of an average of gradients.

    theta <- theta (1 - lr weight_decay) - lr sign(beta1 m + (1 - beta1) g), then
    m <- beta2 m + (1 - beta2) g. The paper advises a learning rate that is 3 to 10 times smaller
    than Adam's, and a weight decay that is as many times larger than AdamW's.

    Args:
        lr: learning rate.
        betas: weight of the average in a step, and decay of the average.
        weight_decay: each step also shrinks the weights by lr * `weight_decay`.

    Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2.
    """

    def __init__(
        self,
        params: ParamsT,
        *,
        lr: PositiveFloat = 5e-5,
        betas: tuple[Decay, Decay] = (0.9, 0.99),
        weight_decay: NonNegativeFloat = 0.0,
    ) -> None:
        betas = float(betas[0]), float(betas[1])
        decay = float(weight_decay)
        super().__init__(params, {"lr": float(lr), "betas": betas, "weight_decay": decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            lr, (beta1, beta2) = group["lr"], group["betas"]
            for theta in group["params"]:
                if theta.grad is not None:
                    state = self.state[theta]
                    if "m" not in state:
                        state["m"] = torch.zeros_like(theta)
                    m = state["m"]
                    theta *= 1 - lr * group["weight_decay"]
                    theta -= lr * m.lerp(theta.grad, 1 - beta1).sign()
                    m.lerp_(theta.grad, 1 - beta2)
