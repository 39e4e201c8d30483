"""Inception with the public weights of 2015-12-05: the features that FID is defined over."""

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ganzoo.api import DataError, RemoteFile, cache_directory
from ganzoo_zoo import INCEPTION
from ganzoo_zoo.extractors.inception_network import Network, folded


class Inception(Network):
    """pool3 of Inception 2015-12-05, 2,048 features made for photographs in colour.

    The core resizes to 299x299 (the protocol says how) and repeats grey three times. Between batch
    sizes, numbers of processes and CPU threads, features agree to 1e-5 of their norm.

    Source: Heusel et al. 2017, arXiv:1706.08500; the weights are those of
    https://github.com/mseitzer/pytorch-fid, converted there from TensorFlow's.

    Args:
        weights: a copy of the public file; by default that in the cache, where
            ``ganzoo fetch inception`` puts it. Another file is refused, wherever it lies.
        dtype: bfloat16 is two to three times as fast on CPUs that compute in it, changes features
            by about 0.4 %, and is a protocol of its own.

    Raises:
        DataError: the weights are not there, or are not the public ones.
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
        state = read_weights(self.file, weights or cache_directory() / self.file.name)
        self.load_state_dict(folded(state), assign=True)
        self.weights_sha256 = self.file.sha256
        self.to(dtype=getattr(torch, dtype), memory_format=torch.channels_last)
        self.eval().requires_grad_(False)


def read_weights(file: RemoteFile, path: Path) -> dict[str, Tensor]:
    """Return the state that `path` holds, if it is the file that is meant. No pickle is run.

    Raises:
        DataError: it is not there, cannot be read, or its hash is another.
    """
    hint = "ganzoo fetch inception"
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"the weights of inception are not at {path}", hint=hint) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    if (found := sha256(content).hexdigest()) != file.sha256:
        raise DataError(
            f"{path} is not {file.name}: its sha256 is {found}, not {file.sha256}", hint=hint
        )
    return torch.load(BytesIO(content), map_location="cpu", weights_only=True)
