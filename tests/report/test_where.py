"""Which runs a condition selects; ``--sort`` and ``--only-changed``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganzoo.errors import ComparisonError, UsageError
from ganzoo.report.compare import compare
from ganzoo.report.where import Condition, require_known
from ganzoo.runs.directory import RunDirectory

RECIPE = {
    "name": "digits-a",
    "seed": 3,
    "generator": "acme/unet",
    "loss": "hinge",
    "optimizers.both.lr": 1e-3,
    "conditional": False,
    "train.steps": 3000,
    "eval.extractor": "auto",
    "betas": [0, 0.99],
    "eval.metrics": [{"use": "zoo/kid", "degree": 3}, {"use": "acme/modes"}],
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("loss=hinge", True),
        ("loss=zoo/hinge", True),
        ("loss!=hinge", False),
        ("loss=h*", True),
        ("generator=acme/*", True),
        ("generator=unet", False),
        ("optimizers.both.lr=0.001", True),
        ("optimizers.both.lr=1e-3", True),
        ("optimizers.both.lr<1e-3", False),
        ("optimizers.both.lr<=1e-3", True),
        ("train.steps > 2999", True),
        ("train.steps>=3001", False),
        ("seed=3", True),
        ("conditional=false", True),
        ("conditional=0", False),
        ("loss>1", False),
        ("augmentation=diffaugment", False),
        ("augmentation!=diffaugment", True),
        ("loss==hinge", True),
        ("loss == vanilla", False),
        ("betas=[0,0.99]", True),
        ("betas=[0.0, 0.99]", True),
        ("betas!=[0, 0.9]", True),
        ("betas=[0]", False),
        ("betas=0", False),
        ("betas=[]", False),
        ("eval.metrics=[kid, acme/*]", True),
    ],
)
def test_values_in_conditions_are_parsed_like_those_in_recipes(text: str, holds: bool) -> None:
    assert Condition.of(text).holds(RECIPE) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loss", "'loss' is not a condition"),
        ("=hinge", "'=hinge' is not a condition"),
        ("train.steps>many", "> needs a number, not 'many'"),
        ("train.steps>true", "> needs a number, not 'true'"),
    ],
)
def test_text_that_is_no_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match="--where: ") as caught:
        Condition.of(text)
    assert message in caught.value.message
    assert str(caught.value.hint).startswith("--where '")


def test_a_key_that_no_recipe_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean"):
        require_known([Condition.of("train.step>1")], [RECIPE])


@pytest.fixture
def three(runs: Path, make_run: Callable[..., RunDirectory], score: Any) -> Path:
    for name, value, lr in (("b", 2.0, 1e-3), ("a", 1.0, 2e-3), ("c", 3.0, 3e-4)):
        make_run(name, score(value, metrics={"recall": 1 / value}), lr=lr)
    return runs


def order(**options: Any) -> str:
    return "".join(row.name for row in compare(**options).ranked)


@pytest.mark.usefixtures("three")
def test_only_runs_that_satisfy_all_conditions_are_ranked() -> None:
    lr = "optimizers.generator.lr"
    assert order(where=[f"{lr}>=1e-3"]) == "ab"
    assert order(where=[f"{lr}>=1e-3", "name!=a"]) == "b"
    with pytest.raises(ComparisonError, match="none of 3 runs has a recipe with name=x"):
        compare(where=["name=x"])


@pytest.mark.usefixtures("three")
def test_rows_can_be_sorted_by_a_column_and_keep_their_rank() -> None:
    assert order() == "abc"
    assert order(sort="-score") == "cba"
    assert order(sort="-mean") == order(sort="-rank") == order(sort="-FD(toy-cnn)") == "cba"
    assert order(sort="recall") == "cba"
    assert order(sort="optimizers.generator.lr", only_changed=True) == "cba"
    assert [row.rank for row in compare(sort="-score").ranked] == [3, 2, 1]
    with pytest.raises(UsageError, match="no column 'fid'; there are score,"):
        compare(sort="fid")


@pytest.mark.usefixtures("three")
def test_only_changed_adds_columns_for_exactly_the_keys_that_differ() -> None:
    plain, wide = compare(), compare(only_changed=True)
    assert set(wide.table().columns) - set(plain.table().columns) == {"optimizers.generator.lr"}
    assert [row[-1] for row in wide.table().rows] == ["0.002", "0.001", "0.0003"]


def test_a_run_whose_recipe_cannot_be_read_is_listed_under_every_condition(
    three: Path, make_run: Callable[..., RunDirectory], score: Any
) -> None:
    torn = make_run("torn", score(4.0))
    torn.lock_file.write_text("{")
    (unranked,) = compare(where=["name=a"]).unranked
    assert unranked.run == torn.name
