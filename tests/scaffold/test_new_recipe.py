"""``ganzoo new recipe``: the recipes it writes pass the check, and its errors are clear."""

from pathlib import Path

import pytest
import yaml
from ganzoo_zoo.datasets.own_pictures import FEW, Facts, choose, picture_recipe
from PIL import Image

from ganzoo.api import OwnData
from ganzoo.cli import main
from ganzoo.recipes import Recipe
from ganzoo.recipes.load import shipped_recipes
from ganzoo.recipes.yaml import yaml_line

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "project"
    (directory / ".git").mkdir(parents=True)
    monkeypatch.chdir(directory)
    return directory


def pictures(folder: Path, count: int, mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new(mode, size, number).save(folder / f"{number:04}.png")


# --- a child -------------------------------------------------------------------------------------


OF_NO_FOLDER = [each for each in sorted(shipped_recipes()) if not each.startswith("photos-")]


@pytest.mark.parametrize("parent", OF_NO_FOLDER)
def test_a_child_has_the_settings_of_its_parent(parent: str) -> None:
    assert main(["new", "recipe", "mine", "--from", parent]) == 0
    child, whole = (Recipe.load(each, {"name": "x"}) for each in ("mine.yaml", parent))
    assert child.settings == whole.settings.model_copy(
        update=dict.fromkeys(("description", "paper", "published", "reproduced"))
    )


@pytest.mark.parametrize("parent", sorted(shipped_recipes()))
def test_what_a_child_shows_as_comments_are_its_parents_values(parent: str) -> None:
    assert main(["new", "recipe", "mine", "--from", parent]) == 0
    lines = Path("mine.yaml").read_text().splitlines()
    shown = [line.removeprefix("# ") for line in lines[8:] if line.startswith("# ")]
    said = yaml.safe_load("\n".join(shown))
    whole = Recipe.load(parent).data
    assert said["train"] == whole["train"]
    assert {key: whole[key] for key in said if key != "seed"} == {
        key: each for key, each in said.items() if key != "seed"
    }


def test_a_child_of_a_file_finds_it_again(project: Path) -> None:
    (project / "base").mkdir()
    whole = "recipe: 1\ndataset: digits\ngenerator: dcgan\ndiscriminator: dcgan\nloss: hinge\n"
    (project / "base" / "old.yaml").write_text(whole + "train: {steps: 5}\n")
    assert main(["new", "recipe", "mine", "--from", "base/old.yaml"]) == 0
    assert "extends: base/old.yaml\n" in Path("mine.yaml").read_text()
    assert Recipe.load("mine.yaml").settings.train.steps == 5


# --- photographs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["64", pytest.param("256", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("folders", "each"), [([""], 20), (["cat", "dog"], 150), (["a", "b"], 10)])
def test_a_recipe_for_a_folder_passes_the_check_as_it_is_written(
    project: Path, capsys: Capture, size: str, folders: list[str], each: int
) -> None:
    for folder in folders:
        pictures(project / "my photos" / folder, each)
    assert main(["new", "recipe", "photos", "--data", "./my photos", "--size", size]) == 0
    assert capsys.readouterr().out == "photos.yaml\n"
    assert main(["check", "photos.yaml", "--data"]) == 0
    settings = Recipe.load("photos.yaml").settings
    assert settings.dataset.parameters["path"] == "my photos"
    if "extends" not in Path("photos.yaml").read_text():
        assert settings.conditional == (each == 150)
    assert settings.train.batch_size <= each * len(folders)


def test_the_path_is_seen_from_the_recipe_wherever_it_is_run(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(project / "photos", 4)
    assert main(["new", "recipe", "a", "--data", str(project / "photos")]) == 0
    monkeypatch.chdir(project / "photos")
    assert main(["check", "../a.yaml"]) == 0


def test_a_broken_picture_is_named_and_left_out(project: Path, capsys: Capture) -> None:
    pictures(project / "photos", 20)
    (project / "photos" / "broken.jpg").write_bytes(b"\xff\xd8 no")
    assert main(["new", "recipe", "a", "--data", "photos"]) == 0
    text = Path("a.yaml").read_text()
    assert "# 20 pictures" in text
    assert "  #   broken.jpg: not a picture" in text
    assert main(["check", "a.yaml", "--data"]) == 0


def test_a_line_end_in_a_name_does_not_end_its_comment(project: Path) -> None:
    for folder in ("a\nb", "c"):
        pictures(project / "photos" / folder, 2)
    (project / "photos" / "c" / "bad\nrecipe: 2\n.jpg").write_bytes(b"\xff\xd8 no")
    (project / "photos" / "c" / "some\u2028notes: 3").write_text("no picture")
    assert main(["new", "recipe", "a", "--data", "photos"]) == 0
    assert main(["check", "a.yaml", "--data"]) == 0


def test_a_recipe_of_fastgan_says_that_it_takes_no_labels() -> None:
    classes = {"cat": 150, "dog": 200}
    few = body(64, count=350, classes=classes)
    assert "# conditional: true" not in few
    assert "FastGAN's networks take no labels" in few
    assert "\n# conditional: true" in body(64, count=3_500, classes=classes)


def body(size: int, path: str = "p", **changes: object) -> str:
    base = {"count": 20, "sizes": ((100, 100), (120, 80)), "modes": ("RGB",)}
    facts = Facts(**(base | changes))  # type: ignore[arg-type]
    return picture_recipe(OwnData(Path("/p"), path, size, yaml_line), facts).body


@pytest.mark.parametrize(
    ("changes", "size", "said"),
    [
        ({}, 32, "augmentation: diffaugment\n"),
        ({"count": FEW}, 32, "without DiffAugment"),
        ({"count": FEW}, 32, "batch_size: 64"),
        ({"count": 40}, 32, "batch_size: 32"),
        ({}, 32, "generator: {use: dcgan"),
        ({}, 64, "extends: photos-fastgan\n"),
        ({}, 64, "# 1 of them are far from square"),
        ({}, 96, "# 1 is smaller (from 80 pixels)"),
        ({"modes": ("L", "1")}, 64, "channels: 1  # grey"),
        ({"modes": ("L", "CMYK")}, 64, "channels: 3  # colour"),
        ({"classes": {"a": 100, "b": 300}}, 32, "\nconditional: true\n"),
        ({"classes": {"a": 99, "b": 300}}, 32, "\n# conditional: true\n"),
        ({"path": "no: path"}, 64, "path: 'no: path'"),
    ],
)
def test_each_setting_follows_from_the_pictures(
    changes: dict[str, object], size: int, said: str
) -> None:
    assert said in body(size, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "size", "recipe", "reason"),
    [
        (100, 64, "photos-fastgan", "under 2,000 pictures: FastGAN"),
        (1_999, 256, "photos-fastgan", "under 2,000 pictures"),
        (2_000, 64, "photos-stylegan2-ada", "under 30,000 pictures: StyleGAN2 with ADA"),
        (29_999, 128, "photos-stylegan2-ada", "under 30,000 pictures"),
        (30_000, 64, "photos-r3gan", "30,000 pictures or more: R3GAN"),
        (100_000, 63, "photos-dcgan", "below 64 pixels"),
    ],
)
def test_the_recipe_follows_from_the_number_and_the_size_of_the_pictures(
    count: int, size: int, recipe: str, reason: str
) -> None:
    name, why = choose(count, size)
    assert name == recipe
    assert name in shipped_recipes()
    assert why.startswith(reason)


def test_the_chosen_recipe_is_extended_and_the_reason_is_a_comment() -> None:
    text = body(128, classes={"a": 10, "b": 10})
    said = yaml.safe_load(text)
    assert set(said) == {"extends", "dataset", "train", "eval"}
    assert (said["extends"], said["train"]["batch_size"]) == ("photos-fastgan", 8)
    assert said["dataset"] | {"path": "p", "size": 128} == said["dataset"]
    assert "# Under 2,000 pictures: FastGAN (arXiv:2101.04775) was made for few pictures.\n" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "# Below 64 pixels DCGAN" in body(32)


def test_the_command_prints_its_choice(project: Path, capsys: Capture) -> None:
    pictures(project / "photos", 3)
    assert main(["new", "recipe", "a", "--data", "photos", "--size", "32"]) == 0
    assert "photos-dcgan: below 64 pixels DCGAN" in capsys.readouterr().err


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("a", 2, "give either --from ID or --data PATH"),
        ("a --from digits-base --data .", 2, "give either --from ID or --data PATH"),
        ("a --from digits-base --size 64", 2, "--size needs --data PATH"),
        ("a --from digits-bse", 2, "did you mean 'digits-base'?"),
        ("a/b --from digits-base", 2, "'a/b' is not a valid run name"),
        ("there --from digits-base", 2, "there.yaml exists already and is left unchanged"),
        ("there.yaml --from digits-base", 2, "there.yaml exists already"),
        ("a --data nowhere", 4, "there is no folder or zip "),
        ("a --data there.yaml", 4, "is neither a folder nor a zip"),
        ("a --data empty", 4, "there are no pictures in"),
        ("a --data broken", 4, "4 of 5 pictures in"),
        ("a --data broken --size 4", 2, "4 is not in the range"),
        ("a --from ../outside.yaml", 2, "is outside the project"),
    ],
)
def test_invalid_arguments_are_refused_and_nothing_is_written(
    project: Path, capsys: Capture, words: str, code: int, said: str
) -> None:
    whole = "recipe: 1\ndataset: digits\ngenerator: dcgan\ndiscriminator: dcgan\nloss: hinge\n"
    (project.parent / "outside.yaml").write_text(whole + "train: {steps: 5}\n")
    (project / "there.yaml").write_text("mine\n")
    (project / "empty").mkdir()
    pictures(project / "broken", 1)
    for number in range(4):
        (project / "broken" / f"no-{number}.png").write_bytes(b"no")
    assert main(["new", "recipe", *words.split()]) == code
    shown = capsys.readouterr().err
    assert said in shown
    assert "\ntry: " in shown
    assert (project / "there.yaml").read_text() == "mine\n"
    assert not (project / "a.yaml").exists()


