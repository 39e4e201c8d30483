"""Checks of losses and regularizers, on games between two small known networks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor

from ganzoo.api import CAPABILITIES, DiscriminatorOutput
from ganzoo.registry.names import guess
from ganzoo.testing.checks import case_check, method_names
from ganzoo.testing.component import Case
from ganzoo.testing.harness import (
    BATCH,
    PLAYERS,
    GameHarness,
    each_update,
    naming,
    on_toys,
    settings,
)
from ganzoo.testing.outcomes import Exempt, Failed
from ganzoo.testing.probes import (
    Outputs,
    captured,
    check_resumes,
    require_declared,
    require_same,
)
from ganzoo.testing.toys import COUNTERS
from ganzoo.training.graphs import CAPABILITY

LARGE = 1e4

# --- checks of both ------------------------------------------------------------------------------


@case_check("requires")
def plays(case: Case) -> None:
    """It works in both players' updates, with and without labels, with one and several logits.

    A loss has both methods; a regularizer has at least one of them, `prepare` or `after_step`.
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
    each_update(case, GameHarness.run_update)


@case_check("plays")
def scalar_terms(case: Case) -> None:
    """Terms are a mapping of names to scalar tensors."""
    each_update(case, lambda harness, player: harness.terms(harness.prepared(player)))


@case_check("scalar-terms")
def reaches_player(case: Case) -> None:
    """Each player's terms carry a gradient to that player's weights."""
    each_update(case, _reach)


def _reach(harness: GameHarness, player: str) -> None:
    terms = harness.terms(harness.prepared(player))
    if not terms:
        return
    total, letter = torch.stack(list(terms.values())).sum(), player[0].upper()
    reached: list[Any] = [None]
    if total.requires_grad:
        reached = list(torch.autograd.grad(total, harness.weights_of(player), allow_unused=True))
    if all(gradient is None for gradient in reached):
        raise Failed(
            f"terms with a gradient for {letter}'s weights",
            "none",
            "do not detach between the game and the term, or remove the method",
        )


@case_check("scalar-terms")
def large_logits(case: Case) -> None:
    """Terms and their gradients are finite where logits are near ±1e4."""
    for setting in settings(case):
        for real, fake in product((0.9, -0.9), repeat=2):
            extreme = replace(setting, real=real, fake=fake, factor=LARGE)
            for player in PLAYERS:
                harness = GameHarness(case, case.make(), extreme)
                words = ["positive" if level > 0 else "negative" for level in (real, fake)]
                signs = f"real {words[0]}, fake {words[1]}"
                with naming(f"{player}'s update, {extreme}, {signs}"), harness.update_of(player):
                    _finite(harness, player)


def _finite(harness: GameHarness, player: str) -> None:
    for name, term in harness.terms(harness.prepared(player)).items():
        expected, advice = f"a finite term {name!r}", "use softplus, logsigmoid or relu, not log(…)"
        if not term.isfinite():
            raise Failed(expected, f"{term.item()}", advice)
        if not term.requires_grad:
            continue
        weights = harness.weights_of(player)
        for gradient in torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True):
            if gradient is not None and not gradient.isfinite().all():
                raise Failed(f"{expected} with a finite gradient", "one that is not", advice)


@case_check("scalar-terms")
def resumes(case: Case) -> None:
    """It continues identically after a restart: its state is in its state_dict."""
    setting = settings(case)[0]
    harness = GameHarness(case, case.make(), setting)
    updates = [(player, number) for number in range(3) for player in PLAYERS]

    def use(live: Any) -> None:
        harness.live = live
        for player, number in updates:
            harness.run_update(player, number)

    def ask(live: Any) -> Outputs:
        harness.live = live
        harness.restart()
        found: dict[str, Tensor] = {}
        for player in PLAYERS:
            game = harness.prepared(player, update=9)
            found |= {
                f"{player}'s term {name!r}": term for name, term in harness.terms(game).items()
            }
            found |= {f"{player}'s samples": game.fake, f"{player}'s real samples": game.real}
        return found

    advice = "draw numbers only from game.normal and game.uniform, which repeat after a restart"
    expected = "the same outputs from two new instances"
    require_same(ask(case.make()), ask(case.make()), expected, advice)
    check_resumes(case, use, ask)


METHODS = {name: ("game",) for name in (*PLAYERS, "prepare", "after_step")}

SPREAD = 0.5
"""Spread of the real samples of a batch, so that coupling between them shows."""

RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""Tolerances for equal terms, for rounding."""

GRADIENTS = {
    "real-gradient": "game.real",
    "fake-gradient": "game.fake",
    "input-gradient": "other points",
}


@case_check("plays")
def declared_gradients(case: Case) -> None:
    """It declares each input gradient of D that it uses among its capabilities.

    Otherwise no graph is kept for the gradient: it costs another pass, and a compiled D refuses it.
    """

    def declared(harness: GameHarness, player: str) -> None:
        harness.run_update(player)
        for word, of in GRADIENTS.items():
            if word in harness.requested - case.capabilities:
                raise Failed(
                    f"{word!r} among its capabilities, as it calls input_gradient of {of}",
                    ", ".join(sorted(case.capabilities)) or "none",
                    f"add {word!r} to `capabilities`",
                )

    each_update(case, declared)


@case_check("resumes")
def separate_samples(case: Case) -> None:
    """A batch's terms are the means, or the sums, of the terms of its halves.

    Unless it declares ``batch-coupled``, micro-batches may replace a batch. Terms that use
    `game.mean` or `game.gather` are coupled on purpose.
    """
    if "batch-coupled" in case.capabilities:
        raise Exempt("declares batch-coupled")
    live = case.make()
    if not on_toys(live):
        raise Exempt("needs a network of its own plugin, which may couple samples")
    compared = False
    for setting in settings(case):
        for player in PLAYERS:
            harness = GameHarness(case, live, replace(setting, spread=SPREAD))
            with naming(f"{player}'s update, {setting}"), harness.update_of(player):
                compared |= _compared(case, harness, player)
    if not compared:
        raise Exempt("adds no terms, except through game.mean or game.gather")


def _compared(case: Case, harness: GameHarness, player: str) -> bool:
    """Compare a batch with its halves; return False if there is nothing to compare."""

    def terms(rows: slice) -> dict[str, Tensor]:
        harness.live = case.make()
        return harness.terms(harness.prepared(player, rows=rows))

    whole = terms(slice(None))
    if not whole or harness.requested & {"mean", "gather"}:
        return False
    first, second = terms(slice(0, BATCH // 2)), terms(slice(BATCH // 2, BATCH))
    for name, term in whole.items():
        total = first[name] + second[name]
        if not any(_equal(term, each) for each in (total / 2, total)):
            raise Failed(
                f"the mean of the term {name!r} over the two halves of a batch",
                f"{term.item():.6g} from the batch and {total.item() / 2:.6g} from its halves",
                "compute each sample's part from that sample only, or declare 'batch-coupled'",
            )
    return True


def _equal(term: Tensor, other: Tensor) -> bool:
    return torch.allclose(term, other, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)


@case_check("resumes")
def graph_safe(case: Case) -> None:
    """If it declares ``graph-safe``, it runs the same operations for all values and every step.

    A GPU then runs its updates as a captured CUDA graph, in which numbers of the host are fixed.
    """
    require_declared(case)

    def run(harness: GameHarness, player: str) -> None:
        with captured():
            harness.run_update(player)
        if counters := sorted(harness.requested & COUNTERS):
            raise Failed(
                f"no use of game.{counters[0]}, as it declares {CAPABILITY}",
                "a read of it",
                f"do not declare {CAPABILITY}, or let the recipe schedule the number",
            )

    each_update(case, run)


ROLES = ("discriminator", "generator", "latent")


@case_check()
def requires(case: Case) -> None:
    """`requires` is a set of capability words, or a mapping of roles to such sets."""
    found: Any = getattr(case.make(), "requires", frozenset())
    by_role = found if isinstance(found, Mapping) else {"discriminator": found}
    advice = 'requires = {"discriminator": {"features"}, "generator": {"styles"}}'
    for role, words in by_role.items():
        if role not in ROLES:
            raise Failed(f"roles among {', '.join(ROLES)}", f"{role!r}{guess(role, ROLES)}", advice)
        if isinstance(words, str) or not isinstance(words, Collection):
            raise Failed("a set of words", repr(words), advice)
        for word in words:
            if word not in CAPABILITIES and "/" not in str(word):
                got = f"{word!r}{guess(str(word), CAPABILITIES)}"
                raise Failed("capabilities of ganzoo.api, or a plugin's acme/word", got, advice)


REGULARIZER = (
    requires,
    plays,
    method_names(METHODS, "plays"),
    scalar_terms,
    reaches_player,
    large_logits,
    resumes,
    declared_gradients,
    separate_samples,
    graph_safe,
)

# --- checks of losses ----------------------------------------------------------------------------


@case_check("scalar-terms")
def gradient_sign(case: Case) -> None:
    """Where all logits are 0, no player's loss has a slope of the wrong sign.

    D's loss does not rise with real logits nor fall with generated ones; G's does not rise with
    generated ones.
    """
    each_update(case, _signs)


def _signs(harness: GameHarness, player: str) -> None:
    game = harness.game(player)
    real, fake = _at_zero(game.real_output), _at_zero(game.fake_output)
    game = game.replace(real_output=real[0], fake_output=fake[0])
    terms = harness.terms(game)
    total = torch.stack([torch.zeros(()), *terms.values()]).sum()
    if not total.requires_grad:
        return  # no terms, as of maximum likelihood for D, or reported by reaches_player
    slopes = torch.autograd.grad(total, [real[1], fake[1]], allow_unused=True)
    of_real, of_fake = (0.0 if each is None else each.sum().item() for each in slopes)
    fall, rise = 1, -1
    wanted = {
        "discriminator": [(fall, "real", of_real), (rise, "generated", of_fake)],
        "generator": [(fall, "generated", of_fake)],
    }
    for direction, which, slope in wanted[player]:
        if direction * slope > 0:
            word = "fall" if direction == fall else "rise"
            letter = player[0].upper()
            raise Failed(
                f"{letter}'s loss to {word} as the logits of {which} samples rise from 0",
                f"a slope of {slope:+.3g}",
                "a larger logit means more real: flip the sign of the term",
            )


def _at_zero(output: DiscriminatorOutput) -> tuple[DiscriminatorOutput, Tensor]:
    """Return the output with logits of 0 that depend on the samples, and a leaf added to them."""
    handle = torch.zeros_like(output.logits, requires_grad=True)
    return output._replace(logits=output.logits - output.logits.detach() + handle), handle


LOSS = (*REGULARIZER, gradient_sign)
