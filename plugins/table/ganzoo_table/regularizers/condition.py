"""G is penalised for rows that do not have the categories that they were asked for."""

from ganzoo.api import Game, Terms
from ganzoo.nn import blocks

TINY = 1e-20


class Condition:
    """The cross entropy of the asked category under the one that G gave the row.

    Source: Xu et al. 2019, arXiv:1907.00503, section 4.3. G's softmax is looked at after the Gumbel
    noise, since a game sees no more of G than its rows.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def generator(self, game: Game) -> Terms:
        condition, y = game.spec.condition, game.fake_labels
        if condition is None or y is None:
            return {}
        found = blocks(game.spec)
        parts = game.fake.split([block.size for block in found], 1)
        given = {
            game.spec.columns[block.column].name: part
            for block, part in zip(found, parts, strict=True)
        }
        total = game.fake.new_zeros(len(game.fake))
        for asked in blocks(condition):
            shares = given[condition.columns[asked.column].name]
            wanted = y[:, asked.start : asked.start + shares.shape[1]]  # not "no condition"
            total = total - (wanted * shares.clamp_min(TINY).log()).sum(1)
        return {"condition": total.mean()}
