"""How like the real rows generated ones are."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_metrics(register: Register) -> None:
    add = table(register, __name__, modalities={"table"}, license="Apache-2.0")
    add("column-shapes", "shapes:ColumnShapes")
    add("pair-trends", "pairs:PairTrends")
    add("c2st", "detection:C2ST", paper="arXiv:1610.06545")
    add("ml-efficacy", "efficacy:MLEfficacy", paper="arXiv:1907.00503")
    add("closest-record", "records:ClosestRecord")
    add("bayes-net-likelihood", "likelihood:BayesNetLikelihood", paper="arXiv:1907.00503")
