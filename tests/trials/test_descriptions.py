"""Every parameter of ganzoo's own components has a description, in `ganzoo info` and in editors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ganzoo.api import HOOKS, Registration
from ganzoo.cli import main
from ganzoo.components.json_schema import recipe_schema
from ganzoo.components.sampling_parameters import sampling_model
from ganzoo.components.signature import parameter_model, undescribed
from ganzoo.registry.registry import Registry

ROOT = Path(__file__).parents[2]
BUNDLED = Registry(["zoo"])


def registered() -> Iterator[Registration]:
    for kind in HOOKS:
        if kind != "recipe":
            yield from BUNDLED.list(kind)


def test_every_parameter_of_every_bundled_component_has_a_description() -> None:
    missing = {}
    for each in registered():
        factory = BUNDLED.resolve(each)
        names = undescribed(parameter_model(each.kind, each.id, factory))
        if forward := getattr(factory, "forward", None):
            names += (
                undescribed(sampling_model(each.id, forward)) if each.kind == "generator" else []
            )
        if names:
            missing[f"{each.kind} {each.id} ({each.target})"] = names
    assert missing == {}


def test_every_parameter_in_the_schema_of_recipes_has_a_description() -> None:
    schema, _ = recipe_schema(BUNDLED)
    missing = []
    for kind, slot in schema["$defs"].items():
        for case in slot.get("$defs", {}).get("node", {}).get("allOf", []):
            if "enum" not in case["if"].get("properties", {}).get("use", {}):
                continue  # any component of this kind: what each of them says
            missing += [
                (kind, case["if"]["properties"]["use"]["enum"][0], name)
                for name, parameter in case["then"]["properties"].items()
                if "description" not in parameter
            ]
    assert missing == []


def test_conformance_names_the_parameters_without_a_description(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(
        "from ganzoo.api import hookimpl\n"
        "class Fall:\n"
        "    '''Falls.\n\n    Args:\n        end: where it ends.\n    '''\n"
        "    def __init__(self, *, end: float = 0.0, speed: float = 1.0): self.end = end\n"
        "    def __call__(self, samples_seen): return 1.0\n"
        "@hookimpl\n"
        "def register_schedules(register): register('fall', 'mine:Fall')\n"
    )
    assert main(["conformance", "local/fall", "--plugin", str(tmp_path / "mine.py")]) == 0
    assert "  note: no description of speed; write `speed: …` under" in capsys.readouterr().out
