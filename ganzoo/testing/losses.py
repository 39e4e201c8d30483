"""Checks of losses and regularizers: played on two networks that are known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor

from ganzoo.api import DiscriminatorOutput
from ganzoo.testing.checks import Failed, case_check
from ganzoo.testing.comparing import Answers, difference
from ganzoo.testing.component import Case
from ganzoo.testing.declarations import DECLARATIONS
from ganzoo.testing.spelling import method_names
from ganzoo.testing.stage import PLAYERS, Stage, each_update, naming, settings
from ganzoo.testing.state import check_resumes

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
