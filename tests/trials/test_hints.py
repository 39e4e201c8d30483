"""Errors have hints where there is advice, hints can be pasted, wrong capabilities are named."""

import ast
import shlex
from collections import Counter
from pathlib import Path

import pytest

from ganzoo import errors
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


WITHOUT = {
    # The caller adds advice: a checkpoint's reader, `ganzoo plugins`, the run that fails.
    "ganzoo/components/weights.py": 3,
    "ganzoo/registry/loading.py": 8,
    "ganzoo/registry/registrar.py": 1,
    "ganzoo/runs/manifest.py": 6,
    "ganzoo/training/checkpointing.py": 2,
    "ganzoo/training/feed.py": 1,
    "ganzoo/training/update.py": 2,
    # The message says what is valid, or what to change.
    "ganzoo/recipes/lock.py": 1,
    "ganzoo/recipes/yaml.py": 1,
    "ganzoo/report/verify.py": 2,
    "ganzoo/report/where.py": 1,
    "ganzoo/sampling/program.py": 1,
    "ganzoo/training/arguments.py": 3,
    # Arguments of Python functions, and what no override changes.
    "ganzoo/components/data.py": 2,
    "ganzoo/modalities/text.py": 1,
    "ganzoo/moments.py": 3,
    "ganzoo/runs/checkpoints.py": 1,
    "ganzoo/scoring/collectives.py": 1,
    "ganzoo/scoring/features.py": 2,
    "ganzoo/scoring/frechet.py": 4,
    "ganzoo/testing/modalities.py": 1,
    "ganzoo/training/processes.py": 1,
    "plugins/zoo/ganzoo_zoo/extractors/vision_transformers.py": 1,
}
"""Errors without a hint by file, each looked at."""


def test_every_error_has_a_hint_where_the_user_can_do_something() -> None:
    root = Path(__file__).parents[2]
    ours = {name for name, each in vars(errors).items() if is_error(each)} | {"DamagedCheckpoint"}
    found: Counter[str] = Counter()
    for path in [*root.glob("ganzoo/**/*.py"), *root.glob("plugins/zoo/ganzoo_zoo/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            hinted = any(keyword.arg in ("hint", None) for keyword in node.keywords)
            if node.func.id in ours and not hinted:
                found[path.relative_to(root).as_posix()] += 1
    assert found == WITHOUT


def is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, errors.GanzooError)
