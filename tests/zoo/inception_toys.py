"""A file in the form of Inception's public weights, and the network as it is before folding.

A file of its own, since other processes run it too.
"""

import copy
from hashlib import sha256
from pathlib import Path

import torch
from ganzoo_zoo.extractors.inception import Inception
from ganzoo_zoo.extractors.inception_network import Convolution, Network
from torch import Tensor, nn

from ganzoo.api import RemoteFile


def random_state(seed: int = 0) -> dict[str, Tensor]:
    """Random weights under the names of the public file, batch norms apart; sizes are kept."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator) * (high - low) + low

    with torch.device("meta"):
        network = Network()
    state: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, Convolution):
            width, fan = module.out_channels, module.weight[0].numel()
            weight = torch.randn(module.weight.shape, generator=generator) * (2 / fan) ** 0.5
            state[f"{name}.conv.weight"] = weight
            state[f"{name}.bn.weight"] = uniform(0.8, 1.2, width)
            state[f"{name}.bn.bias"] = uniform(-0.1, 0.1, width)
            state[f"{name}.bn.running_mean"] = uniform(-0.1, 0.1, width)
            state[f"{name}.bn.running_var"] = uniform(0.5, 1.5, width)
            state[f"{name}.bn.num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
    state["fc.weight"] = torch.randn(1008, 2048, generator=generator) / 2048**0.5
    state["fc.bias"] = uniform(-1, 1, 1008)
    return state


class Unfolded(nn.Module):
    """Convolution, batch norm, ReLU: what `Convolution` folds into one."""

    def __init__(self, like: Convolution) -> None:
        super().__init__()
        self.conv = copy.deepcopy(like)
        self.conv.bias = None
        self.bn = nn.BatchNorm2d(like.out_channels, eps=1e-3, device=like.weight.device)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.Conv2d.forward(self.conv, x)
        return self.bn(x).relu()


def unfolded(state: dict[str, Tensor]) -> Network:
    """The network with its batch norms apart, in eval mode; loads a public file as it is."""
    with torch.device("meta"):
        network = Network()
        for name, module in list(network.named_modules()):
            if isinstance(module, Convolution):
                parent, _, last = name.rpartition(".")
                setattr(network.get_submodule(parent), last, Unfolded(module))
    network.load_state_dict({k: v for k, v in state.items() if k != "fc.bias"}, assign=True)
    return network.eval().requires_grad_(False)


def write(path: Path) -> RemoteFile:
    """Write random weights as the public file is written; say what the file is."""
    torch.save(random_state(), path)
    return remote(path)


def remote(path: Path) -> RemoteFile:
    digest = sha256(path.read_bytes()).hexdigest()
    return RemoteFile(path.name, "https://example.org/weights.pth", digest)


def extractor(path: Path) -> type[Inception]:
    """`Inception` for another file than the public one."""
    return type("Random", (Inception,), {"file": remote(path), "__module__": __name__})


def images(n: int, size: int = 32, channels: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (n, channels, size, size), generator=generator, dtype=torch.uint8)


def relative(a: Tensor, b: Tensor) -> float:
    """Difference in units of the norm of b."""
    return float((a - b).norm() / b.norm())
