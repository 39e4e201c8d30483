"""Networks of torch-mimicry and torchgan as components of ganzoo, in a file for `--plugin`.

    ganzoo check shapes-resnet-hinge --plugin benchmarks/peer_networks.py \
        generator=local/mimicry-sngan discriminator=local/mimicry-sngan

`benchmarks/peers.py` says how to install the two packages. Their networks are used as they are;
the modules of `UNUSED`, which they import for metrics, logs and data sets, are mocks.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast
from unittest.mock import MagicMock

from torch import Tensor, nn

from ganzoo.api import PositiveInt, Register, SampleSpec, hookimpl

UNUSED = ("skimage", "tensorflow", "torch._six", "torch.utils.tensorboard", "torchvision")
"""Modules that the peers import and a training step does not use."""


class Mocks(MetaPathFinder, Loader):
    """Find the modules of `UNUSED`, and whatever is inside them, as mocks."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        mocked = any(name == each or name.startswith(f"{each}.") for each in UNUSED)
        return ModuleSpec(name, self, is_package=True) if mocked else None

    def create_module(self, spec: ModuleSpec) -> Any:
        return MagicMock(name=spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave the mock as it is."""


def peer(module: str) -> Any:
    """Import a module of a peer, with mocks for what it imports and a training step never uses."""
    finder, before = Mocks(), set(sys.modules)
    sys.meta_path.insert(0, finder)
    try:
        return import_module(module)
    finally:
        sys.meta_path.remove(finder)
        for name in set(sys.modules) - before:
            if isinstance(sys.modules[name], MagicMock):
                del sys.modules[name]


def require_size(spec: SampleSpec) -> None:
    """Raise ValueError unless the samples have the size of the peers' networks."""
    if spec.model_shape != (3, 32, 32):
        raise ValueError("these networks are for colour images of 32x32")


class Generator(nn.Module):
    """G of a peer, called as ganzoo calls one."""

    def __init__(self, spec: SampleSpec, network: nn.Module, latent_dim: int) -> None:
        super().__init__()
        require_size(spec)
        self.network = network
        self.latent_dim = latent_dim

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.network(z))


class Discriminator(nn.Module):
    """D of a peer, called as ganzoo calls one."""

    capabilities: frozenset[str] = frozenset()

    def __init__(self, spec: SampleSpec, network: nn.Module) -> None:
        super().__init__()
        require_size(spec)
        self.network = network

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.network(x)).flatten()


class MimicryGenerator(Generator):
    """mimicry's G of SNGAN at 32x32.

    Args:
        width: channels of its layers.
    """

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 256) -> None:
        networks = peer("torch_mimicry.nets.sngan")
        super().__init__(spec, networks.SNGANGenerator32(nz=128, ngf=width), latent_dim=128)


class MimicryDiscriminator(Discriminator):
    """mimicry's D of SNGAN at 32x32.

    Args:
        width: channels of its layers.
    """

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 128) -> None:
        super().__init__(spec, peer("torch_mimicry.nets.sngan").SNGANDiscriminator32(ndf=width))


class TorchganGenerator(Generator):
    """torchgan's G of DCGAN at 32x32.

    Args:
        width: channels before the image.
    """

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 64) -> None:
        network = peer("torchgan.models").DCGANGenerator(encoding_dims=100, step_channels=width)
        super().__init__(spec, network, latent_dim=100)


class TorchganDiscriminator(Discriminator):
    """torchgan's D of DCGAN at 32x32, with batch norm.

    Args:
        width: channels of the first layer.
    """

    capabilities = frozenset({"batch-coupled"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 64) -> None:
        super().__init__(spec, peer("torchgan.models").DCGANDiscriminator(step_channels=width))


@hookimpl
def register_generators(register: Register) -> None:
    register("mimicry-sngan", "local:MimicryGenerator", modalities={"image"}, license="MIT")
    register("torchgan-dcgan", "local:TorchganGenerator", modalities={"image"}, license="MIT")


@hookimpl
def register_discriminators(register: Register) -> None:
    register("mimicry-sngan", "local:MimicryDiscriminator", modalities={"image"}, license="MIT")
    register("torchgan-dcgan", "local:TorchganDiscriminator", modalities={"image"}, license="MIT")
