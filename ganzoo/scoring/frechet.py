"""The Fréchet distance as a torchmetrics metric that is updated with features.

Importing this module imports torchmetrics, which takes a second: import it where it is used.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from ganzoo.errors import DataError
from ganzoo.moments import (
    BLOCK,
    Moments,
    add_rows,
    distance,
    trace_of_root,
    trace_of_root_of_rows,
)
from ganzoo.scoring import collectives

OPTIONAL = ("torchvision", "torch_fidelity")
"""Packages that torchmetrics imports where they are installed, and does without elsewhere."""


@contextmanager
def _broken_packages_hidden() -> Iterator[None]:
    """Hide the optional packages that are installed but cannot be imported.

    torchmetrics decides by their metadata, so a torchvision that was built for another torch makes
    every import of torchmetrics fail. Hidden, it counts as not installed.
    """
    broken = [name for name in OPTIONAL if not _can_be_imported(name)]
    find_distribution = metadata.distribution

    def distribution(name: str) -> metadata.Distribution:
        if name.replace("-", "_") in broken:
            raise metadata.PackageNotFoundError(name)
        return find_distribution(name)

    modules: dict[str, Any] = sys.modules  # None there means that there is no such module
    modules.update(dict.fromkeys(broken))
    try:
        with patch.object(metadata, "distribution", distribution):
            yield
    finally:
        for name in broken:
            del modules[name]


def _can_be_imported(name: str) -> bool:
    """Return whether importing a package succeeds; True if it is not installed."""
    try:
        if find_spec(name):
            import_module(name)
    except Exception:  # whatever a broken package raises
        return False
    return True


with _broken_packages_hidden():
    from torchmetrics.image.fid import FrechetInceptionDistance


class FrechetDistance(FrechetInceptionDistance):
    """Fréchet distance between two sets of features, (N, D) each; lower is better.

    The six states keep the names of torchmetrics' metric. Sums are float64; those of outer products
    (``…_cov_sum``) are about the mean, where torchmetrics sums about 0 and loses the digits of
    features that are far from it. With torch.distributed initialised, each rank updates its metric
    with its own share.

    Args:
        num_features: D.
        settings: of torchmetrics' metric. `reset` keeps the real features unless
            ``reset_real_features=True``.
    """

    def __init__(self, num_features: int, **settings: Any) -> None:
        settings.setdefault("reset_real_features", False)
        identity = nn.Identity()  # the metric is updated with features
        identity.num_features = num_features  # type: ignore[assignment]
        super().__init__(feature=identity, **settings)
        self.num_features = num_features
        self._reference: Moments | None = None
        self._rows: list[Tensor] = []
        self._rows_of_all: Tensor | None = None

    def set_reference(self, moments: Moments) -> None:
        """Set the moments of the real features; every rank must pass the same.

        Raises:
            DataError: they have another number of features.
        """
        if len(moments.mean) != self.num_features:
            raise DataError(
                f"the reference has {len(moments.mean)} features, not {self.num_features}"
            )
        device = self.fake_features_sum.device
        self._reference = moments = moments.to(device)
        self._computed = None
        self.real_features_sum = moments.n * moments.mean
        self.real_features_cov_sum = (moments.n - 1) * moments.covariance
        self.real_features_num_samples = torch.tensor(moments.n, device=device)

    def update(self, features: Tensor, real: bool) -> None:
        """Add features (N, D), of any float type and on any device.

        Raises:
            DataError: another shape, or a value that is not finite.
        """
        side = "real" if real else "fake"
        if features.ndim != 2 or features.shape[1] != self.num_features:
            raise DataError(
                f"{side} features have shape {tuple(features.shape)}, not (N, {self.num_features})"
            )
        for block in torch.split(features.detach(), BLOCK):
            self._add(block, side)

    def _add(self, block: Tensor, side: str) -> None:
        total = getattr(self, f"{side}_features_sum")
        count = getattr(self, f"{side}_features_num_samples")
        block = block.to(total.device).double()
        finite = block.isfinite().all(dim=1)
        if not bool(finite.all()):
            row = int(count) + int(finite.logical_not().nonzero()[0])
            raise DataError(f"the features of {side} sample {row} are not finite")
        add_rows(total, getattr(self, f"{side}_features_cov_sum"), int(count), block)
        count += len(block)
        if side == "real":
            self._reference = None
        else:
            # With fewer samples than features, `compute` needs the smaller matrix of rows.
            self._rows = [*self._rows, block] if count < self.num_features else []

    def moments(self, real: bool) -> Moments:
        """Return the moments of this rank's real or fake features.

        Raises:
            DataError: fewer than two of them.
        """
        if real and self._reference is not None:
            return self._reference
        side = "real" if real else "fake"
        n = int(getattr(self, f"{side}_features_num_samples"))
        if n < 2:
            raise DataError(f"a Fréchet distance needs at least 2 {side} samples, not {n}")
        total, scatter = (getattr(self, f"{side}_features_{name}") for name in ("sum", "cov_sum"))
        return Moments.of_sums(total, scatter, n)

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar.

        Raises:
            DataError: fewer than two samples on one side.
        """
        real, fake = self.moments(real=True), self.moments(real=False)
        rows = self._few_rows(fake.n)
        if rows is not None:
            return distance(real, fake, trace_of_root_of_rows(real, rows))
        return distance(real, fake, trace_of_root(real, fake))

    def reset(self) -> None:
        """Discard the fake features, and with ``reset_real_features`` the real ones too."""
        super().reset()
        self._rows, self._rows_of_all = [], None
        if self.reset_real_features:
            self._reference = None

    def _few_rows(self, n: int) -> Tensor | None:
        """Return all n fake rows (n, D), if n < D and every row was kept."""
        rows = self._rows_of_all if self._is_synced else torch.cat(self._rows or [torch.empty(0)])
        return rows if rows is not None and len(rows) == n < self.num_features else None

    def _sync_dist(self, dist_sync_fn: Any = None, process_group: Any = None) -> None:
        """Sum the states over all ranks. (torchmetrics would gather every rank's states.)

        Moments set by `set_reference` are the same on every rank and are not summed.
        """
        group = process_group or self.process_group
        for side in ("fake",) if self._reference is not None else ("real", "fake"):
            names = [f"{side}_features_{name}" for name in ("sum", "cov_sum", "num_samples")]
            total, scatter, count = (getattr(self, name) for name in names)
            of_all, count_of_all = (collectives.sum_over_ranks(t, group) for t in (total, count))
            # Each rank's scatter is about its own mean: move it to the mean of all.
            between = total / count.clamp(min=1) - of_all / count_of_all.clamp(min=1)
            scatter = torch.addr(scatter, count * between, between)
            scatter_of_all = collectives.sum_over_ranks(scatter, group)
            for name, value in zip(names, (of_all, scatter_of_all, count_of_all), strict=True):
                setattr(self, name, value)
        self._rows_of_all = None
        if self.fake_features_num_samples < self.num_features:
            empty = self.fake_features_sum.new_empty(0, self.num_features)
            self._rows_of_all = collectives.gather_rows(torch.cat([empty, *self._rows]), group)
