"""Data sets of rows."""

from ganzoo.api import Register, hookimpl, table


@hookimpl
def register_datasets(register: Register) -> None:
    add = table(register, __name__, modalities={"table"}, license="Apache-2.0")
    splits = ("train", "test")
    files = (".csv", ".tsv", ".parquet")
    add("file", "file:File", splits=splits, extractor="table/codec", suffixes=files)
    add("bayes-net", "bayes_net:BayesNet", splits=splits, extractor="table/codec")
    add("wine", "wine:Wine", splits=splits, extractor="table/codec", license="CC BY 4.0")
