"""Arguments of the Python interface: valid ones are accepted, others refused in one line."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ganzoo
from ganzoo.errors import CheckpointError, UsageError
from ganzoo.training.arguments import class_labels, only_evaluation, options_of, whole_number
from ganzoo.training.run import Run

TINY = {
    "train.steps": np.int64(2),
    "train.batch_size": 8,
    "generator.width": 8,
    "discriminator.width": 8,
    "eval.extractor": None,
    "eval.metrics": [],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of two steps whose generator has ten classes."""
    runs = tmp_path_factory.mktemp("ü 空 'x") / "runs"
    return ganzoo.run("digits-dcgan-conditional", TINY, runs_directory=str(runs))


# --- alone ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3)])
def test_whole_numbers_of_any_library_become_pythons(value: Any) -> None:
    number = whole_number(value, "the seed", least=0)
    assert (type(number), number) == (int, 3)


@pytest.mark.parametrize("value", [-1, 2.0, "3", None, [1]])
def test_a_value_that_is_not_a_whole_number_in_range_is_refused_as_written(value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        whole_number(value, "the seed", least=0)
    assert caught.value.message == f"the seed is a whole number from 0 on, not {value!r}"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (3, [3, 3]),
        ([0, 9], [0, 9]),
        (np.array([1, 2], dtype=np.uint8), [1, 2]),
        (torch.tensor([4, 5]), [4, 5]),
        (range(2), [0, 1]),
    ],
)
def test_labels_are_one_class_or_one_for_each_sample(labels: Any, expected: list[int]) -> None:
    found = class_labels(labels, 2, 10)
    assert found.dtype == torch.int64
    assert found.tolist() == expected


@pytest.mark.parametrize(
    "labels", [[1], [1, 2, 3], [], [[1, 2]], [[1], [2, 3]], 1.5, "3", ["a", 1]]
)
def test_labels_of_a_wrong_type_or_count_are_refused(labels: Any) -> None:
    with pytest.raises(UsageError, match="one for each of the 2 samples"):
        class_labels(labels, 2, 10)


@pytest.mark.parametrize("labels", [-1, 10, [0, 10], [-1, 0]])
def test_labels_out_of_range_are_refused_with_the_range(labels: Any) -> None:
    with pytest.raises(UsageError, match="labels go from 0 to 9, not to"):
        class_labels(labels, 2, 10)


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no option 'run_directory' - did you mean 'runs_dir"):
        options_of({"run_directory": "x"})
    with pytest.raises(UsageError, match="there are runs_directory, name, max_seconds"):
        options_of({"steps": 5})


@pytest.mark.parametrize("seconds", [0, -1, "3h", float("nan")])
def test_an_invalid_time_limit_is_refused(seconds: Any) -> None:
    with pytest.raises(UsageError, match="max_seconds is a number above 0"):
        options_of({"max_seconds": seconds})


def test_a_score_changes_how_a_run_is_evaluated_and_nothing_else() -> None:
    only_evaluation("a", {"eval.final_samples": 5, "eval": {"seed": 1}})
    with pytest.raises(UsageError, match=r"train\.steps cannot change") as caught:
        only_evaluation("a", ["eval.seed=1", "train.steps=5"])
    assert caught.value.hint == "ganzoo score a eval.final_samples=VALUE"


