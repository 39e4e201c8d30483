"""Inception with the public weights of 2015-12-05, by which FID is defined."""

from io import BytesIO
from pathlib import Path
from typing import Literal

import torch

from ganzoo.api import RemoteFile, cache_directory
from ganzoo_zoo.extractors import INCEPTION
from ganzoo_zoo.extractors.inception_network import Network, folded
from ganzoo_zoo.extractors.verified import verified_bytes


class Inception(Network):
    """Inception 2015-12-05, layer pool3: the features of FID, for colour photographs.

    The core resizes images to 299x299 (the protocol says how) and repeats grey three times. The
    2,048 features agree to 1e-5 of their norm between batch sizes, numbers of processes and CPU
    threads.

    Source: Heusel et al. 2017, arXiv:1706.08500; weights of
    https://github.com/mseitzer/pytorch-fid, converted there from TensorFlow.

    Args:
        weights: a copy of the public file; by default the one in the cache, where
            ``ganzoo fetch inception`` puts it. Any other file is refused.
        dtype: bfloat16 is two to three times as fast on CPUs that support it, changes features by
            about 0.4 %, and is a different protocol.

    Raises:
        DataError: the weights are missing or are not the public ones.
    """

    file: RemoteFile = INCEPTION
    input_shape = (3, 299, 299)
    num_features = 2048
    layer = "pool3"

    def __init__(
        self,
        *,
        weights: Path | None = None,
        dtype: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        with torch.device("meta"):
            super().__init__()
        path = weights or cache_directory() / self.file.name
        content = verified_bytes(path, self.file.sha256, hint="ganzoo fetch inception")
        state = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
        self.load_state_dict(folded(state), assign=True)
        self.weights_sha256 = self.file.sha256
        self.to(dtype=getattr(torch, dtype), memory_format=torch.channels_last)
        self.eval().requires_grad_(False)
