"""Checks that a loss or regularizer declares what it asks for and what it couples."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ganzoo.testing.capturing import CAPABILITY, captured, require_declared
from ganzoo.testing.checks import Exempt, Failed, case_check
from ganzoo.testing.component import Case
from ganzoo.testing.stage import BATCH, PLAYERS, Stage, each_update, naming, required, settings
from ganzoo.testing.toys import OFFERED
from ganzoo.testing.watching import COUNTERS

SPREAD = 0.5
"""How far apart the real samples of a batch lie, so that what couples them shows."""

RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""How far two terms that are equal may lie apart, by rounding."""

GRADIENTS = {
    "real-gradient": "game.real",
    "fake-gradient": "game.fake",
    "input-gradient": "points of its own",
}


@case_check("plays")
def declared_gradients(case: Case) -> None:
    """Each input gradient of D that it asks for is among its capabilities.

    Without the word no graph is kept for it: it costs another pass, and a compiled D refuses it.
    """

    def declared(stage: Stage, player: str) -> None:
        stage.play(player)
        for word, of in GRADIENTS.items():
            if word in stage.asked - case.capabilities:
                raise Failed(
                    f"{word!r} among its capabilities, for it asks for input_gradient of {of}",
                    ", ".join(sorted(case.capabilities)) or "none",
                    f"add {word!r} to `capabilities`, and to the registration's",
                )

    each_update(case, declared)


@case_check("resumes")
def separate_samples(case: Case) -> None:
    """A batch's terms are the means, or the sums, of those of its halves.

    Unless it declares ``batch-coupled``, micro-batches may stand in for a batch. What goes through
    `game.mean` or `game.gather` is coupled on purpose.
    """
    if "batch-coupled" in case.capabilities:
        raise Exempt("declares batch-coupled")
    live = case.make()
    if required(live) - OFFERED:
        raise Exempt("is played on a discriminator of its own plugin, which may couple samples")
    compared = False
    for setting in settings(live):
        for player in PLAYERS:
            stage = Stage(case.component, live, replace(setting, spread=SPREAD))
            with naming(f"{player}'s update, {setting}"), stage.update_of(player):
                compared |= _compared(case, stage, player)
    if not compared:
        raise Exempt("adds no terms but those that go through game.mean or game.gather")


def _compared(case: Case, stage: Stage, player: str) -> bool:
    """Compare a batch with its halves; return False where there is nothing to compare."""

    def terms(rows: slice) -> dict[str, Tensor]:
        stage.live = case.make()
        return stage.terms(stage.prepared(player, rows=rows))

    whole = terms(slice(None))
    if not whole or stage.asked & {"mean", "gather"}:
        return False
    first, second = terms(slice(0, BATCH // 2)), terms(slice(BATCH // 2, BATCH))
    for name, term in whole.items():
        total = first[name] + second[name]
        if not any(_equal(term, each) for each in (total / 2, total)):
            raise Failed(
                f"the mean of what the two halves of a batch give as the term {name!r}",
                f"{term.item():.6g} from the batch and {total.item() / 2:.6g} from its halves",
                "compute each sample's part from that sample alone, or declare 'batch-coupled'",
            )
    return True


def _equal(term: Tensor, other: Tensor) -> bool:
    return torch.allclose(term, other, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)


@case_check("resumes")
def graph_safe(case: Case) -> None:
    """One that declares ``graph-safe`` does the same for all values of tensors and at every step.

    A GPU then plays its updates as a captured graph, in which numbers of the host are fixed.
    """
    require_declared(case)

    def play(stage: Stage, player: str) -> None:
        with captured():
            stage.play(player)
        if counters := sorted(stage.asked & COUNTERS):
            raise Failed(
                f"no use of game.{counters[0]}, for it declares {CAPABILITY}",
                "it read",
                f"leave {CAPABILITY} out, or have the recipe schedule the number",
            )

    each_update(case, play)


DECLARATIONS = (declared_gradients, separate_samples, graph_safe)
