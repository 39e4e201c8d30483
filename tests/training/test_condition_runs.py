"""Runs on data with a condition: steps, resume, samples, scores and the refusals of each."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
import yaml
from torch import Tensor

import ganzoo
from ganzoo.cli import main
from ganzoo.components.plan import Plan
from ganzoo.components.planner import make_plan
from ganzoo.errors import DataError, RecipeError, UsageError
from ganzoo.nn import encode
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.report.pages.run import run_page
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import write_state
from ganzoo.training.graphs import WARM_UPS
from ganzoo.training.processes import Processes
from ganzoo.training.run import Run
from ganzoo.training.step import GanStep

from .conditions_plugin import SMALL, Pairs
from .test_graphs import OnTheCpu, captured
from .test_two_ranks import launch

PLUGIN = Path(__file__).with_name("conditions_plugin.py")

RECIPE: dict[str, Any] = {
    "recipe": 1,
    "name": "pairs",
    "dataset": "local/pairs",
    "conditional": True,
    "generator": "local/enlarge",
    "discriminator": "local/judge",
    "loss": "hinge",
    "regularizers": {"local/l1": {"weight": 10}},
    "optimizers": {"both": {"use": "adam", "lr": 0.05}},
    "train": {"steps": 60, "batch_size": 16, "log_every_steps": 10},
    "eval": {
        "extractor": "pixels", "samples": 80, "reference": "test",
        "metrics": ["local/pair-error"],
    },
}  # fmt: skip

DRAWS = pytest.mark.parametrize("draws", ["nothing", "rows", "conditions"])


def write_recipe(folder: Path) -> Path:
    path = folder / "pairs.yaml"
    path.write_text(yaml.safe_dump(RECIPE, sort_keys=False))
    return path


def plan_of(folder: Path, overrides: dict[str, Any]) -> Plan:
    registry = Registry.with_local(PLUGIN)
    return make_plan(Recipe.load(write_recipe(folder), overrides, registry), registry)


def weights(step: GanStep) -> list[Tensor]:
    parts = step.parts
    return [*parts.generator.state_dict().values(), *parts.discriminator.state_dict().values()]


def play(plan: Plan, steps: int, checkpoint: Path | None = None) -> GanStep:
    saved: Any = SimpleNamespace(path=checkpoint) if checkpoint else None
    step = make_step(plan, Processes(CPU), saved)
    for _ in range(steps):
        step()
    return step


def assert_equal(ours: GanStep, theirs: GanStep) -> None:
    assert all(torch.equal(a, b) for a, b in zip(weights(ours), weights(theirs), strict=True))


# --- steps ---


def test_generated_and_real_samples_of_a_row_have_one_condition(tmp_path: Path) -> None:
    step = play(plan_of(tmp_path, {"dataset.mirror": True}), 1)
    for role in ("discriminator", "generator"):
        player = step.players[role]
        game = step.game(player, step.inputs(player, 0), next(step.micro_batches()), NOTHING)
        conditions = game.fake_labels
        assert conditions is not None
        assert torch.equal(game.labels, conditions)
        large = conditions.repeat_interleave(2, -1).repeat_interleave(2, -2)
        torch.testing.assert_close(game.real, -large)


NOTHING: Any = SimpleNamespace(
    real_gradient=False, fake_gradient=False, generator_graph=False, penalised=False
)


@DRAWS
@pytest.mark.parametrize("data", ["memory", "stream"])
def test_a_restored_step_continues_bit_for_bit(tmp_path: Path, draws: str, data: str) -> None:
    plan = plan_of(tmp_path, {"dataset.draws": draws, "train.data": data, "dataset.mirror": True})
    straight, half = play(plan, 6), play(plan, 3)
    write_state(half, tmp_path)
    assert_equal(play(plan, 3, tmp_path), straight)


@DRAWS
def test_streamed_data_trains_as_data_in_memory_does(tmp_path: Path, draws: str) -> None:
    steps = [
        play(plan_of(tmp_path, {"dataset.draws": draws, "train.data": data}), 6)
        for data in ("memory", "stream")
    ]
    assert_equal(*steps)


@DRAWS
def test_captured_updates_train_as_eager_ones_do(tmp_path: Path, draws: str) -> None:
    plan = plan_of(tmp_path, {"dataset.draws": draws})
    ours = captured(plan, OnTheCpu())
    for _ in range(WARM_UPS + 4):
        ours()
    assert ours.graphs is not None
    assert all(update.graph for update in ours.graphs.updates.values())
    assert_equal(ours, play(plan, WARM_UPS + 4))


@DRAWS
def test_micro_batches_train_as_whole_ones_do(tmp_path: Path, draws: str) -> None:
    given = {"dataset.draws": draws, "optimizers.both": {"use": "sgd", "lr": 0.01}}
    whole = play(plan_of(tmp_path, given), 4)
    parts = play(plan_of(tmp_path, given | {"train.micro_batch": 4}), 4)
    torch.testing.assert_close(weights(parts), weights(whole))


# --- a run ---


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run whose data is a file that can be moved away."""
    folder = tmp_path_factory.mktemp("conditions")
    data = folder / "data"
    data.touch()
    words = ["run", write_recipe(folder), f"dataset.path={data}", "--plugin", PLUGIN]
    assert main([str(word) for word in (*words, "--runs-dir", folder / "runs")]) == 0
    return ganzoo.load("last", folder / "runs")


