"""Which extractor scores data where the recipe says ``auto``."""

from pathlib import Path

import pytest
from PIL import Image

from ganzoo.api import Registration
from ganzoo.components.extractors import automatic_extractor
from ganzoo.components.planner import make_plan
from ganzoo.errors import UsageError
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry

WEIGHTS = "pt_inception-2015-12-05-6726825d.pth"


def dataset(*modalities: str, extractor: str | None = None) -> Registration:
    return Registration(
        *("dataset", "acme", "faces", "acme:Faces", "acme", "1.0"),
        modalities=frozenset(modalities),
        extractor=extractor,
    )


@pytest.fixture
def fetched(own_cache: Path) -> None:
    own_cache.mkdir()
    (own_cache / WEIGHTS).touch()


@pytest.mark.usefixtures("fetched")
def test_a_data_sets_own_extractor_comes_before_inception() -> None:
    chosen = automatic_extractor(dataset("image", extractor="zoo/pixels"), Registry())
    assert chosen == "zoo/pixels"


@pytest.mark.usefixtures("fetched")
def test_images_without_one_are_scored_by_inception_where_its_weights_are() -> None:
    assert automatic_extractor(dataset("image"), Registry()) == "inception"


def test_without_its_weights_the_hint_is_to_fetch_them() -> None:
    with pytest.raises(UsageError, match="the weights of inception are not in the cache") as raised:
        automatic_extractor(dataset("image"), Registry())
    assert raised.value.hint == "ganzoo fetch inception"


@pytest.mark.usefixtures("fetched")
@pytest.mark.parametrize("modalities", [(), ("audio",), ("image", "video")])
def test_what_is_not_known_to_be_images_is_never_scored_by_inception(
    modalities: tuple[str, ...],
) -> None:
    with pytest.raises(UsageError, match="acme/faces names no extractor, and inception is for"):
        automatic_extractor(dataset(*modalities), Registry())


def test_without_the_zoo_there_is_no_inception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "")
    with pytest.raises(UsageError, match="acme/faces names no extractor, and "):
        automatic_extractor(dataset("image"), Registry())


def plan_notes(folder: Path, *overrides: str) -> tuple[str | None, list[str]]:
    """Return the extractor of a recipe over a folder of pictures, and what the plan says."""
    (folder / "pictures").mkdir(exist_ok=True)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (16, 16)).save(folder / "pictures" / name)
    (folder / "mine.yaml").write_text(
        "recipe: 1\nname: mine\ndataset: {use: folder, path: pictures, size: 16}\n"
        "generator: {use: dcgan, width: 8}\ndiscriminator: {use: dcgan, width: 8}\n"
        "loss: hinge\ntrain: {steps: 10}\n"
    )
    registry = Registry()
    plan = make_plan(Recipe.load(folder / "mine.yaml", overrides, registry), registry)
    return plan.extractor.id if plan.extractor else None, list(plan.notes)


def test_a_folder_of_pictures_trains_unscored_until_inception_is_fetched(
    tmp_path: Path, own_cache: Path
) -> None:
    chosen, notes = plan_notes(tmp_path)
    assert chosen is None
    assert notes == [
        "no score: folder names no extractor, and the weights of inception are not in the cache; "
        "try: ganzoo fetch inception   # or, without a download, eval.extractor=toy-cnn or pixels"
    ]
    own_cache.mkdir()
    (own_cache / WEIGHTS).touch()
    assert plan_notes(tmp_path) == ("zoo/inception", [])


@pytest.mark.usefixtures("fetched")
def test_digits_are_scored_by_inception_only_when_asked(tmp_path: Path) -> None:
    assert plan_notes(tmp_path, "dataset=digits")[0] == "zoo/toy-cnn"
    asked = plan_notes(tmp_path, "dataset=digits", "eval.extractor=inception")[0]
    assert asked == "zoo/inception"
