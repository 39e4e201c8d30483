"""A factory's signature is the schema of its parameters."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import ValidationError
from torch import nn

from ganzoo.api import Ge, PositiveInt, Registration
from ganzoo.components.signature import (
    parameter_model,
    parameter_rows,
    parameter_values,
    path_parameters,
    plain_values,
)
from ganzoo.errors import PluginError


def network(
    spec: object,
    *,
    width: Annotated[int, Ge(8)] = 64,
    betas: tuple[float, float] = (0.0, 0.9),
    mode: Literal["a", "b"] = "a",
    path: Path | None = None,
    copy: bool = False,
) -> None: ...


def check(**parameters: Any) -> Any:
    model = parameter_model("generator", "zoo/network", network)
    return model.model_validate_json(json.dumps(parameters), strict=True)


def test_a_list_of_numbers_is_a_tuple_of_floats() -> None:
    values = parameter_values(check(betas=[0, 1]))
    assert values["betas"] == (0.0, 1.0)
    assert all(type(beta) is float for beta in values["betas"])


def test_defaults_are_written_out_as_plain_data() -> None:
    plain = {"width": 64, "betas": [0.0, 0.9], "mode": "a", "path": None, "copy": False}
    assert plain_values(check()) == plain


@pytest.mark.parametrize(
    "wrong",
    [{"width": 4}, {"width": 8.5}, {"width": True}, {"mode": "c"}, {"copy": "yes"}, {"widht": 8}],
)
def test_values_of_another_type_or_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check(**wrong)


def test_paths_are_told_from_other_text() -> None:
    assert path_parameters(parameter_model("generator", "zoo/network", network)) == ["path"]


def test_a_module_without_a_constructor_of_its_own_has_no_parameters() -> None:
    class Bare(nn.Module):
        pass

    assert parameter_model("extractor", "zoo/bare", Bare).model_fields == {}


def swallows(spec: object, **options: int) -> None: ...


def untyped(spec: object, *, width=8) -> None: ...  # type: ignore[no-untyped-def]


def weighted(*, weight: float = 1.0) -> None: ...


def positional(spec: object, width: PositiveInt = 8) -> None: ...


@pytest.mark.parametrize(
    ("kind", "factory", "said"),
    [
        ("generator", swallows, "misspelt parameter would vanish"),
        ("generator", untyped, "'width' without a type"),
        ("regularizer", weighted, "belongs to the slot"),
        ("generator", positional, "takes 2 positional arguments"),
        ("loss", network, "a loss is given 0"),
    ],
)
def test_a_signature_that_breaks_the_contract_is_named(kind: str, factory: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        parameter_model(kind, "acme/thing", factory)


def test_parameters_are_described_in_words() -> None:
    registration = Registration("generator", "zoo", "network", "m:f", "d", "1")
    rows = {row["name"]: row for row in parameter_rows(registration, network)}
    assert rows["width"]["type"] == "int, at least 8"
    assert rows["mode"]["type"] == "a or b"
    assert rows["path"]["type"] == "Path or null"
    assert rows["betas"]["default"] == "[0.0, 0.9]"
