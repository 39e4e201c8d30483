"""Normalises one batch that is shared out over the processes; started by torchrun or alone.

Prints one JSON object: kind of layer → name of a result → its numbers over the whole batch.
"""

import json
from typing import Any

import torch
from ganzoo_zoo.blocks.labels import ConditionalBatchNorm2d
from torch import Tensor, nn

from ganzoo.scoring.collectives import gather_over_ranks, mean_over_ranks
from ganzoo.training.batch_norm import average_running_statistics, sync_batch_norm
from ganzoo.training.processes import Processes, find_processes


class Doubled(nn.BatchNorm2d):
    """A third party's layer: torch's, and something behind it."""

    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


class Labelled(nn.Module):
    """The zoo's conditional layer, with the labels 0, 1, 0, 1, …"""

    def __init__(self) -> None:
        super().__init__()
        self.layer = ConditionalBatchNorm2d(3, classes=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, torch.arange(len(x)) % 2)


LAYERS: dict[str, Any] = {
    "1d": lambda: nn.BatchNorm1d(3),
    "2d": lambda: nn.BatchNorm2d(3),
    "momentum of none": lambda: nn.BatchNorm2d(3, momentum=None),
    "no running statistics": lambda: nn.BatchNorm2d(3, affine=False, track_running_stats=False),
    "conditional": Labelled,
    "a third party's": lambda: Doubled(3),
}


def results(kind: str, processes: Processes) -> dict[str, list[float]]:
    """Return output, input gradient, gradients of a penalty on that, and running statistics."""
    torch.manual_seed(0)
    layer = LAYERS[kind]()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, 1, 0.5)
    keys = list(layer.state_dict())
    if processes.world_size > 1:
        sync_batch_norm(layer)
    assert list(layer.state_dict()) == keys
    share = 8 // processes.world_size
    shape = (2, 8, 3) if kind == "1d" else (2, 8, 3, 4, 4)
    batches = 5 + 2 * torch.randn(*shape)
    for whole in batches:
        x = whole[processes.rank * share :][:share].requires_grad_()
        output = layer(x)
        value = (output**3).sum()
        (gradient,) = torch.autograd.grad(value, x, create_graph=True)
        penalty = gradient.square().sum() + value
        wanted = [x, *layer.parameters()]
        of_penalty = torch.autograd.grad(penalty, wanted)
    found = {
        "output": gather_over_ranks(output.detach()),
        "gradient": gather_over_ranks(gradient.detach()),
        "gradient of penalty": gather_over_ranks(of_penalty[0]),
    }
    for (name, _), each in zip(layer.named_parameters(), of_penalty[1:], strict=True):
        found[f"gradient of penalty, {name}"] = mean_over_ranks(each) * processes.world_size
    found |= {name: buffer for name, buffer in layer.named_buffers()}
    if found.keys() & {"running_mean", "layer.norm.running_mean"}:
        found["output in evaluation mode"] = gather_over_ranks(layer.eval()(x).detach())
    return {name: each.flatten().tolist() for name, each in found.items()}


def averaged(processes: Processes) -> dict[str, list[float]]:
    """Return the running mean of a local layer that saw other data on each rank."""
    layer = nn.BatchNorm1d(1, momentum=1.0)
    layer(torch.tensor([[1.0], [3.0]]) + 10 * processes.rank)
    average_running_statistics([layer])
    return {"mean": layer.running_mean.tolist()}


def main() -> None:
    processes = find_processes()
    found = {kind: results(kind, processes) for kind in LAYERS}
    found["local"] = averaged(processes)
    if processes.is_main:
        print(json.dumps(found))
    processes.wait()


if __name__ == "__main__":
    main()
