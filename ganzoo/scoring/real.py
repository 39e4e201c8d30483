"""The real side of a score: samples, what the protocol says of them, and their features."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from ganzoo.errors import DataError
from ganzoo.scoring.reference import content_sha256


@dataclass(frozen=True)
class RealData:
    """A reference: samples in stored form with what the protocol says of them.

    Raises:
        DataError: fewer than two samples.
    """

    samples: Tensor
    """(N, *shape), on the CPU."""
    labels: Tensor | None
    """int64 (N,), or None."""
    dataset: str
    """Full id, such as ``zoo/digits``."""
    split: str
    preparation: str = ""
    """The data set's parameters in words."""
    splits: "Mapping[str, Callable[[], RealData]]" = field(default_factory=dict)
    """All splits of the data set, each read when it is called for."""

    def __post_init__(self) -> None:
        if len(self.samples) < 2:
            raise DataError(
                f"{self.dataset}/{self.split} has {len(self.samples)} samples; "
                "a Fréchet distance needs at least 2",
                hint="take more real samples, some thousand if there are",
            )

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the samples, computed once."""
        return content_sha256(self.samples)
