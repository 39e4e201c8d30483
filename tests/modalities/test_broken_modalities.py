"""A plugin's modality with a mistake: one line that names the file and the line."""

import importlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from ganzoo.cli import main
from ganzoo.modalities import contract
from ganzoo.registry.registry import Registry
from ganzoo.runs.directory import RunDirectory
from ganzoo.testing.outcomes import FAILED
from ganzoo.testing.suite import trials

HOOKS = """
    from ganzoo.api import hookimpl

    @hookimpl
    def register_modalities(register):
        register("signs", "ganzoo_acme.parts:Signs")

    @hookimpl
    def register_datasets(register):
        register("signs", "ganzoo_acme.parts:Data", summary="signs", modalities={"acme/signs"},
                 splits=("train",), extractor="acme/identity")

    @hookimpl
    def register_extractors(register):
        register("identity", "ganzoo_acme.parts:Identity", modalities={"acme/signs"})

    @hookimpl
    def register_generators(register):
        register("line", "ganzoo_acme.parts:Generator", summary="line")

    @hookimpl
    def register_discriminators(register):
        register("line", "ganzoo_acme.parts:Discriminator", summary="line")

    @hookimpl
    def register_recipes(register):
        register("demo", "ganzoo_acme:demo.yaml")
"""
PARTS = '''
    from io import BytesIO

    import torch
    from PIL import Image

    from ganzoo.api import Modality, SampleSpec


    class Signs(Modality):
        """Rows of numbers."""

        axes = 1

        def specs(self):
            return (SampleSpec("acme/signs", (4,)),)

        def encode(self, spec, stored):
            return stored.float()

        def preview(self, spec, samples, real=None):
            file = BytesIO()
            Image.new("L", (8, 8)).save(file, format="PNG")
            return {".png": file.getvalue()}


    class Data:
        def __init__(self, split):
            self.spec = SampleSpec("acme/signs", (4,))

        def __len__(self):
            return 64

        def __getitem__(self, index):
            return torch.ones(4) - 2 * (index % 2), None


    class Generator(torch.nn.Linear):
        latent_dim = 2

        def __init__(self, spec):
            super().__init__(2, spec.size)

        def forward(self, z, y=None):
            return super().forward(z)


    class Discriminator(torch.nn.Linear):
        def __init__(self, spec):
            super().__init__(spec.size, 1)

        def forward(self, x, y=None):
            return super().forward(x)[:, 0]


    class Identity(torch.nn.Module):
        """Samples as they are."""

        input_shape = None
        num_features = None
        layer = "none"
        weights_sha256 = None

        def forward(self, x):
            return x.float()
'''
RECIPE = """
recipe: 1
name: acme-demo
description: Signs.
dataset: acme/signs
generator: acme/line
discriminator: acme/line
loss: hinge
train: {steps: 2, batch_size: 8}
eval: {every_steps: 2, samples: 16}
"""


