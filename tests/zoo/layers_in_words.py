"""The layers that a forward pass goes through, in the words of networks.json."""

from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils import parametrize

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding, nn.BatchNorm2d)


def layers_of(network: nn.Module, inputs: tuple[Tensor, ...]) -> list[str]:
    """Return the layers that a forward pass goes through, in the words of networks.json."""
    layers: list[str] = []

    def note(layer: nn.Module, _: Any, output: Tensor) -> None:
        if isinstance(layer, LAYERS):
            layers.append(described(layer, output))

    with register_module_forward_hook(note):
        network(*inputs)
    return layers


def described(layer: nn.Module, output: Tensor) -> str:
    """Return a layer in the words of networks.json."""
    sn = " sn" if parametrize.is_parametrized(layer) else ""
    if isinstance(layer, nn.BatchNorm2d):
        return f"batchnorm {layer.num_features} affine={layer.affine} eps={layer.eps}"
    if isinstance(layer, nn.Embedding):
        return f"embedding {layer.num_embeddings}x{layer.embedding_dim}{sn}"
    assert isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
    bias = "nobias" if layer.bias is None else "bias"
    if isinstance(layer, nn.Linear):
        return f"linear {layer.in_features}->{layer.out_features} {bias}{sn}"
    kind = "deconv" if isinstance(layer, nn.ConvTranspose2d) else "conv"
    kernel = "x".join(map(str, layer.kernel_size))
    stride = f"/{layer.stride[0]}" if layer.stride[0] > 1 else ""
    channels = f"{layer.in_channels}->{layer.out_channels}"
    size = "x".join(map(str, output.shape[2:]))
    return f"{kind}{kernel}{stride} {channels} {bias}{sn} out {size}"