def test_two_pictures_are_scored_as_the_recipe_is_written(project: Path) -> None:
    pictures(project / "photos", 2)
    assert main(["new", "recipe", "two", "--data", "photos", "--size", "16"]) == 0
    assert main(["check", "two.yaml", "eval.extractor=pixels"]) == 0


@pytest.mark.parametrize("reader", ["text/lines", "audio/waves", "video/clips"])
def test_hints_are_about_the_option_and_not_about_a_recipe(
    project: Path, capsys: Capture, reader: str
) -> None:
    assert main(["new", "recipe", "a", "--data", "nowhere", "--as", reader]) == 4
    assert "\ntry: --data F" in capsys.readouterr().err


def test_a_single_picture_trains_without_a_score_and_is_not_scored(
    project: Path, capsys: Capture
) -> None:
    pictures(project / "photos", 1)
    assert main(["new", "recipe", "one", "--data", "photos"]) == 0
    assert "# 1 picture, 40 pixels wide and 30 high, " in Path("one.yaml").read_text()
    assert main(["check", "one.yaml"]) == 0
    capsys.readouterr()
    assert main(["check", "one.yaml", "eval.extractor=pixels"]) == 2
    message, hint = capsys.readouterr().err.splitlines()[-2:]
    assert "train has 1 sample: nothing is scored against fewer than 2" in message
    assert hint == "try: eval.extractor=null"
