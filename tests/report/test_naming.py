"""Experiments of one name are told apart by what a reader would have changed."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ganzoo.recipes.lock import write_lock
from ganzoo.report.entries import Entry
from ganzoo.report.naming import names_of
from ganzoo.runs.directory import RunDirectory

BASE: dict[str, Any] = {
    "recipe": 1,
    "name": "mine",
    "generator": {"use": "zoo/dcgan", "width": 64, "latent_dim": 64},
    "loss": {"use": "zoo/hinge"},
    "regularizers": {},
    "augmentation": None,
    "optimizers": {
        "generator": {"use": "zoo/adam", "lr": 2e-4, "betas": [0.0, 0.9]},
        "discriminator": {"use": "zoo/adam", "lr": 2e-4, "betas": [0.0, 0.9]},
    },
    "train": {"steps": 100},
    "lock": {"engine": 1, "torch": "2.13.0"},
}


def names(*changes: dict[str, Any], name: str = "mine") -> list[str]:
    """Return what experiments are called that differ from BASE in these keys."""
    experiments = {}
    with TemporaryDirectory() as folder:
        for index, change in enumerate(changes):
            run = RunDirectory(Path(folder, str(index)))
            run.path.mkdir()
            write_lock(run.lock_file, BASE | change)
            experiments[str(index)] = Entry(run, name, 0, "", str(index), ())
        return list(names_of(experiments).values())


def both(lr: float) -> dict[str, Any]:
    node = {"use": "zoo/adam", "lr": lr, "betas": [0.0, 0.9]}
    return {"optimizers": {"generator": node, "discriminator": node}}


def test_an_experiment_that_has_its_name_to_itself_is_called_by_it() -> None:
    assert names({}) == ["mine"]


def test_a_rate_of_both_optimizers_is_told_once() -> None:
    assert names({}, both(1e-3)) == [
        "mine (optimizers.both.lr=0.0002)",
        "mine (optimizers.both.lr=0.001)",
    ]


def test_a_rate_of_one_optimizer_is_told_as_its() -> None:
    node = BASE["optimizers"]["discriminator"] | {"lr": 4e-4}
    faster = {"optimizers": BASE["optimizers"] | {"discriminator": node}}
    assert names({}, faster) == [
        "mine (optimizers.discriminator.lr=0.0002)",
        "mine (optimizers.discriminator.lr=0.0004)",
    ]


def test_another_network_is_told_by_its_name_and_not_by_its_parameters() -> None:
    other = {"generator": {"use": "acme/unet", "depth": 3, "latent_dim": 8}}
    assert names({}, other) == ["mine (generator=dcgan)", "mine (generator=acme/unet)"]


def test_a_regularizer_that_only_one_has_is_told_as_there_or_not() -> None:
    r1 = {"regularizers": {"r1": {"use": "zoo/r1", "gamma": 1.0, "every_steps": 4}}}
    assert names({}, r1) == ["mine (no regularizers.r1)", "mine (regularizers.r1=r1)"]


def test_no_more_keys_are_told_than_set_all_apart_and_the_rest_are_counted() -> None:
    first = {"loss": {"use": "zoo/vanilla"}, "train": {"steps": 200}, **both(1e-3)}
    second = {"loss": {"use": "zoo/wgan-gp"}, "train": {"steps": 300}, **both(2e-3)}
    assert names({}, first, second) == [
        "mine (loss=hinge, and 2 more)",
        "mine (loss=vanilla, and 2 more)",
        "mine (loss=wgan-gp, and 2 more)",
    ]


def test_a_grid_over_two_keys_tells_both() -> None:
    grid = [{"train": {"steps": n}} | both(lr) for n in (100, 200) for lr in (1e-3, 2e-3)]
    assert names(*grid)[3] == "mine (optimizers.both.lr=0.002, train.steps=200)"


def test_a_revision_is_told_only_where_nothing_else_differs() -> None:
    older = {"lock": {"engine": 0, "torch": "2.12.0"}}
    assert names({}, older) == ["mine (engine.revision=1)", "mine (engine.revision=0)"]
    assert names({}, older | both(1e-3))[1] == "mine (optimizers.both.lr=0.001)"
    new = {"lock": BASE["lock"] | {"components": {"loss": {"revision": 2}}}}
    old = {"lock": BASE["lock"] | {"components": {"loss": {"revision": 1}}}}
    assert names(old, new, new | both(1e-3)) == [
        "mine (optimizers.both.lr=0.0002, loss.revision=1)",
        "mine (optimizers.both.lr=0.0002, loss.revision=2)",
        "mine (optimizers.both.lr=0.001, loss.revision=2)",
    ]


def test_a_default_that_a_newer_lock_has_is_no_difference_and_a_value_is_told() -> None:
    newer = BASE["lock"] | {"defaults": {"train.clip": 1.0, "loss.margin": 2.0}}
    same = {"lock": newer, "train": {"steps": 100, "clip": 1.0}}
    other = {"lock": newer, "train": {"steps": 100, "clip": None}}
    moved = {"lock": newer, "loss": {"use": "zoo/hinge", "margin": 3.0}}
    assert names(same, other, moved) == [
        "mine (train.clip=1.0, no loss.margin)",
        "mine (no train.clip, no loss.margin)",
        "mine (no train.clip, loss.margin=3.0)",
    ]


def test_the_code_of_a_plugin_file_is_told_by_a_few_digits() -> None:
    def lock(digits: str) -> dict[str, Any]:
        return {"lock": {"engine": 1, "components": {"loss": {"code_sha256": digits * 16}}}}

    assert names(lock("12ab"), lock("34cd"))[1] == "mine (loss.code=34cd34cd)"


def test_values_are_told_as_a_recipe_has_them() -> None:
    metrics = {"eval": {"metrics": [{"use": "zoo/modes"}, {"use": "acme/kid", "degree": 3}]}}
    assert names({"conditional": True}, {"conditional": False})[0] == "mine (conditional=true)"
    assert names(metrics, {"eval": {"metrics": []}}) == [
        "mine (eval.metrics=[modes, acme/kid])",
        "mine (eval.metrics=[])",
    ]
