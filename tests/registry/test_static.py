"""What a listing shows of a component is read from its source: no class is imported."""

import sys
from pathlib import Path

import pytest

from ganzoo.api import Registration
from ganzoo.registry import Registry
from ganzoo.registry.discovery import discover
from ganzoo.registry.static import registered_names

HOOKS = """
    from ganzoo_acme.losses import register_losses
    from .networks import register_generators, helper
"""
LOSSES = """
    from ganzoo.api import hookimpl, table

    @hookimpl
    def register_losses(register):
        add = table(register, __name__, license="MIT", paper="arXiv:1")
        add("flat", "flat:Flat", revision=2)
        add("steep", "flat:Steep", paper=None, summary="as registered")
        add("able", "flat:Flat", capabilities={"features"})
        add("computed", "flat:Computed")
        add("made", "flat:make")
        add("absent", "flat:Absent")
"""
FLAT = '''
    raise SystemExit("was imported")

    class Flat:
        """A loss without a slope.

        More about it.
        """

        capabilities = frozenset({"graph-safe", "real-gradient"})

    class Steep(Flat):
        """Not this."""

    class Inherited(Flat):
        """Takes over what Flat can do"""

    class Computed:
        capabilities: frozenset[str] = Flat.capabilities | {"features"}

    def make():
        """Return a loss."""
'''
NETWORKS = """
    from ganzoo.api import hookimpl

    @hookimpl
    def register_generators(register):
        register("plain", "ganzoo_acme.flat:Flat")
        register("inherited", "ganzoo_acme.losses.flat:Inherited")
"""


@pytest.fixture
def acme(install_plugin) -> Path:
    modules = {
        "ganzoo_acme/__init__.py": HOOKS,
        "ganzoo_acme/losses/__init__.py": LOSSES,
        "ganzoo_acme/losses/flat.py": FLAT,
        "ganzoo_acme/networks.py": NETWORKS + "\n    helper = None\n",
    }
    return install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")


def loss(name: str) -> Registration:
    return Registry().get("loss", f"acme/{name}")


def test_a_table_completes_targets_and_fills_in_what_a_component_does_not_say(acme: Path) -> None:
    flat, steep = loss("flat"), loss("steep")
    assert flat.target == "ganzoo_acme.losses.flat:Flat"
    assert (flat.license, flat.paper, flat.revision) == ("MIT", "arXiv:1", 2)
    assert (steep.license, steep.paper) == ("MIT", None)


def test_summary_and_capabilities_are_those_of_the_class_which_is_not_imported(acme: Path) -> None:
    assert loss("flat").summary == "A loss without a slope"
    assert loss("flat").capabilities == {"graph-safe", "real-gradient"}
    (inherited, _) = Registry().list("generator", "acme/*")
    assert inherited.summary == "Takes over what Flat can do"
    assert inherited.capabilities == {"graph-safe", "real-gradient"}
    assert loss("made").summary == "Return a loss"
    assert "ganzoo_acme.losses.flat" not in sys.modules


def test_registered_facts_override_those_of_the_class(acme: Path) -> None:
    steep, able = loss("steep"), loss("able")
    assert (steep.summary, steep.capabilities) == ("as registered", {"graph-safe", "real-gradient"})
    assert (able.summary, able.capabilities) == ("A loss without a slope", {"features"})


def test_what_cannot_be_read_from_the_source_stays_empty(acme: Path) -> None:
    assert loss("computed").capabilities == frozenset()
    assert (loss("absent").summary, loss("absent").capabilities) == ("", frozenset())
    assert {each.summary for each in Registry().find("acme/plain")} == {""}


def test_a_source_that_changes_is_read_again(acme: Path) -> None:
    assert loss("flat").summary == "A loss without a slope"
    file = acme / "ganzoo_acme" / "losses" / "flat.py"
    file.write_text('class Flat:\n    """Another."""\n')
    assert loss("flat").summary == "Another"


def test_names_are_found_in_the_tables_that_a_plugin_imports_its_hooks_from(acme: Path) -> None:
    (seen,) = [registered_names(each) for each in discover() if each.name == "acme"]
    assert sorted(seen) == [
        ("generator", "inherited"),
        ("generator", "plain"),
        *[("loss", name) for name in ("able", "absent", "computed", "flat", "made", "steep")],
    ]
    assert "ganzoo_acme" not in sys.modules


def test_hooks_of_another_package_are_not_followed(install_plugin) -> None:
    modules = {"ganzoo_acme/__init__.py": "from ganzoo_zoo.losses import register_losses"}
    install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    (seen,) = [registered_names(each) for each in discover() if each.name == "acme"]
    assert seen == []
