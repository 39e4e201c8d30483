"""Baselines without a network: rows that a generator has to beat."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Values = NDArray[np.float64]

TINY = 1e-9


def independent_columns(rows: Values, count: int, seed: int) -> Values:
    """Return rows whose columns are drawn independently, each from its training values.

    Args:
        rows: float64 (N, D), NaN where missing.
    """
    random = np.random.default_rng(seed)
    return np.stack([random.choice(column, count) for column in rows.T], 1)


def gaussian_copula(rows: Values, count: int, seed: int) -> Values:
    """Return rows of a Gaussian copula with the training columns as they are.

    A column's values, categories in their order and missing ones last, become normal scores; a
    value that many rows share is spread evenly over its part of the distribution. The scores'
    correlation matrix is all that the rows have in common with the training rows.

    Args:
        rows: float64 (N, D), NaN where missing.
    """
    random = np.random.default_rng(seed)
    columns = [np.unique(column, return_inverse=True, return_counts=True) for column in rows.T]
    edges = [np.concatenate([[0.0], counts.cumsum() / len(rows)]) for _, _, counts in columns]
    scores = []
    for (_, places, _), edge in zip(columns, edges, strict=True):
        within = edge[places] + random.random(len(rows)) * np.diff(edge)[places]
        scores.append(_normal_quantiles(within))
    correlations = np.nan_to_num(np.corrcoef(scores).reshape(len(edges), -1)) * (1 - TINY)
    np.fill_diagonal(correlations, 1.0)
    drawn = random.normal(size=(count, len(edges))) @ np.linalg.cholesky(correlations).T
    shares = torch.special.ndtr(torch.from_numpy(drawn)).numpy()
    new = []
    for (values, _, _), edge, share in zip(columns, edges, shares.T, strict=True):
        places = np.searchsorted(edge, share, side="right") - 1
        new.append(values[places.clip(0, len(values) - 1)])
    return np.stack(new, 1)


def _normal_quantiles(shares: Values) -> Values:
    found = torch.special.ndtri(torch.from_numpy(shares.clip(TINY, 1 - TINY)))
    return np.asarray(found.numpy())
