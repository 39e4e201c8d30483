"""Optimizers against their first steps in closed form, and against torch's plain loops."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ganzoo_zoo.optimizers.extra_adam import ExtraAdam
from ganzoo_zoo.optimizers.from_torch import adam, adamw, rmsprop, sgd
from ganzoo_zoo.optimizers.lion import Lion
from ganzoo_zoo.optimizers.optimistic import OptimisticAdam
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

Factory = Callable[..., torch.optim.Optimizer]
every_optimizer = pytest.mark.parametrize(
    "factory", [adam, adamw, rmsprop, sgd, ExtraAdam, OptimisticAdam, Lion]
)
PUBLISHED = json.loads((Path(__file__).parent / "loss_values.json").read_text())["optimisers"]
START, GRADIENT = [1.0, -2.0, 0.5], [0.3, -0.01, 4.0]


def after(steps: int, factory: Factory, **parameters: object) -> Tensor:
    """Return START after some steps under the constant GRADIENT, in float64."""
    weights = nn.Parameter(torch.tensor(START, dtype=torch.float64))
    optimizer = factory([weights], **parameters)
    for _ in range(steps):
        weights.grad = torch.tensor(GRADIENT, dtype=torch.float64)
        optimizer.step()
    return weights.detach()


def expected(step: Callable[[float, float], float]) -> Tensor:
    moved = [step(p, g) for p, g in zip(START, GRADIENT, strict=True)]
    return torch.tensor(moved, dtype=torch.float64)


def test_adam_under_a_constant_gradient_moves_by_lr_whatever_its_size() -> None:
    weights = after(1, adam, lr=0.1, eps=1e-8)
    closed_form = expected(lambda p, g: p - 0.1 * g / (abs(g) + 1e-8))
    torch.testing.assert_close(weights, closed_form, rtol=1e-6, atol=1e-9)


def test_adamw_shrinks_the_weights_apart_from_the_step() -> None:
    weights = after(1, adamw, lr=0.1, weight_decay=0.2)
    closed_form = expected(lambda p, g: p * (1 - 0.1 * 0.2) - 0.1 * g / (abs(g) + 1e-8))
    torch.testing.assert_close(weights, closed_form, rtol=1e-6, atol=1e-9)


def test_rmsprop_divides_by_the_running_root_mean_square() -> None:
    weights = after(1, rmsprop, lr=0.1, alpha=0.9)
    closed_form = expected(lambda p, g: p - 0.1 * g / ((0.1 * g * g) ** 0.5 + 1e-8))
    torch.testing.assert_close(weights, closed_form, rtol=1e-6, atol=1e-9)


def test_sgd_with_momentum_moves_the_second_time_by_the_gradient_and_the_first_move() -> None:
    weights = after(2, sgd, lr=0.1, momentum=0.5)
    torch.testing.assert_close(weights, expected(lambda p, g: p - 0.1 * g - 0.1 * 1.5 * g))


@pytest.mark.parametrize("factory", [adam, adamw])
def test_betas_may_mix_integers_and_floats(factory: Factory) -> None:
    torch.testing.assert_close(
        after(3, factory, betas=(0, 0.9)), after(3, factory, betas=(0.0, 0.9)), rtol=0, atol=0
    )


@pytest.mark.parametrize("factory", [adam, adamw, sgd])
def test_a_fused_optimizer_is_used_on_the_cpu_and_not_on_a_device_without_one(
    factory: Factory,
) -> None:
    for device, fused in (("cpu", True), ("meta", False)):
        optimizer = factory([nn.Parameter(torch.zeros(2, device=device))])
        assert optimizer.param_groups[0]["fused"] is fused


@pytest.mark.parametrize(
    ("factory", "plain", "parameters"),
    [
        (adam, torch.optim.Adam, {"betas": (0.5, 0.9)}),
        (adamw, torch.optim.AdamW, {"betas": (0.5, 0.9)}),
        (sgd, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_fused_steps_equal_the_plain_loop_to_rounding(
    factory: Factory, plain: Factory, parameters: dict[str, object]
) -> None:
    parameters = {"lr": 0.01, "weight_decay": 0.1, **parameters}
    loop = after(20, plain, **parameters, foreach=False, fused=False)
    torch.testing.assert_close(after(20, factory, **parameters), loop, rtol=1e-12, atol=0)


@every_optimizer
def test_a_state_saved_without_pickled_code_continues_bit_for_bit(
    factory: Factory, tmp_path: Path
) -> None:
    def train(weights: nn.Parameter, optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            generator = torch.Generator().manual_seed(step)
            weights.grad = torch.randn(weights.shape, generator=generator)
            optimizer.step()

    weights = nn.Parameter(torch.ones(5))
    optimizer = factory([weights])
    train(weights, optimizer, range(3))
    optimizer.param_groups[0]["lr"] = 0.0123  # as a schedule leaves it
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    resumed = nn.Parameter(weights.detach().clone())
    train(weights, optimizer, range(3, 6))

    again = factory([resumed])
    again.load_state_dict(torch.load(tmp_path / "optimizer.pt", weights_only=True))
    train(resumed, again, range(3, 6))
    assert torch.equal(resumed, weights)
    assert again.param_groups[0]["lr"] == 0.0123


@every_optimizer
def test_parameters_may_come_in_groups_with_options_of_their_own(factory: Factory) -> None:
    slow, fast = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3))
    groups = [{"params": iter([slow]), "lr": 0.1}, {"params": [fast]}]
    optimizer = factory(groups, lr=0.3)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.3]
    assert [group["params"] for group in optimizer.param_groups] == [[slow], [fast]]


@every_optimizer
def test_a_dry_run_on_fake_tensors_takes_a_step(factory: Factory) -> None:
    with FakeTensorMode():
        weights = nn.Parameter(torch.ones(5))
        optimizer = factory([weights])
        weights.sum().backward()
        optimizer.step()


# --- optimizers of games -------------------------------------------------------------------------
# The published values have epsilon added before the correction of the bias, hence the tolerances.


def play(factory: Factory, rounds: int, updates: int) -> list[list[float]]:
    """Return (x, y) after each round of min_x max_y x y from (1, 1), both moving at once."""
    x, y = (nn.Parameter(torch.ones((), dtype=torch.float64)) for _ in "xy")
    optimizers = [factory([each], lr=0.1, betas=(0.5, 0.9), eps=1e-8) for each in (x, y)]
    found = []
    for _ in range(rounds):
        for _ in range(updates):
            x.grad, y.grad = y.detach().clone(), -x.detach().clone()
            for optimizer in optimizers:
                optimizer.step()
        found.append([x.item(), y.item()])
    return found


def test_extra_adam_plays_the_bilinear_game_as_published() -> None:
    named = "ExtraAdam (both calls advance the moments)"
    assert play(ExtraAdam, 3, 2) == [pytest.approx(row, abs=1e-7) for row in PUBLISHED[named]]


def test_optimistic_adam_plays_the_bilinear_game_as_published() -> None:
    found = play(OptimisticAdam, 3, 1)
    assert found == [pytest.approx(row, abs=1e-7) for row in PUBLISHED["Optimistic Adam"]]


def test_extra_adam_comes_back_from_where_it_looked_ahead() -> None:
    weights = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = ExtraAdam([weights], lr=0.1)
    weights.grad = torch.tensor([1.0, 1.0])
    optimizer.step()
    assert weights.tolist() == pytest.approx([0.9, -2.1])
    weights.grad = torch.zeros(2)
    optimizer.step()
    # Adam's second step with a gradient of 0, from the saved weights: m_hat = 1/3, v_hat = 9/19.
    step = 0.1 * (1 / 3) / (9 / 19) ** 0.5
    assert weights.tolist() == pytest.approx([1 - step, -2 - step], rel=1e-5)
    assert "saved" not in optimizer.state[weights]


def test_lion_steps_as_published() -> None:
    named = "Lion p0=1 lr .01 betas (.9,.99) wd .1, gradients .5,-.2,-1,.3: rows [p,m]"
    weights = nn.Parameter(torch.ones((), dtype=torch.float64))
    optimizer = Lion([weights], lr=0.01, betas=(0.9, 0.99), weight_decay=0.1)
    for gradient, (p, m) in zip((0.5, -0.2, -1, 0.3), PUBLISHED[named], strict=True):
        weights.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        assert [weights.item(), optimizer.state[weights]["m"].item()] == pytest.approx([p, m])