@pytest.fixture
def moved(trained: Run, tmp_path: Path) -> Run:
    """The same run, whose data is not there."""
    shutil.copytree(trained.path, tmp_path / "runs" / trained.name)
    lock = tmp_path / "runs" / trained.name / "recipe.lock.yaml"
    there = str(trained.path.parent.parent / "data")
    lock.write_text(lock.read_text().replace(there, "/nowhere"))
    return ganzoo.load(trained.name, tmp_path / "runs")


def test_the_distance_of_pairs_falls(trained: Run) -> None:
    terms = [row["g/local/l1/l1"] for row in trained.directory.metrics()]
    assert terms[-1] < 0.6 * terms[0], terms


def test_a_run_keeps_the_spec_of_its_condition(trained: Run) -> None:
    assert trained.spec == Pairs.spec
    content = json.loads(trained.directory.sample_spec_file.read_bytes())
    assert content["spec"]["condition"] == {"modality": "image", "shape": [1, 4, 4]}


def test_samples_are_made_from_the_conditions_of_the_reference_split(trained: Run) -> None:
    samples, test = trained.sample(40, seed=3), Pairs("test")
    errors = [(samples.float() - test[row][0].float()).abs().mean((1, 2, 3)) for row in range(40)]
    nearest = torch.stack(errors).argmin(0)
    assert sorted(nearest.tolist()) == list(range(40))


