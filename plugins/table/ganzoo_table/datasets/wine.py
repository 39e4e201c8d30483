"""A small real table that comes with the plugin."""

from pathlib import Path

from ganzoo_table.datasets.file import File

FILE = Path(__file__).parents[1] / "data" / "wine.csv"


class Wine(File):
    """178 wines of three cultivars with 13 measurements, 160 to train on.

    Source: S. Aeberhard and M. Forina, "Wine", UCI Machine Learning Repository, 1992,
    https://doi.org/10.24432/C5PC7J, CC BY 4.0.
    """

    def __init__(self, split: str) -> None:
        super().__init__(split, path=FILE)
