"""Reference data, the hash of its content, and a cache of its moments that cannot be stale.

The name of a cached file is a hash of the data's content and of everything else that decides its
features, so a hit is right by construction. The file's own content is checked by a hash as well.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganzoo.api import Evaluated
from ganzoo.components.data import Stored
from ganzoo.errors import DataError
from ganzoo.moments import BLOCK, Moments
from ganzoo.runs.files import remove_leftovers, write_atomic
from ganzoo.runs.records import canonical_json
from ganzoo.runs.score import Protocol
from ganzoo.scoring import collectives
from ganzoo.scoring.features import no_op
from ganzoo.untrusted import DAMAGE, require_regular

FORMAT = "1"
DAY = 86_400

DIGEST = 32
"""Bytes of a sha256."""

TELL_SECONDS = 10

Reading = Callable[[], AbstractContextManager[None]]
Progress = Callable[[int, int], None]


@dataclass
class RealData:
    """Reference samples in stored form, read in blocks, with their entries in the protocol.

    Raises:
        DataError: fewer than two samples.
    """

    count: int
    blocks: Callable[[range], Iterable[Stored]]
    """Rows, in order → their samples and labels, in blocks of any size, on the CPU."""
    dataset: str
    """Full id, such as ``zoo/digits``."""
    split: str
    preparation: str = ""
    """The data set's parameters, as text."""
    splits: "Mapping[str, Callable[[], RealData]]" = field(default_factory=dict)
    """Name → function that opens that split of the data set."""
    reading: Reading = nullcontext
    """What the data is read in; may raise to end the work."""
    progress: Progress = no_op
    """Called while the data is read, with the numbers of samples read and of all to read."""
    sha256: str | None = None
    """Hash of the content, see `ContentHash`, once it is known."""
    remember: Callable[[str], None] = no_op
    """Called with the hash of the content when it becomes known."""
    sides: dict[str, Evaluated] = field(default_factory=dict, repr=False)
    """Inputs of metrics, once they are computed, by `Protocol.reference_key`."""

    def __post_init__(self) -> None:
        if self.count < 2:
            raise DataError(
                f"{self.dataset}/{self.split} has {self.count} samples; "
                "a Fréchet distance needs at least 2",
                hint="use more real samples, some thousands if there are",
            )

    @classmethod
    def of(
        cls,
        samples: Tensor,
        labels: Tensor | None,
        dataset: str,
        split: str,
        preparation: str = "",
    ) -> "RealData":
        """Return samples (N, *shape) that are in memory, or memory-mapped."""

        def blocks(rows: range) -> Iterator[Stored]:
            for part in torch.split(torch.arange(rows.start, rows.stop), BLOCK):
                some = slice(int(part[0]), int(part[-1]) + 1)
                yield samples[some], None if labels is None else labels[some]

        return cls(len(samples), blocks, dataset, split, preparation)

    def read(self, rows: range) -> Iterator[Stored]:
        """Yield rows as `blocks` does, and tell the progress every `TELL_SECONDS`."""
        done, told = 0, time.monotonic()
        for samples, labels in self.blocks(rows):
            yield samples, labels
            done += len(samples)
            if (now := time.monotonic()) - told >= TELL_SECONDS:
                self.progress(done, len(rows))
                told = now

    def first(self) -> Tensor:
        """Return the first sample, (1, *shape)."""
        return next(iter(self.blocks(range(1))))[0]


class ContentHash:
    """Hash of samples (N, *shape) in stored form that does not depend on their order.

    It is the sha256 of dtype, shape and the sorted sha256 of every sample's little-endian bytes.
    """

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self.form = f"{dtype} {shape}\n"
        self.digests: list[bytes] = []

    def add(self, samples: Tensor) -> None:
        """Add a block of samples."""
        for sample in samples.cpu():
            array = sample.contiguous().numpy()
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            self.digests.append(hashlib.sha256(array.tobytes()).digest())

    def gathered(self, device: torch.device) -> str:
        """Return the hash of all ranks' samples."""
        if collectives.rank_and_size()[1] > 1:
            own = torch.tensor(list(b"".join(self.digests)), dtype=torch.uint8).view(-1, DIGEST)
            rows = collectives.gather_rows(own.to(device)).cpu().numpy()
            self.digests = [row.tobytes() for row in rows]
        return self.hexdigest()

    def hexdigest(self) -> str:
        """Return the hash."""
        return hashlib.sha256(self.form.encode() + b"".join(sorted(self.digests))).hexdigest()


def content_sha256(samples: Tensor) -> str:
    """Return the hash of all samples (N, *shape), see `ContentHash`."""
    content = ContentHash(tuple(samples.shape[1:]), str(samples.dtype).removeprefix("torch."))
    content.add(samples)
    return content.hexdigest()


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

    def expects(self, protocol: Protocol) -> bool:
        """Return whether moments under this protocol were saved, of whatever content."""
        return self._marker(protocol).exists()

    def _marker(self, protocol: Protocol) -> Path:
        return self.directory / f"{replace(protocol, reference_sha256='').reference_key}.known"

    def _read(self, key: str) -> Moments | None:
        try:
            require_regular(self._path(key))
            with safe_open(self._path(key), framework="pt") as file:
                about = file.metadata()
                # Clones are aligned in memory as computed moments are: products by MKL, and so the
                # last digits of a score, depend on that.
                mean, covariance = (file.get_tensor(n).clone() for n in ("mean", "covariance"))
            moments = Moments(mean, covariance, int(about["n"]))
            sound = about["format"] == FORMAT and about["sha256"] == _digest(key, moments)
        except (*DAMAGE, SafetensorError):
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
            self._marker(protocol).touch()

    def _path(self, key: str) -> Path:
        return self.directory / f"{key}.safetensors"


def _digest(key: str, moments: Moments) -> str:
    digest = hashlib.sha256(f"{key} {moments.n} {tuple(moments.covariance.shape)}".encode())
    for tensor in (moments.mean, moments.covariance):
        digest.update(f" {tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
