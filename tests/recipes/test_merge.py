"""The merge of layers, as data."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganzoo.recipes.merge import long_form, merge, without_nulls

names = st.sampled_from(["dcgan", "zoo/dcgan", "resnet", "acme/unet"])
scalars = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b"])
parameters = st.dictionaries(st.sampled_from(["width", "norm", "lr"]), scalars, max_size=2)
nodes = (
    st.none()
    | names
    | parameters
    | st.builds(lambda use, rest: rest | {"use": use}, names, parameters)
)
recipes = st.fixed_dictionaries(
    {},
    optional={
        "generator": nodes,
        "latent": nodes,
        "augmentation": nodes,
        "regularizers": st.none() | st.dictionaries(st.sampled_from(["r1", "gp"]), nodes),
        "optimizers": st.fixed_dictionaries(
            {}, optional={"both": nodes, "generator": nodes, "discriminator": nodes}
        ),
        "train": st.fixed_dictionaries(
            {},
            optional={"steps": scalars, "samples": scalars, "ema": st.none() | parameters},
        ),
        "eval": st.fixed_dictionaries(
            {}, optional={"metrics": st.lists(names, max_size=2), "extractor": nodes}
        ),
    },
).map(long_form)


def merged(base: dict[str, Any], *children: dict[str, Any]) -> dict[str, Any]:
    for child in children:
        base = merge(base, child)[0]
    return base


@given(recipes)
@settings(max_examples=80, deadline=None)
def test_merging_a_recipe_with_itself_or_with_nothing_changes_nothing(recipe: Any) -> None:
    assert merged(recipe, recipe) == recipe
    assert merged(recipe, {}) == recipe
    assert merged({}, recipe) == recipe


@given(recipes, recipes, recipes)
@settings(max_examples=80, deadline=None)
def test_a_flattened_parent_equals_its_chain(a: Any, b: Any, c: Any) -> None:
    flat = without_nulls(merged(a, b))
    assert without_nulls(merged(flat, c)) == without_nulls(merged(a, b, c))


@given(recipes, recipes)
@settings(max_examples=80, deadline=None)
def test_merging_modifies_neither_layer(a: Any, b: Any) -> None:
    before = repr((a, b))
    merge(a, b)
    assert repr((a, b)) == before


def test_a_new_component_drops_the_old_ones_parameters_with_a_note() -> None:
    base = {"generator": {"use": "dcgan", "width": 64, "norm": "batch"}}
    data, notes = merge(base, {"generator": {"use": "acme/unet", "width": 8}})
    assert data == {"generator": {"use": "acme/unet", "width": 8}}
    assert [(note.path, note.words) for note in notes] == [
        (("generator",), "is now 'acme/unet'; dropped parameters of 'dcgan': norm")
    ]


def test_the_full_name_of_the_same_component_drops_nothing() -> None:
    base = {"generator": {"use": "dcgan", "width": 64}}
    data, notes = merge(base, {"generator": {"use": "zoo/dcgan"}})
    assert data == {"generator": {"use": "zoo/dcgan", "width": 64}}
    assert notes == []


def test_a_regularizer_is_named_by_its_key_unless_it_has_a_use() -> None:
    base = {"regularizers": {"r1": {"gamma": 0.1}}}
    assert merged(base, {"regularizers": {"r1": {"use": "r1"}}}) == {
        "regularizers": {"r1": {"gamma": 0.1, "use": "r1"}}
    }
    assert merged(base, {"regularizers": {"r1": {"use": "gradient-penalty"}}}) == {
        "regularizers": {"r1": {"use": "gradient-penalty"}}
    }


def test_a_new_optimizer_for_both_drops_what_each_player_set_for_the_old_one() -> None:
    base = {"optimizers": {"both": {"lr": 1}, "discriminator": {"betas": [0, 0.9]}}}
    data, notes = merge(base, {"optimizers": {"both": {"use": "sgd"}}})
    assert data == {"optimizers": {"both": {"use": "sgd"}}}
    assert [".".join(note.path) for note in notes] == [
        "optimizers.both",
        "optimizers.discriminator",
    ]


def test_a_player_with_its_own_optimizer_is_unaffected() -> None:
    base = {"optimizers": {"discriminator": {"use": "sgd", "lr": 1}}}
    assert merged(base, {"optimizers": {"both": {"use": "rmsprop"}}})["optimizers"] == {
        "both": {"use": "rmsprop"},
        "discriminator": {"use": "sgd", "lr": 1},
    }


def test_lists_are_replaced_whole_and_mappings_are_merged() -> None:
    base = {"eval": {"metrics": [{"use": "a"}, {"use": "b", "n": 1}], "samples": 3}}
    assert merged(base, {"eval": {"metrics": [{"use": "c"}]}}) == {
        "eval": {"metrics": [{"use": "c"}], "samples": 3}
    }


def test_one_budget_replaces_the_other() -> None:
    data, notes = merge({"train": {"samples": 9}}, {"train": {"steps": 5}})
    assert data == {"train": {"steps": 5}}
    assert [note.words for note in notes] == ["replaces train.samples"]


@pytest.mark.parametrize(
    "path",
    [
        ("regularizers", "r1"),
        ("callbacks", "log"),
        ("schedules", "optimizers.both.lr"),
        ("optimizers", "both"),
        ("augmentation",),
        ("latent",),
        ("train", "ema"),
        ("train", "stop"),
    ],
)
def test_null_removes_a_slot(path: tuple[str, ...]) -> None:
    data: Any = None
    for key in reversed(path):
        data = {key: data}
    left = without_nulls(data)
    for key in path[:-1]:
        left = left[key]
    assert left == {}


def test_null_is_a_valid_value_of_parameters_and_of_the_extractor() -> None:
    data = {"generator": {"use": "dcgan", "norm": None}, "eval": {"extractor": None}}
    assert without_nulls(data) == data


def test_removing_a_missing_entry_is_noted() -> None:
    _, notes = merge({"regularizers": {"r1": {}}}, {"regularizers": {"r2": None}})
    assert [note.path for note in notes] == [("regularizers", "r2")]


def test_an_empty_section_that_removes_nothing_is_noted() -> None:
    base = {"regularizers": {"r1": {}}}
    data, notes = merge(base, {"regularizers": {}, "schedules": {}})
    assert data["regularizers"] == base["regularizers"]
    assert [note.path for note in notes] == [("regularizers",)]
