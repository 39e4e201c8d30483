"""The likelihood of generated rows under the network that the data was drawn from."""

from __future__ import annotations

from collections.abc import Mapping

from ganzoo.api import DataError, Evaluated, NonNegativeInt
from ganzoo_table.datasets.bayes_net import COLUMNS, Truth
from ganzoo_table.metrics.columns import sides_of


class BayesNetLikelihood:
    """Mean log-likelihood in nats of generated rows under the truth (L_syn), and the reverse.

    As CTGAN's paper has it for simulated data (arXiv:1907.00503, section 5.1): `l_syn` is that of
    generated rows under the network that `bayes-net` draws from; `l_test` that of held-out rows
    under the same network with its probabilities estimated from the generated rows, so that a
    generator that leaves out values is seen. `…_real` are the same for the training rows.

    Args:
        seed: of the network, as the data set has it.
    """

    def __init__(self, *, seed: NonNegativeInt = 0) -> None:
        self.truth = Truth(seed)

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("bayes-net-likelihood", real, fake, training=True)
        if [column.name for column in sides.columns] != [column.name for column in COLUMNS]:
            raise DataError(
                "bayes-net-likelihood is for the data set table/bayes-net alone",
                hint="leave table/bayes-net-likelihood out of eval.metrics",
            )
        result = {
            "l_syn": self.truth.mean_log_likelihood(sides.fake),
            "l_syn_real": self.truth.mean_log_likelihood(sides.real),
        }
        if sides.held_out is not None:
            for name, rows in (("l_test", sides.fake), ("l_test_real", sides.real)):
                result[name] = Truth.estimated(rows).mean_log_likelihood(sides.held_out)
        return result
