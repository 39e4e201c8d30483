"""How like the real lines generated ones are."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_metrics(register: Register) -> None:
    add = table(register, __name__, modalities={"text"}, license="Apache-2.0")
    add("n-gram-jsd", "jsd:NGramJSD", paper="arXiv:1704.00028")
    add("distinct", "distinct:Distinct", paper="arXiv:1510.03055")
    add("self-bleu", "self_bleu:SelfBLEU", paper="arXiv:1802.01886")
    add("grammar", "grammar:GrammarMembership")
    add("oracle-nll", "oracle:OracleNLL", revision=2, paper="arXiv:1609.05473")
    add("nll", "likelihood:HeldOutNLL", paper="arXiv:1811.02549")
