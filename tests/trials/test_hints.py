"""Hints about components can be pasted, and a capability that is wrong is named by `check`."""

import shlex
from pathlib import Path

import pytest

from ganzoo.cli import main

PLUGIN = '''
from ganzoo.api import hookimpl
from ganzoo_zoo.networks.mlp import Generator as Mlp


class Styled(Mlp):
    """Declares what it does not have."""

    capabilities = Mlp.capabilities | {"styles", "score-function"}


class Difference:
    """A loss that requires a word that is none."""

    requires = {"generator": {"stlyes", "acme/own"}}

    def __init__(self, *, factor: float = 1.0) -> None:
        self.factor = factor

    def discriminator(self, game):
        return {"difference": (game.fake_logits - game.real_logits).mean()}

    def generator(self, game):
        return {"fake": -game.fake_logits.mean()}


@hookimpl
def register_generators(register):
    register("styled", "mine:Styled")


@hookimpl
def register_losses(register):
    register("difference", "mine:Difference")
'''

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)


def check(*words: str) -> int:
    return main(["check", "digits-mlp-hinge", *words, "--plugin", "mine.py"])


def test_a_capability_that_is_none_is_answered_with_the_nearest(capsys: Capture) -> None:
    assert check("loss=local/difference") == 2
    assert (
        "local/difference needs a generator with acme/own, 'stlyes' (no capability - did you mean "
        "'styles'?)"
    ) in capsys.readouterr().err


def test_a_generator_that_lacks_the_methods_it_declares_does_not_pass_check(
    capsys: Capture,
) -> None:
    assert check("generator=local/styled") == 2
    err = capsys.readouterr().err
    assert "local/styled declares styles, but has no method styles and no from_styles" in err
    assert "local/styled declares score-function, but has no method log_prob" in err


def test_the_hint_about_a_local_component_can_be_pasted(capsys: Capture) -> None:
    assert check("loss={use: local/difference, fcator: 1}") == 2
    hint = capsys.readouterr().err.splitlines()[-1].removeprefix("try: ")
    assert hint == "ganzoo info local/difference --plugin mine.py"
    assert main(shlex.split(hint)[1:]) == 0


def test_the_hint_about_specs_has_the_spelling_of_the_command_line(capsys: Capture) -> None:
    Path("deep.py").write_text(
        "from ganzoo.api import hookimpl\n"
        "def deep(spec, *, width: int = 1):\n"
        "    raise ValueError('not this kind of data')\n"
        "@hookimpl\n"
        "def register_generators(register): register('deep', 'deep:deep', summary='deep')\n"
    )
    assert main(["conformance", "local/deep", "--plugin", "deep.py"]) == 2
    assert "or try others: --spec SPEC, or specs=[…] in Python" in capsys.readouterr().out
