"""torch's optimizers, fused where the device of the parameters supports it."""

from typing import Annotated, Any

import torch
from torch.optim.optimizer import ParamsT

from ganzoo.api import Ge, Lt, NonNegativeFloat, PositiveFloat

Decay = Annotated[float, Ge(0), Lt(1)]
FUSED_DEVICES = {"cpu", "cuda", "mps", "xpu"}


def adam(
    params: ParamsT,
    *,
    lr: PositiveFloat = 2e-4,
    betas: tuple[Decay, Decay] = (0.5, 0.999),
    eps: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 0.0,
) -> torch.optim.Adam:
    """Adam with DCGAN's defaults.

    Args:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator, against division by 0.
        weight_decay: factor on the weights, which are added to the gradient (an L2 penalty).

    Source: Kingma & Ba 2015, arXiv:1412.6980.
    """
    groups = _groups(params)
    return torch.optim.Adam(
        groups,
        lr=float(lr),
        betas=_floats(betas),
        eps=float(eps),
        weight_decay=float(weight_decay),
        fused=_can_fuse(groups),
    )


def adamw(
    params: ParamsT,
    *,
    lr: PositiveFloat = 2e-4,
    betas: tuple[Decay, Decay] = (0.5, 0.999),
    eps: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 1e-2,
) -> torch.optim.AdamW:
    """Adam with decoupled weight decay.

    Args:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator, against division by 0.
        weight_decay: each step also shrinks the weights by lr * `weight_decay`.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101.
    """
    groups = _groups(params)
    return torch.optim.AdamW(
        groups,
        lr=float(lr),
        betas=_floats(betas),
        eps=float(eps),
        weight_decay=float(weight_decay),
        fused=_can_fuse(groups),
    )


def rmsprop(
    params: ParamsT,
    *,
    lr: PositiveFloat = 5e-5,
    alpha: Decay = 0.99,
    eps: PositiveFloat = 1e-8,
    momentum: NonNegativeFloat = 0.0,
    weight_decay: NonNegativeFloat = 0.0,
) -> torch.optim.RMSprop:
    """RMSprop with the learning rate of the weight-clipping WGAN.

    torch has no fused version.

    Args:
        lr: learning rate.
        alpha: decay of the running mean of the squared gradient.
        eps: added to the denominator, against division by 0.
        momentum: factor on the last update, which is added to the next; 0: none.
        weight_decay: factor on the weights, which are added to the gradient (an L2 penalty).

    Source of the learning rate: Arjovsky et al. 2017, arXiv:1701.07875.
    """
    return torch.optim.RMSprop(
        params,
        lr=float(lr),
        alpha=float(alpha),
        eps=float(eps),
        momentum=float(momentum),
        weight_decay=float(weight_decay),
    )


def sgd(
    params: ParamsT,
    *,
    lr: PositiveFloat = 1e-2,
    momentum: Decay = 0.0,
    nesterov: bool = False,
    weight_decay: NonNegativeFloat = 0.0,
) -> torch.optim.SGD:
    """Stochastic gradient descent with optional momentum.

    Args:
        lr: learning rate.
        momentum: factor on the last update, which is added to the next; 0: none.
        nesterov: look ahead by the momentum (Nesterov's method); needs momentum.
        weight_decay: factor on the weights, which are added to the gradient (an L2 penalty).

    Raises:
        ValueError: `nesterov` without momentum.
    """
    groups = _groups(params)
    return torch.optim.SGD(
        groups,
        lr=float(lr),
        momentum=float(momentum),
        nesterov=nesterov,
        weight_decay=float(weight_decay),
        fused=_can_fuse(groups),
    )


def _floats(betas: tuple[float, float]) -> tuple[float, float]:
    # A recipe may give [0, 0.9]; torch refuses a mixture of int and float.
    return float(betas[0]), float(betas[1])


def _groups(params: ParamsT) -> list[dict[str, Any]]:
    """Return parameters or parameter groups, possibly from iterators, as a list of groups."""
    given: list[Any] = list(params)
    if not given or not isinstance(given[0], dict):
        return [{"params": given}]
    return [{**group, "params": list(group["params"])} for group in given]


def _can_fuse(groups: list[dict[str, Any]]) -> bool:
    parameters = [parameter for group in groups for parameter in group["params"]]
    return all(p.is_floating_point() and p.device.type in FUSED_DEVICES for p in parameters)
