"""How the weights of WaveGAN and SpecGAN start."""

from torch import nn


def initialise(module: nn.Module) -> None:
    """Draw weights for ReLU (He et al. 2015, arXiv:1502.01852), and set biases to 0.

    A transposed convolution's fan is what reaches one output: 25 / 4 of its channels. An embedding
    has the variance 1 / its size.
    """
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d):
        taps = module.weight[0, 0].numel() / module.stride[0] ** len(module.stride)
        nn.init.normal_(module.weight, 0, (2 / (module.in_channels * taps)) ** 0.5)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, 0, module.embedding_dim**-0.5)
