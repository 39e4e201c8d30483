"""The table of methods in docs/game.md is the one that the methods' code gives."""

import ast

from .table import END, PAGE, START, members, page


def test_the_page_has_the_present_table() -> None:
    text = PAGE.read_text()
    assert text.count(START) == text.count(END) == 1
    assert page(text) == text, "docs/game.md is out of date. try: make methods"


def test_a_table_lists_what_a_file_offers_and_uses() -> None:
    code = """
class R:
    capabilities = frozenset({"styles"})
    def after_step(self, game):
        return game.mean(game.real)
    def observe(self, statistics):
        return statistics["samples"]
    def forward(self, z, y=None, *, noise, truncation: float = 1.0):
        return noise.normal("a")
"""
    assert sorted(members(ast.parse(code))) == [
        "after_step", "capabilities: styles", "forward(…, *, noise)", "forward(…, *, truncation)",
        "game.mean", "game.real", "noise.normal", "observe", "statistics[samples]",
    ]  # fmt: skip
