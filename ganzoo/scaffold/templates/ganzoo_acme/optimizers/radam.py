"""torch's RAdam."""

from typing import Annotated

import torch
from torch.optim.optimizer import ParamsT

from ganzoo.api import Ge, Lt, NonNegativeFloat, PositiveFloat

Decay = Annotated[float, Ge(0), Lt(1)]


def radam(
    params: ParamsT,
    *,
    lr: PositiveFloat = 2e-4,
    betas: tuple[Decay, Decay] = (0.5, 0.999),
    eps: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 0.0,
) -> torch.optim.RAdam:
    """Adam with a rectified warm-up.

    It takes plain momentum steps until its estimate of the variance is reliable.

    Args:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator, against division by 0.
        weight_decay: factor on the weights, which are added to the gradient.

    Source: Liu et al. 2020, arXiv:1908.03265.
    """
    return torch.optim.RAdam(
        params,
        lr=float(lr),
        betas=(float(betas[0]), float(betas[1])),
        eps=float(eps),
        weight_decay=float(weight_decay),
    )
