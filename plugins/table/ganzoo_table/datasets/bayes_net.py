"""Rows of mixed columns drawn from a known network, whose likelihood is exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganzoo.api import Column, DataError, NonNegativeInt, PositiveInt
from ganzoo_table.datasets.rows import Rows
from ganzoo_table.fitting import fit_column

Values = NDArray[np.float64]

COLUMNS = (
    Column("region", "category", ("east", "north", "south")),
    Column("job", "category", ("clerk", "cook", "driver", "nurse")),
    Column("owner", "boolean"),
    Column("visits", "integer"),
    Column("height", "float", digits=3),
    Column("income", "float", digits=2),
)
"""region -> job -> owner -> visits; region -> height; job and owner -> income."""

VISITS = 12
"""Largest number of visits."""
LEAST = 1e-6
"""Smallest probability and density that a likelihood counts, so that it stays finite."""


class Truth:
    """The network: conditional tables, a truncated Poisson, a normal and a log-normal.

    Args:
        seed: of the tables and means.
    """

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.region = random.dirichlet([4.0] * 3)
        self.job = random.dirichlet([1.5] * 4, 3)
        self.owner = random.uniform(0.1, 0.9, 4)
        self.visits = random.uniform(1.0, 6.0, 2)
        self.height = np.stack([random.uniform(150, 190, 3), random.uniform(4, 9, 3)], 1)
        self.income = np.stack(
            [random.uniform(7.0, 9.5, (4, 2)), random.uniform(0.15, 0.5, (4, 2))], 2
        )

    @classmethod
    def estimated(cls, rows: Values) -> Truth:
        """Return the network of the same structure with the shares, means and deviations of rows.

        Every category has one row more than was seen, so that nothing is impossible.
        """
        found = cls(0)
        region, job = (rows[:, index].clip(0, high).astype(int) for index, high in ((0, 2), (1, 3)))
        owner = rows[:, 2] > 0.5
        found.region = _shares(region, 3)
        found.job = np.stack([_shares(job[region == each], 4) for each in range(3)])
        found.owner = np.array([_shares(owner[job == each].astype(int), 2)[1] for each in range(4)])
        found.visits = np.array([_mean(rows[owner == each, 3], 1.0) for each in (False, True)])
        found.height = np.array([_normal(rows[region == each, 4]) for each in range(3)])
        logs = np.log(rows[:, 5].clip(LEAST))
        found.income = np.array(
            [
                [_normal(logs[(job == each) & (owner == owns)]) for owns in (False, True)]
                for each in range(4)
            ]
        )
        return found

    def draw(self, count: int, random: np.random.Generator) -> Values:
        """Return rows, float64 (count, 6)."""
        region = random.choice(3, count, p=self.region)
        job = (random.random((count, 1)) > self.job[region].cumsum(1)).sum(1).clip(max=3)
        owner = (random.random(count) < self.owner[job]).astype(int)
        tables = _visits(self.visits).cumsum(1)
        visits = (random.random((count, 1)) > tables[owner]).sum(1).clip(max=VISITS)
        height = random.normal(*self.height[region].T)
        income = np.exp(random.normal(*self.income[job, owner].T))
        rows = np.stack([region, job, owner, visits, height, income], 1).astype(float)
        for index, column in enumerate(COLUMNS):
            if column.digits is not None:
                rows[:, index] = rows[:, index].round(column.digits)
        return rows

    def mean_log_likelihood(self, rows: Values) -> float:
        """Return the mean over rows of the log-likelihood, in nats."""
        region, job = (rows[:, index].clip(0, high).astype(int) for index, high in ((0, 2), (1, 3)))
        owner = (rows[:, 2] > 0.5).astype(int)
        visits = rows[:, 3].clip(0, VISITS).astype(int)
        possible = visits == rows[:, 3]
        chance = np.where(owner == 1, self.owner[job], 1 - self.owner[job])
        income = rows[:, 5].clip(1.0)  # far below all that is drawn, so its density is the least
        logs = [
            np.log(self.region[region].clip(LEAST)),
            np.log(self.job[region, job].clip(LEAST)),
            np.log(chance.clip(LEAST)),
            np.log((_visits(self.visits)[owner, visits] * possible).clip(LEAST)),
            _log_normal(rows[:, 4], *self.height[region].T),
            _log_normal(np.log(income), *self.income[job, owner].T) - np.log(income),
        ]
        return float(sum(logs).mean())


def _visits(rates: Values) -> Values:
    """Return the truncated Poisson probabilities of 0 to `VISITS`, a row per rate."""
    numbers = np.arange(VISITS + 1)
    log_factorials = np.concatenate([[0.0], np.log(numbers[1:]).cumsum()])
    weights = np.exp(numbers * np.log(rates[:, None].clip(LEAST)) - log_factorials)
    return weights / weights.sum(1, keepdims=True)


def _log_normal(x: Values, mean: Values, deviation: Values) -> Values:
    places = (x - mean) / deviation
    density = -(places**2) / 2 - np.log(deviation) - np.log(2 * np.pi) / 2
    return density.clip(np.log(LEAST))


def _shares(codes: NDArray[np.int64], count: int) -> Values:
    counts = np.bincount(codes, minlength=count) + 1.0
    return counts / counts.sum()


def _mean(values: Values, otherwise: float) -> float:
    return max(float(values.mean()), LEAST) if len(values) else otherwise


def _normal(values: Values) -> tuple[float, float]:
    if len(values) < 2:
        return 0.0, 1.0
    return float(values.mean()), max(float(values.std()), 1e-3)


class BayesNet(Rows):
    """Rows of six columns (two categories, a boolean, a count, a height, an income).

    They are drawn from a network of known structure and probabilities, so that the metric
    `bayes-net-likelihood` is exact, as CTGAN's paper does with simulated data (arXiv:1907.00503,
    section 5.1); the network is our own.

    Args:
        length: rows of a split.
        seed: of the network and of the rows.
    """

    def __init__(self, split: str, *, length: PositiveInt = 5000, seed: NonNegativeInt = 0) -> None:
        if split not in ("train", "test"):
            raise DataError(f"bayes-net has no split {split!r}", hint="eval.reference=train")
        truth = Truth(seed)
        train = truth.draw(length, np.random.default_rng([seed, 0]))
        columns = [fit_column(each, train[:, index]) for index, each in enumerate(COLUMNS)]
        rows = train if split == "train" else truth.draw(length, np.random.default_rng([seed, 1]))
        super().__init__(columns, rows)

    def source_files(self) -> dict:
        return {}
