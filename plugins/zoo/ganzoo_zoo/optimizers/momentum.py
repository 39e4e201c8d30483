"""Moving averages of gradients, which several optimizers share."""

from typing import Any

import torch
from torch import Tensor


def adam_direction(
    gradient: Tensor, state: dict[str, Any], betas: tuple[float, float], eps: float
) -> Tensor:
    """Update Adam's moments by a gradient, and return m_hat / (sqrt(v_hat) + eps).

    Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1.
    """
    if "step" not in state:
        state["step"] = 0
        state["m"], state["v"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
    m, v = state["m"], state["v"]
    state["step"] += 1
    beta1, beta2 = betas
    m.lerp_(gradient, 1 - beta1)
    v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    m_hat, v_hat = m / (1 - beta1 ** state["step"]), v / (1 - beta2 ** state["step"])
    return m_hat / (v_hat.sqrt() + eps)
