"""float16: the loss scale of each network, and what counts as an overflow."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.errors import Diverged
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import read_state, write_state
from ganzoo.training.player import GROWTH_INTERVAL, INITIAL_SCALE, MAX_SCALE, LossScale
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

from .recipes import small_plan
from .test_graphs import state
from .test_nonfinite import accidents, assert_finite, run, the_run

FP16 = {"train.precision": "fp16"}
YES, NO = torch.tensor(True), torch.tensor(False)


def make(tmp_path: Path, **overrides: Any) -> GanStep:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return make_step(small_plan(tmp_path, FP16 | given), Processes(CPU))


def scale_of(step: GanStep, role: str) -> LossScale:
    scale = step.players[role].scale
    assert scale is not None
    return scale


def test_the_factor_follows_torchs_grad_scaler() -> None:
    scaler = torch.amp.GradScaler("cpu")
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.0)
    ours = LossScale(CPU)
    for update in range(GROWTH_INTERVAL + 5):
        overflows = update in (2, 3)
        scaler.scale(weight.sum() * (float("inf") if overflows else 1.0)).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        ours.update(NO if overflows else YES, YES if overflows else NO)
        assert float(ours.factor) == scaler.get_scale()


def test_at_a_factor_of_one_an_overflow_is_a_failure() -> None:
    scale, halvings = LossScale(CPU), 0
    while not bool(scale.update(NO, YES)):
        halvings += 1
    assert 2.0**halvings == INITIAL_SCALE
    assert float(scale.factor) == 1.0


def test_a_factor_without_overflows_stays_finite() -> None:
    scale = LossScale(CPU)
    scale.factor.fill_(MAX_SCALE)
    for _ in range(GROWTH_INTERVAL):
        scale.update(YES, NO)
    assert float(scale.factor) == MAX_SCALE
    scale.update(NO, YES)
    assert float(scale.factor) == MAX_SCALE / 2


def test_a_term_that_the_factor_does_not_enter_fails_at_once() -> None:
    assert bool(LossScale(CPU).update(NO, NO))


@pytest.mark.parametrize(
    "method",
    [{}, {"loss": "wgan-gp"}, {"regularizers.r1": {"gamma": 1.0}}],
    ids=["hinge", "wgan-gp", "r1"],
)
def test_fp16_changes_terms_in_their_third_digit(tmp_path: Path, method: dict[str, Any]) -> None:
    norms: dict[str, Any] = {
        "generator": {"use": "mlp", "width": 8, "batch_norm": False},
        "discriminator": {"use": "mlp", "width": 8},
    }
    full = make_step(small_plan(tmp_path, norms | method), Processes(CPU))
    half = make_step(small_plan(tmp_path, norms | method | FP16), Processes(CPU))
    scale_of(half, "discriminator").factor.fill_(2.0**10)  # none that overflows at first
    theirs, ours = full(), half()
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=2e-2, atol=2e-3)
    assert any(not torch.equal(ours[name], value) for name, value in theirs.items())


def test_gradients_below_float16s_smallest_number_arrive(tmp_path: Path) -> None:
    """A loss of a hundred millionth of hinge's has gradients that float16 rounds to zero."""
    step = make(tmp_path, loss={"use": "hinge"})
    player = step.generator
    weight = player.parameters[0]
    with torch.autocast("cpu", torch.float16):
        z = torch.randn(4, 8)
        out = step.parts.generator(z).float().mean() * 1e-6
    player.backward(out)
    assert weight.grad is not None
    assert player.scale is not None
    player.scale.unscale([weight.grad])
    assert 0 < float(weight.grad.abs().max()) < 1e-5


def test_an_overflow_in_d_leaves_gs_factor_alone(tmp_path: Path) -> None:
    step = make(tmp_path)
    scale_of(step, "discriminator").factor.fill_(float("inf"))
    before = [p.detach().clone() for p in step.discriminator.parameters]
    terms = step()
    pairs = zip(step.discriminator.parameters, before, strict=True)
    assert all(torch.equal(now, then) for now, then in pairs)
    assert float(scale_of(step, "generator").factor) == INITIAL_SCALE
    assert torch.isnan(terms["d/gradient_norm"])
    assert torch.isfinite(terms["d/real"])
    assert step.discriminator.skipped == 0


def test_a_resumed_run_keeps_its_loss_scales(tmp_path: Path) -> None:
    first, second = make(tmp_path), make(tmp_path)
    scale_of(first, "generator").factor.fill_(2.0**20)
    for _ in range(3):
        first()
    write_state(first, tmp_path)
    read_state(second, tmp_path)
    assert float(scale_of(second, "generator").factor) == float(scale_of(first, "generator").factor)
    first()
    second()
    assert all(torch.equal(a, b) for a, b in zip(state(first), state(second), strict=True))


def test_a_term_that_is_not_finite_stops_a_run_in_fp16_too(tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="'accident' is not finite"):
        run(tmp_path, "term", train__precision="fp16")
    assert_finite(the_run(tmp_path))


def test_a_gradient_that_is_not_finite_counts_as_an_overflow(tmp_path: Path) -> None:
    directory = run(tmp_path, "gradient", train__precision="fp16")
    assert_finite(directory)
    assert not directory.nonfinite_file.exists() or not accidents(directory)