def test_given_conditions_are_used_in_turn(trained: Run) -> None:
    given = Pairs("train").small[:3]
    samples = trained.sample(4, conditions=given)
    large = given.repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert (samples[:3].float() - (255 - large).float()).abs().mean() < 25
    again = trained.sample(4, conditions=given[[0, 1, 2, 0]])
    assert torch.equal(samples, again)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (torch.zeros(2, 1, 8, 8, dtype=torch.uint8), r"not uint8 \(2, 1, 8, 8\)"),
        (torch.zeros(2, 1, 4, 4), r"not float32 \(2, 1, 4, 4\)"),
        (torch.zeros(0, 1, 4, 4, dtype=torch.uint8), r"not uint8 \(0, 1, 4, 4\)"),
        ([[0]], r"uint8 \(K, 1, 4, 4\), not list"),
    ],
)
def test_conditions_of_another_form_are_refused(trained: Run, given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        trained.sample(2, conditions=given)


def test_labels_are_refused_where_the_data_has_a_condition(
    trained: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=r"takes conditions \(image 1x4x4\), not labels"):
        trained.sample(2, labels=0)
    assert main(["sample", str(trained.path), "--label", "0"]) == 2
    said = capsys.readouterr().err
    assert "takes conditions (image 1x4x4), not labels" in said
    assert f"try: ganzoo sample {trained.path} --condition PATH" in said


# --- files of conditions ---


def pictures(folder: Path) -> Path:
    folder.mkdir()
    for row, small in enumerate(Pairs("test").small[:3]):
        PIL.Image.fromarray(small[0].numpy()).save(folder / f"{row}.png")
    return folder


def drawn(capsys: pytest.CaptureFixture[str], run: Run, *words: object) -> Path:
    """Run ``ganzoo sample``; return the file that it wrote."""
    assert main(["sample", str(run.path), *map(str, words)]) == 0
    return Path(capsys.readouterr().out.strip())


def array(path: Path) -> Tensor:
    return torch.from_numpy(np.load(path)["samples"])


def test_conditions_come_from_a_folder_a_picture_or_an_npz(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rows = pictures(tmp_path / "edges"), Pairs("test").small[:3]
    SMALL.kind.write(SMALL, tmp_path / "edges.npz", rows)
    out = tmp_path / "out.npz"
    expected = {"edges": rows, "edges.npz": rows, "edges/1.png": rows[1:2]}
    for name, conditions in expected.items():
        assert drawn(capsys, trained, "--condition", tmp_path / name, "-n", 5, "--out", out) == out
        assert torch.equal(array(out), trained.sample(5, conditions=conditions))
    assert torch.equal(trained.read_conditions(folder), rows)


def test_a_file_of_samples_is_named_after_its_conditions(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    folder = pictures(tmp_path / "edges")
    monkeypatch.chdir(tmp_path)
    names = {
        drawn(capsys, trained, "-n", 2, *words).name
        for words in ((), ("--condition", "edges"), ("--condition", "edges/1.png"))
    }
    assert names == {
        "sample-final-seed0-n2.png",
        "sample-final-seed0-n2-condition=edges.png",
        "sample-final-seed0-n2-condition=edges%2F1.png.png",
    }
    assert folder.is_dir()


def test_a_walk_keeps_its_condition(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = pictures(tmp_path / "edges"), tmp_path / "out.npz"
    drawn(capsys, trained, "--condition", folder, "--interpolate", 4, "-n", 2, "--out", out)
    starts = trained.sample(2, conditions=Pairs("test").small[:2])
    assert torch.equal(array(out)[::4], starts)
    unlike = (array(out)[3].float() - starts[0].float()).abs().mean()
    assert unlike < (starts[1].float() - starts[0].float()).abs().mean() / 4


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "there is no"),
        (
            lambda path: PIL.Image.new("L", (8, 8)).save(path),
            "holds samples of shape (3, 8, 8), and the condition is image 1x4x4",
        ),
        (
            lambda path: PIL.Image.new("RGB", (4, 4), "red").save(path),
            "holds samples of shape (3, 4, 4), and the condition is image 1x4x4",
        ),
        (lambda path: path.write_bytes(b"\x89PNG"), "cannot be read"),
    ],
    ids=["missing", "larger", "coloured", "damaged"],
)
def test_files_that_are_no_conditions_are_refused_in_one_line(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, said: str
) -> None:
    make(tmp_path / "edge.png")
    assert main(["sample", str(trained.path), "--condition", str(tmp_path / "edge.png")]) == 4
    lines = capsys.readouterr().err.splitlines()
    assert said in lines[0]
    assert len(lines) == 2
    assert lines[1].startswith("try: ")


def test_text_conditions_outside_the_vocabulary_are_refused(tmp_path: Path) -> None:
    from ganzoo.sampling.files import read_conditions

    spec, path = SampleSpecs.text, tmp_path / "a.npz"
    spec.kind.write(spec, path, torch.tensor([[0, 1], [2, 3]]))
    with pytest.raises(DataError, match=r"condition 1 has tokens from 2 to 3"):
        read_conditions(path, spec, Registry())


class SampleSpecs:
    text = ganzoo.api.SampleSpec("text", (2,), vocabulary=3)


# --- without the data ---


def test_a_run_whose_data_moved_needs_conditions_and_says_so(
    moved: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match=r"takes its conditions from its data.*no /nowhere"):
        moved.sample(2)
    folder = pictures(tmp_path / "edges")
    assert drawn(capsys, moved, "--condition", folder, "-n", 2).is_file()
    assert main(["sample", str(moved.path)]) == 4
    assert f"try: ganzoo sample {moved.path} --condition PATH" in capsys.readouterr().err


def test_a_run_whose_data_moved_is_exported(moved: Run, tmp_path: Path) -> None:
    (file,) = moved.export("program", to=tmp_path)
    program = torch.export.load(file).module()
    z, y = torch.randn(3, 2), encode(SMALL, Pairs("test").small[:3])
    torch.testing.assert_close(program(z, y), moved.generator(z, y))
    moved.export(to=tmp_path)
    about = json.loads((tmp_path / "generator.json").read_text())
    assert about["spec"]["condition"]["shape"] == [1, 4, 4]


# --- scores ---


def test_a_metric_of_pairs_gets_the_condition_of_every_sample(trained: Run) -> None:
    (final,) = (s for s in trained.scores if s.sampling and s.sampling.selected == "final")
    assert final.metrics["different_pairs"] == 40
    assert final.metrics["pair_error"] < 25
    assert trained.score().metrics == final.metrics


@pytest.mark.parametrize("metric", ["intra-class", "class-agreement"])
def test_a_metric_of_classes_refuses_conditions_in_words(trained: Run, metric: str) -> None:
    score = trained.score(overrides={"eval.metrics": [metric]})
    assert any(f"'{metric}' needs classes, and the samples have" in note for note in score.notes)
    assert not score.metrics


@pytest.mark.slow
def test_two_processes_score_the_samples_of_one(trained: Run, tmp_path: Path) -> None:
    words = ("-m", "ganzoo", "score", str(trained.path), "eval.final_samples=600")
    for processes in (1, 2):
        done = launch(tmp_path, processes, *words)
        assert done.returncode == 0, done.stderr
    one, two = ganzoo.load(trained.path).scores[-2:]
    assert two.value == pytest.approx(one.value, rel=1e-5)
    assert two.metrics == pytest.approx(one.metrics, rel=1e-5)


# --- the gallery ---


def test_the_gallery_shows_condition_sample_and_truth_of_fixed_rows(trained: Run) -> None:
    folder = trained.directory.samples_directory
    names = {path.name for path in folder.iterdir()}
    assert {"real.png", "condition.png", "step-00000006.png", "step-00000060.png"} <= names
    early, late = (first_row(folder / f"step-{n:08d}.png") for n in (6, 60))
    condition, sample, truth = slice(0, 8), slice(9, 17), slice(18, 26)
    assert torch.equal(early[:, condition], late[:, condition])
    assert not torch.equal(early[:, sample], late[:, sample])
    real, small = Pairs("train")[0]
    assert torch.equal(late[:, truth], real[0])
    assert torch.equal(late[::2, condition][:, ::2], small[0])


def test_the_page_of_the_run_shows_conditions_and_real_samples(trained: Run) -> None:
    page = run_page(trained.directory)
    captions = ["condition", "real", "step 60"]
    assert all(f"<figcaption>{words}</figcaption>" in page for words in captions)
    assert "row by row, from the conditions of the real ones" in page


def first_row(path: Path) -> Tensor:
    """Return the first three images of a grid, 8 pixels each with 1 between them, (8, 26)."""
    with PIL.Image.open(path) as image:
        levels = torch.from_numpy(np.array(image.convert("L")))
    factor = 4  # 26 pixels are enlarged to at least 3 times 32
    return levels[::factor, ::factor][2:10, 2:28]


# --- recipes ---


def test_uniform_labels_are_refused_at_their_place(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    path.write_text(path.read_text() + "labels: uniform\n")
    registry = Registry.with_local(PLUGIN)
    with pytest.raises(RecipeError) as caught:
        make_plan(Recipe.load(path, {}, registry), registry)
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (len(path.read_text().splitlines()), "labels")
    assert "'uniform' is for classes, and the data has a condition" in problem.what
    assert caught.value.hint == "labels=data"


def test_networks_of_classes_refuse_a_condition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", write_recipe(tmp_path), "generator=dcgan", "--plugin", PLUGIN]
    assert main([str(word) for word in words]) == 2
    assert "takes classes, and the condition is image 1x4x4" in capsys.readouterr().err


def test_a_recipe_that_is_not_conditional_ignores_the_condition(tmp_path: Path) -> None:
    mlp = {"use": "mlp", "width": 8}
    plan = plan_of(tmp_path, {"conditional": False, "generator": mlp, "discriminator": mlp})
    step = play(plan, 2)
    assert step.label_sampler is None
