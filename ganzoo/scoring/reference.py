"""Reference data, the hash of its content, and a cache of its moments that cannot be stale.

The name of a cached file is a hash of the data's content and of everything else that decides its
features, so a hit is right by construction. The file's own content is checked by a hash as well.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganzoo.errors import DataError
from ganzoo.moments import Moments
from ganzoo.runs.files import remove_leftovers, write_atomic
from ganzoo.runs.records import canonical_json
from ganzoo.runs.score import Protocol

FORMAT = "1"
DAY = 86_400


@dataclass(frozen=True)
class RealData:
    """Reference samples in stored form, with their entries in the protocol.

    Raises:
        DataError: fewer than two samples.
    """

    samples: Tensor
    """(N, *shape), on the CPU."""
    labels: Tensor | None
    """int64 (N,), conditions in stored form (N, *condition.shape), or None."""
    dataset: str
    """Full id, such as ``zoo/digits``."""
    split: str
    preparation: str = ""
    """The data set's parameters, as text."""
    splits: "Mapping[str, Callable[[], RealData]]" = field(default_factory=dict)
    """Name → function that reads that split of the data set."""

    def __post_init__(self) -> None:
        if len(self.samples) < 2:
            raise DataError(
                f"{self.dataset}/{self.split} has {len(self.samples)} samples; "
                "a Fréchet distance needs at least 2",
                hint="use more real samples, some thousands if there are",
            )

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the samples, see `content_sha256`."""
        return content_sha256(self.samples)


def content_sha256(samples: Tensor) -> str:
    """Return a hash of samples (N, *shape) in stored form that does not depend on their order.

    It is the sha256 of dtype, shape and the sorted sha256 of every sample's little-endian bytes.
    """
    array = samples.cpu().contiguous().numpy()
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    digests = sorted(hashlib.sha256(row.tobytes()).digest() for row in array)
    form = f"{array.dtype.name} {tuple(samples.shape[1:])}\n"
    return hashlib.sha256(form.encode() + b"".join(digests)).hexdigest()


class ReferenceCache:
    """Moments of reference data, one safetensors file each, in `directory` (created if needed).

    The moments that were loaded or saved last stay in memory, and with them their matrix factor.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._last: tuple[str, Moments] | None = None

    def load(self, key: str, device: torch.device) -> Moments | None:
        """Return the moments saved under `key`; None if there are none, or a damaged file."""
        if self._last is None or self._last[0] != key:
            moments = self._read(key)
            self._last = None if moments is None else (key, moments)
        if self._last is None:
            return None
        self._last = key, self._last[1].to(device)
        return self._last[1]

    def _read(self, key: str) -> Moments | None:
        try:
            with safe_open(self._path(key), framework="pt") as file:
                about = file.metadata()
                # Clones are aligned in memory as computed moments are: products by MKL, and so the
                # last digits of a score, depend on that.
                mean, covariance = (file.get_tensor(n).clone() for n in ("mean", "covariance"))
            moments = Moments(mean, covariance, int(about["n"]))
            sound = about["format"] == FORMAT and about["sha256"] == _digest(key, moments)
        except (OSError, SafetensorError, KeyError, ValueError, TypeError):
            return None
        return moments if sound else None

    def save(self, key: str, moments: Moments, protocol: Protocol) -> None:
        """Save moments under `key`, with the protocol for information.

        A cache that cannot be written only costs time, so that is not an error.
        """
        self._last = key, moments
        moments = Moments(moments.mean.cpu(), moments.covariance.cpu(), moments.n)
        tensors = {"mean": moments.mean.contiguous(), "covariance": moments.covariance.contiguous()}
        about = {
            "format": FORMAT,
            "n": str(moments.n),
            "sha256": _digest(key, moments),
            "protocol": canonical_json(vars(protocol) | {"n_fake": None}),
        }
        with suppress(OSError):
            self.directory.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.directory, older_than_seconds=DAY)  # others may be writing
            write_atomic(self._path(key), save(tensors, about))

    def _path(self, key: str) -> Path:
        return self.directory / f"{key}.safetensors"


def _digest(key: str, moments: Moments) -> str:
    digest = hashlib.sha256(f"{key} {moments.n} {tuple(moments.covariance.shape)}".encode())
    for tensor in (moments.mean, moments.covariance):
        digest.update(f" {tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
