"""The JSON Schema of recipes, by a validator that is not ours."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ganzoo.components.json_schema import recipe_schema
from ganzoo.components.signature import argument_docs, summary_of
from ganzoo.recipes.load import shipped_recipes
from ganzoo.recipes.yaml import load_document
from ganzoo.registry.registry import Registry

CASES = Path(__file__).parents[1] / "bad_recipes" / "cases"

SEEN = [
    "another-kind", "another-version", "auto-with-parameters", "batch-of-none", "beta-missing",
    "beta-out-of-range", "boolean-as-number", "description-as-list", "ema-true", "epochs",
    "every-zero-steps", "extends-two", "interpolation", "keep-one", "key-on-the-wrong-level",
    "learning-rate-at-the-top", "loss-as-list", "loss-as-number", "metrics-as-text",
    "misspelt-choice", "misspelt-crop", "misspelt-inner-key", "misspelt-key", "misspelt-labels",
    "misspelt-loss", "misspelt-parameter", "misspelt-side", "name-as-number", "name-with-slash",
    "negative-seed", "no-budget", "no-version", "null-loss", "null-seed", "one-beta",
    "only-the-version", "parameter-as-text", "parameter-of-another", "parameter-out-of-range",
    "published-without-source", "python-path", "regularizers-as-list", "schedule-of-nothing",
    "size-as-text", "steps-with-comma", "three-betas", "too-small", "train-as-number",
    "two-budgets", "unknown-key", "unknown-metric", "upper-case", "version-as-text",
    "weight-as-text", "weight-of-a-loss", "yes-for-true",
]  # fmt: skip
"""Bad recipes that an editor marks, although it runs nothing."""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    made, left_out = recipe_schema(Registry(["zoo", "emoji", "table", "text", "audio", "video"]))
    assert left_out == []
    return made


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def data_of(file: Path) -> dict[str, Any]:
    return load_document(file.read_text(), file.name).data


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_a_shipped_recipe_is_valid(validator: Any, name: str) -> None:
    data = data_of(shipped_recipes()[name])
    assert [error.message for error in validator.iter_errors(data)] == []


@pytest.mark.parametrize("name", ["good", "circle", "folder-without-path", "two-norms"])
def test_what_takes_a_run_to_find_out_is_valid(validator: Any, name: str) -> None:
    assert list(validator.iter_errors(data_of(CASES / f"{name}.yaml"))) == []


@pytest.mark.parametrize("name", SEEN)
def test_a_bad_recipe_is_not_valid(validator: Any, name: str) -> None:
    assert list(validator.iter_errors(data_of(CASES / f"{name}.yaml")))


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("regularizers: {r1: {gamma: 1, weight: 2, every_steps: 4}}", True),
        ("regularizers: {r1: {gama: 1}}", False),
        ("regularizers: {mine: {use: r1, gamma: 1}}", True),
        ("regularizers: {mine: {use: r1, gama: 1}}", False),
        ("regularizers: {r1: null}", True),
        ("optimizers: {both: {lr: 1e-3}}", True),
        ("optimizers: {both: {use: sgd, betas: [0, 0]}}", False),
        ("generator: {width: 48}", True),
        ("generator: {wdth: 48}", False),
        ("generator: {use: zoo/dcgan, width: 48}", True),
        ("generator: null", False),
        ("augmentation: null", True),
        ("eval: {extractor: null, metrics: [modes, {use: modes}]}", True),
        ("eval: {extractor: auto}", True),
        ("train: {ema: {ramp_up: 0.1}}", True),
        ("train: {ema: null, compile: false}", True),
        ("train: {compile: 1}", False),
        ("schedules: {optimizers.both.lr: {use: cosine, end_samples: 5}}", True),
        ("reproduced: {value: 1.9}", True),
    ],
)
def test_a_child_says_only_what_differs_and_is_checked_for_that(
    validator: Any, text: str, valid: bool
) -> None:
    data = load_document(f"recipe: 1\nextends: digits-base\n{text}\n", "a.yaml").data
    assert validator.is_valid(data) is valid


def test_every_key_and_every_component_says_what_it_is(schema: dict[str, Any]) -> None:
    def keys(part: dict[str, Any], path: str) -> None:
        for name, each in part.get("properties", {}).items():
            assert each.get("description"), f"{path}{name}"
            keys(each, f"{path}{name}.")

    keys(schema, "")
    node = schema["$defs"]["generator"]["$defs"]["node"]
    dcgan = next(case for case in node["allOf"] if "dcgan" in str(case["if"]))["then"]
    assert dcgan["properties"]["use"]["description"].endswith("arXiv:1511.06434")
    assert dcgan["properties"]["width"]["default"] == 64
    assert dcgan["properties"]["width"]["exclusiveMinimum"] == 0
    assert dcgan["properties"]["width"]["description"].startswith("channels before the image")


def test_a_component_that_cannot_be_imported_is_left_out_and_named(install_plugin: Any) -> None:
    source = """
        from ganzoo.api import hookimpl

        @hookimpl
        def register_losses(register):
            register("gone", "ganzoo_nowhere:Gone")
        """
    install_plugin("ganzoo-lab", {"ganzoo_lab": source}, lab="ganzoo_lab")
    made, (line,) = recipe_schema(Registry(["zoo", "lab"]))
    assert "lab/gone" in line
    assert "lab/gone" not in str(made)


def documented(spec: object, *, width: int = 1, depth: int = 2) -> None:
    """Do something
    in two lines.

    Args:
        width: how wide; and
            more.
        depth: how deep.

    Raises:
        ValueError: never: this is no argument.
    """


def test_arguments_are_read_from_a_docstring() -> None:
    assert summary_of(documented) == "Do something in two lines."
    assert argument_docs(documented) == {
        "width": "how wide; and more.",
        "depth": "how deep.",
    }