@pytest.fixture
def install(install_plugin, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Return a function that installs the plugin with one change of its code."""
    monkeypatch.setattr(contract, "_TARGETS", dict(contract._TARGETS))
    contract._made.cache_clear()

    def install(old: str = "", new: str = "") -> None:
        assert old in PARTS + HOOKS
        sources = {
            "ganzoo_acme/__init__.py": HOOKS.replace(old, new) if old else HOOKS,
            "ganzoo_acme/parts.py": PARTS.replace(old, new) if old else PARTS,
            "ganzoo_acme/demo.yaml": RECIPE,
        }
        install_plugin("ganzoo-acme", sources, acme="ganzoo_acme")
        importlib.invalidate_caches()

    yield install
    for name in [each for each in sys.modules if each.startswith("ganzoo_acme")]:
        del sys.modules[name]
    contract._made.cache_clear()


def run(tmp_path: Path) -> int:
    return main(["run", "acme/demo", "--runs-dir", str(tmp_path / "runs")])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("parts:Signs", "parts:Sign", "'acme/signs' (ganzoo_acme.parts:Sign) cannot be made"),
        ("(Modality)", "", "parts.py:10) is a Signs, not a subclass of ganzoo.api.Modality"),
        ("axes = 1", "axis = 1", "parts.py:10) does not set axes"),
        ("axes = 1", "axes = 1; stored_dtype = 'bool'", "has stored_dtype 'bool', not one of"),
        ("def preview", "def previw", "does not define preview(), but previw()"),
        ("def specs", "def specify", "does not define specs()"),
        ("stored.float()", "stored.flot()", "failed in encode: AttributeError: "),
        ("stored.float()", "stored[0]", "encode of modality 'acme/signs' gives ((4,), torch."),
        ("return {", "return {1} or {", "preview of modality 'acme/signs' gives set, not bytes"),
        ('{".png"', '{".bmp"', "gives {'.bmp': 'bytes'}, not bytes by ending"),
        (
            "return torch.ones(4) - 2",
            "return [torch.ones(4)] or 2",
            "Data gives a tuple of list, NoneType as sample 0",
        ),
        (
            "2 * (index % 2), None",
            "2 * (index % 2)",
            "Data gives a Tensor as sample 0",
        ),
        ("torch.ones(4) - 2", "torch.ones(5) - 2", "4 as float32, but gives (5,) as float32"),
        ("torch.ones(4) - 2", "torch.one(4) - 2", "the data set Data failed at sample "),
        ("return x.float()", "return x.flot()", "(ganzoo_acme/parts.py, line 65)"),
        ("file.getvalue()", "file.value()", "(ganzoo_acme/parts.py, line 24)"),
        ("file = BytesIO()", "raise OSError('no ink')", "failed in preview: OSError: no ink ("),
    ],
)
def test_a_mistake_in_a_modality_is_one_line(
    install, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    install(old, new)
    assert run(tmp_path) in (1, 2, 4)
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_the_plugin_without_a_mistake_runs(install, tmp_path: Path) -> None:
    install()
    assert run(tmp_path) == 0


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        ("axes = 1", "axes = 1; formts = lambda self, spec: ('.npz',)", "method-names"),
        ('extractor="acme/identity"', 'extractor="acme/identiy"', "extractor"),
        ('extractor="acme/identity"', 'extractor="toy-cnn"', "extractor"),
    ],
)
def test_conformance_finds_names_that_would_be_ignored(
    install, old: str, new: str, check: str
) -> None:
    install(old, new)
    outcomes = [each.outcome() for each in trials("acme/signs", registry=Registry(["zoo", "acme"]))]
    assert {each.check for each in outcomes if each.outcome == FAILED} == {check}


def test_a_data_set_whose_extractor_does_not_exist_is_said_to_have_no_score(
    install, capsys: pytest.CaptureFixture[str]
) -> None:
    install('extractor="acme/identity"', 'extractor="acme/identiy"')
    assert main(["check", "acme/demo"]) == 0
    assert "no score: acme/signs is scored with no extractor 'acme/identiy'" in "".join(
        capsys.readouterr()
    )


def test_samples_of_a_plugin_file_are_scored_by_the_command_that_the_hint_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = HOOKS.replace("acme/", "local/").replace("ganzoo_acme.parts:", "x:")
    hooks = hooks[: hooks.rindex("    @hookimpl")]
    (tmp_path / "mine.py").write_text(dedent(hooks) + dedent(PARTS.replace("acme/", "local/")))
    (tmp_path / "demo.yaml").write_text(RECIPE.replace("acme/", "local/"))
    runs, samples = str(tmp_path / "runs"), str(tmp_path / "a.npz")
    words = ["run", str(tmp_path / "demo.yaml"), "--plugin", str(tmp_path / "mine.py")]
    assert main([*words, "--runs-dir", runs]) == 0
    run = RunDirectory.find("last", Path(runs)).path
    assert main(["sample", str(run), "--count", "4", "--out", samples]) == 0
    capsys.readouterr()
    assert main(["score", samples, "--like", str(run)]) == 4
    hint = capsys.readouterr().err.rpartition("try: ")[2]
    assert main(shlex.split(hint)[1:]) == 0
    assert main(["score", samples, "--like", str(run), "--plugin", "mine.py"]) == 2
