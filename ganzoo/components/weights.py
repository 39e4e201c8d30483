"""Write and read the weights of one network as safetensors."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ganzoo.errors import CheckpointError
from ganzoo.untrusted import DAMAGE, reason, require_regular


def write_network(network: nn.Module, path: Path) -> None:
    """Write a network's weights and buffers.

    Raises:
        CheckpointError: one of them is not finite.
    """
    tensors = {
        name: value.detach().to("cpu", copy=True).contiguous()
        for name, value in network.state_dict().items()
    }
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise CheckpointError(f"{path.stem}: {name} is not finite; no checkpoint is written")
    save_file(tensors, path)


def read_network(network: nn.Module, path: Path) -> None:
    """Load a network's weights and buffers; the file must have exactly these.

    Raises:
        CheckpointError: the file is missing, damaged, or from another network.
    """
    try:
        require_regular(path)
        state = load_file(path)
    except (*DAMAGE, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read: {reason(error)}") from error
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        first = str(error).split("\n")[1].strip() if "\n" in str(error) else str(error)
        raise CheckpointError(f"{path} holds the weights of another network: {first}") from error
