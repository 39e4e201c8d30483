"""Checks of losses and regularizers, played on two known networks."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor

from ganzoo.api import DiscriminatorOutput
from ganzoo.testing.checks import case_check, method_names
from ganzoo.testing.component import Case
from ganzoo.testing.harness import BATCH, PLAYERS, Stage, each_update, naming, required, settings
from ganzoo.testing.outcomes import Exempt, Failed
from ganzoo.testing.probes import (
    CAPABILITY,
    Answers,
    captured,
    check_resumes,
    difference,
    require_declared,
)
from ganzoo.testing.toys import COUNTERS, OFFERED

LARGE = 1e4

# --- checks of both ------------------------------------------------------------------------------


@case_check()
def plays(case: Case) -> None:
    """It plays both players' updates: with and without labels, with one and with several logits.

    A loss has both methods; a regularizer has one of them, `prepare` or `after_step`.
    """
    live = case.make()
    if case.component.kind == "loss":
        missing = [player for player in PLAYERS if not callable(getattr(live, player, None))]
    else:
        ways = (*PLAYERS, "prepare", "after_step")
        missing = [] if any(hasattr(live, way) for way in ways) else [" or ".join(ways)]
    if missing:
        raise Failed(
            f"a method {missing[0]}", "none", f"def {missing[0].split()[0]}(self, game): …"
        )
    each_update(case, Stage.play)


@case_check("plays")
def scalar_terms(case: Case) -> None:
    """Terms are a mapping of names to scalar tensors."""
    each_update(case, _terms)


def _terms(stage: Stage, player: str) -> None:
    stage.terms(stage.prepared(player))


@case_check("scalar-terms")
def reaches_player(case: Case) -> None:
    """Each player's terms carry a gradient to that player's weights."""
    each_update(case, _reach)


def _reach(stage: Stage, player: str) -> None:
    terms = stage.terms(stage.prepared(player))
    if not terms:
        return
    total, letter = torch.stack(list(terms.values())).sum(), player[0].upper()
    reached: list[Any] = [None]
    if total.requires_grad:
        reached = list(torch.autograd.grad(total, stage.weights_of(player), allow_unused=True))
    if all(gradient is None for gradient in reached):
        raise Failed(
            f"terms that {letter}'s weights have a gradient of",
            "none",
            "detach nothing on the way from the game to the term, or leave the method out",
        )


@case_check("scalar-terms")
def large_logits(case: Case) -> None:
    """Terms and their gradients are finite where logits are near ±1e4."""
    for setting in settings(case.make()):
        for real, fake in product((0.9, -0.9), repeat=2):
            extreme = replace(setting, real=real, fake=fake, factor=LARGE)
            for player in PLAYERS:
                stage = Stage(case.component, case.make(), extreme)
                signs = f"real {_sign(real)}, fake {_sign(fake)}"
                with naming(f"{player}'s update, {extreme}, {signs}"), stage.update_of(player):
                    _finite(stage, player)


def _sign(level: float) -> str:
    return "positive" if level > 0 else "negative"


def _finite(stage: Stage, player: str) -> None:
    for name, term in stage.terms(stage.prepared(player)).items():
        expected, advice = f"a finite term {name!r}", "use softplus, logsigmoid or relu, not log(…)"
        if not term.isfinite():
            raise Failed(expected, f"{term.item()}", advice)
        if not term.requires_grad:
            continue
        weights = stage.weights_of(player)
        for gradient in torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True):
            if gradient is not None and not gradient.isfinite().all():
                raise Failed(f"{expected} with a finite gradient", "one that is not", advice)


@case_check("scalar-terms")
def resumes(case: Case) -> None:
    """After a restart it goes on as it would have: what changes stands in its state_dict."""
    setting = settings(case.make())[0]
    stage = Stage(case.component, case.make(), setting)
    updates = [(player, number) for number in range(3) for player in PLAYERS]

    def use(live: Any) -> None:
        stage.live = live
        for player, number in updates:
            stage.play(player, number)

    def ask(live: Any) -> Answers:
        stage.live = live
        found: dict[str, Tensor] = {}
        for player in PLAYERS:
            game = stage.prepared(player, update=9)
            found |= {f"{player}'s term {name!r}": term for name, term in stage.terms(game).items()}
            found |= {f"{player}'s samples": game.fake, f"{player}'s real samples": game.real}
        return found

    if found := difference(ask(case.make()), ask(case.make())):
        raise Failed(
            "the same from two new instances",
            found,
            "draw from game.normal or game.uniform alone, which are the same after a restart",
        )
    check_resumes(case, use, ask)


METHODS = {name: ("game",) for name in (*PLAYERS, "prepare", "after_step")}


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


REGULARIZER = (
    plays,
    method_names(METHODS, "plays"),
    scalar_terms,
    reaches_player,
    large_logits,
    resumes,
    *DECLARATIONS,
)

# --- checks of losses ----------------------------------------------------------------------------


@case_check("scalar-terms")
def gradient_sign(case: Case) -> None:
    """Where all logits are 0, no player is pushed the wrong way.

    D's loss does not grow with real logits nor shrink with generated ones; G's does not grow with
    generated ones.
    """
    each_update(case, _signs)


def _signs(stage: Stage, player: str) -> None:
    game = stage.game(player)
    real, fake = _at_zero(game.real_output), _at_zero(game.fake_output)
    game = game.replace(real_output=real[0], fake_output=fake[0])
    terms = stage.terms(game)
    total = torch.stack(list(terms.values())).sum()
    if not total.requires_grad:
        return  # another check says so
    slopes = torch.autograd.grad(total, [real[1], fake[1]], allow_unused=True)
    of_real, of_fake = (0.0 if each is None else each.sum().item() for each in slopes)
    if player == "discriminator" and of_real > 0:
        raise Failed(
            "D's loss to fall as the logits of real samples rise from 0",
            f"a slope of {of_real:+.3g}",
            "a larger logit means more real: turn the sign of the term round",
        )
    if player == "discriminator" and of_fake < 0:
        raise Failed(
            "D's loss to rise as the logits of generated samples rise from 0",
            f"a slope of {of_fake:+.3g}",
            "a larger logit means more real: turn the sign of the term round",
        )
    if player == "generator" and of_fake > 0:
        raise Failed(
            "G's loss to fall as the logits of generated samples rise from 0",
            f"a slope of {of_fake:+.3g}",
            "a larger logit means more real: turn the sign of the term round",
        )


def _at_zero(output: DiscriminatorOutput) -> tuple[DiscriminatorOutput, Tensor]:
    """Return the output with logits of 0 that still depend on the samples, and a handle on them."""
    handle = torch.zeros_like(output.logits, requires_grad=True)
    return output._replace(logits=output.logits - output.logits.detach() + handle), handle


LOSS = (*REGULARIZER, gradient_sign)