# --- a recipe ------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [{"loss": "hinge"}, None, 3, ["a.yaml"]])
def test_an_argument_that_is_not_a_recipe_is_refused(recipe: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a recipe is a file, the name of one, or a Recipe"):
        ganzoo.run(recipe, runs_directory=tmp_path)


def test_an_invalid_run_name_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'my-run'"):
        ganzoo.run("digits-dcgan-conditional", TINY, runs_directory=tmp_path, name="my run")
    assert list(tmp_path.iterdir()) == []


# --- a run ---------------------------------------------------------------------------------------


def test_labels_choose_what_is_drawn(run: Run) -> None:
    assert torch.equal(run.sample(np.int64(2), labels=3), run.sample(2, labels=[3, 3]))
    assert not torch.equal(run.sample(2, labels=3), run.sample(2, labels=4))


@pytest.mark.parametrize("count", [0, -1, 2.5, "many"])
def test_samples_come_in_whole_numbers(run: Run, count: Any) -> None:
    with pytest.raises(UsageError, match="the number of samples is a whole number from 1 on"):
        run.sample(count)


def test_a_run_without_labels_takes_none_and_says_how_to_train_one_that_does(run: Run) -> None:
    directory = run.path.parent
    plain = ganzoo.run("digits-dcgan-hinge", TINY, runs_directory=directory)
    with pytest.raises(UsageError, match="is not conditional") as caught:
        plain.sample(2, labels=1)
    lock = str(plain.path / "recipe.lock.yaml")
    assert shlex.split(str(caught.value.hint)) == ["ganzoo", "run", lock, "conditional=true"]


def test_conditions_of_a_run_with_classes_are_refused_with_its_labels(run: Run) -> None:
    with pytest.raises(UsageError, match="takes labels from 0 to 9, not conditions") as caught:
        run.sample(2, conditions=torch.zeros(1, 1, 8, 8))
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("--label 0")
    with pytest.raises(UsageError, match="not conditions"):
        run.read_conditions("nowhere")


@pytest.mark.parametrize("form", ["nonsense", "Program", "", None])
def test_an_unknown_export_form_is_refused(run: Run, form: Any) -> None:
    with pytest.raises(UsageError, match="exported as safetensors or program, not"):
        run.export(form)
    assert not run.directory.export_directory.exists()


def test_an_export_that_cannot_be_written_names_the_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file/x cannot be written: Not a directory"):
        run.export(to=tmp_path / "file" / "x")
    (weights, _) = run.export(to=str(tmp_path / "x"))
    assert weights.is_file()


def test_a_checkpoint_is_final_best_or_a_step(run: Run) -> None:
    assert run.checkpoint(np.int64(2)).step == 2
    with pytest.raises(UsageError, match="other than final and best is a whole number"):
        run.checkpoint("newest")
    with pytest.raises(CheckpointError, match="never scored while it trained"):
        run.checkpoint("best")
    with pytest.raises(CheckpointError, match="has no checkpoint of step 7; it has 1, 2"):
        run.checkpoint(7)


def test_a_missing_run_is_a_usage_error(tmp_path: Path) -> None:
    for reference in ("last", "nope", tmp_path):
        with pytest.raises(UsageError, match="no run"):
            ganzoo.load(reference, tmp_path)


@pytest.mark.parametrize("reference", [3, None, ["last"]])
def test_an_argument_that_cannot_name_a_run_is_refused(reference: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a run is a path, the beginning of its name, or 'last'"):
        ganzoo.load(reference, tmp_path)


def test_a_run_is_resumed_and_scored_by_name(tmp_path: Path) -> None:
    started = ganzoo.run("digits-dcgan-conditional", TINY, runs_directory=tmp_path)
    resumed = ganzoo.resume(started.name[:-1], {"train.steps": 3}, runs_directory=tmp_path)
    assert resumed.path == started.path
    assert resumed.checkpoint().step == 3
    overrides = {"eval.extractor": "pixels", "eval.final_samples": 100, "eval.metrics": []}
    score = ganzoo.score("last", overrides, checkpoint=2, runs_directory=tmp_path)
    assert resumed.scores[-1] == score
    assert score.sampling is not None
    assert score.sampling.step == 2


def test_a_plugin_file_is_loaded_by_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from ganzoo.api import hookimpl\n\n\n"
        "class Flat:\n"
        "    def discriminator(self, game):\n"
        '        return {"gap": game.fake_logits.mean() - game.real_logits.mean()}\n\n'
        "    def generator(self, game):\n"
        '        return {"fake": -game.fake_logits.mean()}\n\n\n'
        "@hookimpl\n"
        "def register_losses(register):\n"
        '    register("flat", "mine:Flat")\n'
    )
    changes = {**TINY, "loss": "local/flat"}
    run = ganzoo.run(
        "digits-dcgan-hinge", changes, plugin=tmp_path / "mine.py", runs_directory=tmp_path
    )
    assert run.status == "finished"
    assert run.plan.components["loss",].id == "local/flat"
