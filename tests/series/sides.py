"""Both sides of a score, from arrays of windows."""

import numpy as np
import torch

from ganzoo.api import Column, Evaluated, SampleSpec


class Extraction:
    """What metrics ask of an extraction here: the spec, and features, which are the values."""

    def __init__(self, spec: SampleSpec) -> None:
        self.spec = spec

    def features(self, batches):
        return (batch.flatten(1).float() for batch in batches)


def sides(
    real: np.ndarray, fake: np.ndarray, test: np.ndarray | None = None
) -> tuple[Evaluated, Evaluated]:
    """Return real and generated windows (N, C, T) as metrics get them."""
    columns = tuple(Column(f"x{index}", range=(-1, 1)) for index in range(real.shape[1]))
    extraction = Extraction(SampleSpec("table/series", real.shape[1:], columns=columns))

    def side(windows: np.ndarray, **more) -> Evaluated:
        stored = torch.from_numpy(np.ascontiguousarray(windows, dtype=np.float64))
        return Evaluated(stored.flatten(1).float(), stored, extraction=extraction, **more)  # type: ignore[arg-type]

    return side(real, splits={} if test is None else {"test": side(test)}), side(fake)
