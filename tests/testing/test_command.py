"""``ganzoo conformance``: the same checks from a shell."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ganzoo.cli import main

Capture = pytest.CaptureFixture[str]

MINE = """
from ganzoo.api import hookimpl

class Constant:
    def __call__(self, samples_seen):
        return 1.0

class Broken:
    def __call__(self, samples_seen):
        return samples_seen / 0

class Linear:
    '''Down to 0.

    Args:
        end: samples seen from which it is 0.
    '''

    def __init__(self, *, end: int):
        self.end = end

    def __call__(self, samples_seen):
        return max(0.0, 1 - samples_seen / self.end)

@hookimpl
def register_schedules(register):
    register("constant", "mine:Constant", summary="1 for ever")
    register("broken", "mine:Broken", summary="never a number")
    register("linear", "mine:Linear", summary="down to 0")
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return f"--plugin={file}"


def test_a_component_that_passes_exits_with_0_and_one_line(mine: str, capsys: Capture) -> None:
    assert main(["conformance", "local/constant", mine]) == 0
    out, err = capsys.readouterr()
    assert out == "schedule local/constant: 10 passed, 1 exempt\n"
    assert err == "conformance: 10 passed, 1 exempt\n"


def test_a_failure_exits_with_2_and_one_message_that_says_how_to_see_the_traceback(
    mine: str, capsys: Capture
) -> None:
    assert main(["conformance", "local/broken", mine]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == [
        "schedule local/broken: 8 passed, 1 FAILED, 1 not checked, 1 exempt",
        "  schedule local/broken: values: defaults: expected no error, got ZeroDivisionError:"
        " division by zero (mine.py:10); the error is the component's own",
    ]
    assert err == (
        "conformance: 8 passed, 1 FAILED, 1 not checked, 1 exempt\n"
        "try: ganzoo conformance local/broken --kind schedule --traceback\n"
    )
    assert main(["conformance", "local/broken", mine, "--traceback"]) == 2
    assert "return samples_seen / 0" in capsys.readouterr().err


def test_a_component_that_cannot_be_checked_says_why_and_how_to_check_it(
    mine: str, capsys: Capture
) -> None:
    assert main(["conformance", "local/linear", mine]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "not checked" in out[0]
    assert "not checked: end must be given" in out[1]
    assert main(["conformance", "local/linear", mine, "end=100"]) == 0
    assert capsys.readouterr().out == "schedule local/linear: 10 passed, 1 exempt\n"


def test_json_has_one_record_per_component_and_check(mine: str, capsys: Capture) -> None:
    assert main(["conformance", "local/*", mine, "--json"]) == 2
    records = json.loads(capsys.readouterr().out)
    assert {tuple(each) for each in records} == {
        ("component", "kind", "check", "outcome", "message")
    }
    (failed,) = [each for each in records if each["outcome"] == "failed"]
    assert (failed["component"], failed["kind"], failed["check"]) == (
        "local/broken",
        "schedule",
        "values",
    )


def test_the_list_describes_each_check(capsys: Capture) -> None:
    assert main(["conformance", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["kind"] for row in rows} >= {"generator", "loss", "dataset", "recipe"}
    assert all(row["proves"].endswith(".") for row in rows)
    assert main(["conformance", "--list", "--kind", "losses"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines[1:]} == {"loss"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "missing PATTERN: an id or a shell pattern\ntry: ganzoo conformance 'acme/*'"),
        (["quux/*"], "no component matches 'quux/*'\ntry: ganzoo plugins"),
        (["zoo/rmsprp"], "no component matches 'zoo/rmsprp' - did you mean 'zoo/rmsprop'?"),
        (["zoo/adam", "--kind", "los"], "no kind of component is called 'los'"),
        (["zoo/adam", "lr"], "is not of the form key=value"),
        (
            ["zoo/hinge", "--spec", "imge:3x8x8"],
            "not a spec: imge:3x8x8: no modality 'imge' - did you mean 'image'?\n"
            "try: --spec image:3x32x32:10 or",
        ),
        (["zoo/hinge", "--spec", "image:3x8"], "image samples have 3 axes, not shape (3, 8)"),
        (["zoo/hinge", "--spec", "text:8"], "not a spec: text:8: text samples need a vocabulary"),
        (["zoo/hinge", "--spec", "8x8"], "not a spec: 8x8: neither JSON nor the short form"),
        (["zoo/hinge", "--spec", "[1]"], "not a spec: [1]: expected a mapping, got a list"),
        (
            ["zoo/hinge", "--spec", '{"modality": "image", "shape": [3, 8, 8], "clases": 2}'],
            "unknown field 'clases' - did you mean 'classes'?",
        ),
        (
            ["zoo/hinge", "--spec", '{"modality": "image", "shape": [3, 8, 8], "classes": "2"}'],
            "classes: expected an integer, got '2'",
        ),
        (["zoo/hinge", "--spec", '{"shape": [3, 8, 8]}'], "modality: is required"),
        (["zoo/adam", "--spec", "image:3x8x8"], "no component that matches 'zoo/adam' is tried"),
        (["zoo/hinge", "--latent", "zoo/gaussain"], "did you mean"),
        (["zoo/hinge", "--latent", '{"use": "zoo/gaussian", "std": 2}'], "latent.std  unknown"),
        (["zoo/hinge", "--latent", "{}"], "not a latent: {}: it has no id under 'use'"),
        (["zoo/adam", "--latent", "zoo/gaussian"], "no loss or regularizer matches 'zoo/adam'"),
    ],
)
def test_a_meaningless_command_exits_with_2_and_a_hint(
    words: list[str], message: str, capsys: Capture
) -> None:
    assert main(["conformance", *words]) == 2
    assert message in capsys.readouterr().err


GAME = """
import torch
from torch.nn.functional import softplus
from ganzoo.api import hookimpl

class Mean:
    def discriminator(self, game):
        print("played on", tuple(game.real.shape), tuple(game.latents.shape))
        return {"mean": game.real_logits.square().mean()}

class Long:
    def __init__(self, dim, *, least: int = 16):
        if dim < least:
            raise ValueError("no room")
        self.dim = dim

    def sample(self, n, generator):
        return torch.randn(n, self.dim, generator=generator)

@hookimpl
def register_regularizers(register):
    register("mean", "mine:Mean", summary="small logits")

@hookimpl
def register_latents(register):
    register("long", "mine:Long", summary="many numbers")
"""


def test_a_spec_and_a_latent_of_the_command_line_reach_the_games_of_a_regularizer(
    tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(GAME)
    words = ["conformance", "local/mean", f"--plugin={file}", "--spec", "vector:5:2"]
    words += ["--spec", '{"modality": "text", "shape": [6], "vocabulary": 3}']
    assert main([*words, "--latent", '{"use": "local/long", "least": 40}']) == 0
    out = capsys.readouterr().out
    for shape in ((8, 3, 8, 8), (8, 5), (8, 6, 3)):
        assert f"played on {shape} (8, 100)" in out
    assert "(8, 16)" not in out
    assert "regularizer local/mean: 17 passed, 2 exempt" in out


def test_a_path_to_pictures_makes_the_folder_data_set_checkable(
    tmp_path: Path, capsys: Capture
) -> None:
    for name in "abcdef":
        Image.new("RGB", (8, 8), (ord(name), 0, 0)).save(tmp_path / f"{name}.png")
    words = ["conformance", "folder", f"path={tmp_path}", "holdout=0.5", "--kind", "dataset"]
    assert main(words) == 0
    assert capsys.readouterr().out == "dataset zoo/folder: 18 passed, 1 exempt\n"


@pytest.mark.slow
def test_the_command_needs_no_pytest(mine: str) -> None:
    code = "import sys; sys.modules['pytest'] = None\nfrom ganzoo.cli import main\nsys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "conformance", "local/constant", mine],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (
        0,
        "schedule local/constant: 10 passed, 1 exempt\n",
    )
