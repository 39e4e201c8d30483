"""Runs that compute the same are seeds of one experiment, whatever else has changed."""

import importlib
import json
import linecache
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from ganzoo_zoo.extractors import pixels

from ganzoo.cli import main
from ganzoo.components.plan import Plan, code_sha256, module_code_sha256
from ganzoo.errors import ComparisonError, PluginError
from ganzoo.recipes.lock import experiment_id, identity, read_lock, write_lock
from ganzoo.report.compare import compare
from ganzoo.report.entries import Entry
from ganzoo.report.leaderboard import Leaderboard
from ganzoo.report.naming import names_of
from ganzoo.runs.directory import RunDirectory
from ganzoo.training.callbacks import Reporter
from ganzoo.training.continuity import checked_code
from ganzoo.training.launch import Options, prepare, resume, train_run
from ganzoo.training.rejoin import same_run, start_or_resume

LOSS = '''
    """A hinge loss with a margin."""

    from torch.nn.functional import relu

    class Margin:
        """Source: none."""

        def __init__(self, *, margin: float = 1.0) -> None:
            self.margin = margin

        def discriminator(self, game):
            real, fake = game.real_logits, game.fake_logits
            return {"d": relu(self.margin - real).mean() + relu(self.margin + fake).mean()}

        def generator(self, game):
            return {"g": -game.fake_logits.mean()}

    class Bell:
        """Hears nothing."""
'''
PLUGIN = """
    from ganzoo.api import hookimpl

    REVISION = 1

    @hookimpl
    def register_losses(register):
        register("margin", "ganzoo_acme.losses:Margin", summary="hinge", revision=REVISION)

    @hookimpl
    def register_callbacks(register):
        register("bell", "ganzoo_acme.losses:Bell", summary="hears nothing")
"""
RECIPE = """\
recipe: 1
extends: gaussians-mlp
loss: acme/margin
generator: {width: 8}
discriminator: {width: 8}
train: {steps: 2, batch_size: 8}
eval: {extractor: pixels, samples: 8, metrics: []}
"""

Change = Callable[[pytest.MonkeyPatch, Path], None]


class Listener(Reporter):
    """Keeps every note."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def losses(install_plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin with one loss, and a recipe that uses it; return the loss's file."""
    modules = {"ganzoo_acme/__init__.py": PLUGIN, "ganzoo_acme/losses.py": LOSS}
    site = install_plugin("ganzoo-acme", modules, acme="ganzoo_acme")
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(RECIPE)
    return site / "ganzoo_acme" / "losses.py"


def run(*changes: str) -> RunDirectory:
    return train_run(prepare("mine.yaml", changes), Options(runs_directory=Path("runs")))


def notes_of_going_on(run: RunDirectory, *overrides: str, **options: Any) -> list[str]:
    """Resume a run, and return what it says of the code."""
    listener = Listener()
    resume(run, ["train.steps=3", *overrides], Options(reporter=listener, **options))
    return [note for note in listener.notes if "code" in note]


def ranking() -> Leaderboard:
    return compare(runs_directory="runs")


def comment(patch: pytest.MonkeyPatch, losses: Path) -> None:
    losses.write_text(losses.read_text() + "# a remark\n")


def class_beside(patch: pytest.MonkeyPatch, losses: Path) -> None:
    losses.write_text(losses.read_text() + "\n\nclass Another:\n    pass\n")


def other_torch(patch: pytest.MonkeyPatch, losses: Path) -> None:
    patch.setattr("torch.__version__", "2.99.1")


def other_ganzoo(patch: pytest.MonkeyPatch, losses: Path) -> None:
    patch.setattr("ganzoo.components.plan.__version__", "9.9.9")


def other_revision(patch: pytest.MonkeyPatch, losses: Path) -> None:
    patch.setattr("ganzoo_acme.REVISION", 2)


def other_engine(patch: pytest.MonkeyPatch, losses: Path) -> None:
    patch.setattr("ganzoo.components.plan.ENGINE_REVISION", 3)


def note(lock: dict[str, Any], *overrides: str, **options: bool) -> list[str]:
    """Return what is said where a run of this lock goes on with the code that is here now."""
    chosen = {"allow_drift": False, "strict": False} | options
    plan = prepare("mine.yaml", overrides)
    return list(checked_code(lock, plan, "ganzoo run x", **chosen).notes[len(plan.notes) :])


def lock_of(*overrides: str) -> dict[str, Any]:
    return prepare("mine.yaml", overrides).lock()


def names(*locks: dict[str, Any]) -> list[str]:
    """Return what the experiments of these locks are called beside each other."""
    experiments = {}
    for index, lock in enumerate(locks):
        run = RunDirectory(Path(f"of-{index}"))
        run.path.mkdir()
        write_lock(run.lock_file, lock)
        experiments[experiment_id(lock)] = Entry(run, "mine", 0, "", "", ())
    return list(names_of(experiments).values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (comment, "source of loss (acme/margin)"),
        (class_beside, "source of loss (acme/margin)"),
        (other_torch, "-> 2.99.1"),
        (other_ganzoo, "-> 9.9.9"),
    ],
)
def test_other_code_of_the_same_revision_is_one_experiment_and_is_mentioned_in_one_line(
    change: Change, said: str, losses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lock_of()
    assert note(before) == []
    change(monkeypatch, losses)
    assert experiment_id(lock_of()) == experiment_id(before)
    (line,) = note(before)
    assert said in line
    assert "\n" not in line


def test_seeds_of_other_code_are_one_row_with_a_footnote_and_resume_goes_on(
    losses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run()
    comment(monkeypatch, losses)
    run("seed=1")
    (row,) = ranking().ranked
    assert (row.name, row.n) == ("mine", 2)
    (footnote,) = ranking().code_notes
    assert "source of loss (acme/margin)" in footnote
    assert footnote in ranking().footer()
    (line,) = notes_of_going_on(first)
    assert "source of loss (acme/margin)" in line


@pytest.mark.parametrize(
    "override",
    [
        "train.log_every_steps=1",
        "eval.every_steps=2",
        "train.keep=3",
        "train.deterministic=true",
        "train.micro_batch=4",
        "seed=5",
        "description=Words.",
        "callbacks={bell: {use: acme/bell}}",
    ],
)
def test_seed_words_cadence_and_ways_of_computing_make_no_other_experiment(
    override: str, losses: Path
) -> None:
    assert experiment_id(lock_of(override)) == experiment_id(lock_of())


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("loss.margin=2.0", ["mine (loss.margin=1.0)", "mine (loss.margin=2.0)"]),
        ("loss=hinge", ["mine (loss=acme/margin)", "mine (loss=hinge)"]),
        ("train.batch_size=4", ["mine (train.batch_size=8)", "mine (train.batch_size=4)"]),
        ("train.steps=3", ["mine (train.steps=2)", "mine (train.steps=3)"]),
        (
            "train.clip_grad_norm=1.0",
            ["mine (no train.clip_grad_norm)", "mine (train.clip_grad_norm=1.0)"],
        ),
    ],
)
def test_a_parameter_and_a_key_that_changes_numbers_make_another_experiment(
    override: str, expected: list[str], losses: Path
) -> None:
    assert names(lock_of(), lock_of(override)) == expected


@pytest.mark.parametrize(
    ("change", "said", "key", "was"),
    [
        (other_revision, "loss (acme/margin): revision 1 is now 2", "loss.revision", 1),
        (other_engine, "the engine: revision 2 is now 3", "engine.revision", 2),
    ],
)
def test_another_revision_is_another_experiment_and_is_refused_unless_drift_is_allowed(
    change: Change, said: str, key: str, was: int, losses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lock_of()
    change(monkeypatch, losses)
    assert names(before, lock_of()) == [f"mine ({key}={n})" for n in (was, was + 1)]
    with pytest.raises(PluginError) as caught:
        note(before)
    assert said in caught.value.message
    assert caught.value.hint == "ganzoo run x --allow-drift"
    assert note(before, allow_drift=True) == []


def test_a_run_of_another_revision_is_resumed_only_if_drift_is_allowed(
    losses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run()
    other_revision(monkeypatch, losses)
    with pytest.raises(PluginError) as caught:
        notes_of_going_on(first)
    assert caught.value.hint == f"ganzoo resume {first.name} --allow-drift"
    notes_of_going_on(first, allow_drift=True)
    assert read_lock(first.lock_file)["train"]["steps"] == 3


def as_an_older_version_wrote_it(lock: dict[str, Any]) -> dict[str, Any]:
    """Return a lock without a key of `train` and a parameter of G, which a later version added."""
    defaults = dict(lock["lock"]["defaults"])
    del defaults["train.clip_grad_norm"], defaults["loss.margin"]
    train = {key: value for key, value in lock["train"].items() if key != "clip_grad_norm"}
    loss = {key: value for key, value in lock["loss"].items() if key != "margin"}
    return lock | {"train": train, "loss": loss, "lock": lock["lock"] | {"defaults": defaults}}


def test_a_default_that_a_later_version_adds_changes_nothing(losses: Path) -> None:
    lock = as_an_older_version_wrote_it(lock_of())
    assert experiment_id(lock) == experiment_id(lock_of())
    assert note(lock) == []
    assert names(lock, lock_of("loss.margin=2.0"))[1] == "mine (loss.margin=2.0)"


def test_a_default_of_another_value_is_another_experiment(losses: Path) -> None:
    lock = lock_of()
    moved = dict(lock["lock"]["defaults"]) | {"loss.margin": 0.5}
    assert experiment_id(lock | {"lock": lock["lock"] | {"defaults": moved}}) != experiment_id(lock)


def test_a_record_is_identified_without_its_plugin(
    losses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run()
    before = ranking()
    monkeypatch.setenv("GANZOO_PLUGINS", "zoo")
    first.write_info(lock=None)
    assert ranking().to_json() == before.to_json()


def test_what_is_kept_of_a_lock_is_read_again_when_the_rules_change(losses: Path) -> None:
    first = run()
    lock = read_lock(first.lock_file)
    kept = identity(lock, first.lock_file)
    first.write_info(lock=kept | {"experiment": "told"})
    assert ranking().ranked[0].experiment_id == "told"
    first.write_info(lock=kept | {"experiment": "told", "rules": "of before"})
    assert ranking().ranked[0].experiment_id == experiment_id(lock)


def test_strict_code_refuses_what_goes_on_without_it(
    losses: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run()
    comment(monkeypatch, losses)
    lock = str(first.lock_file)
    run("seed=1")
    for command in (["resume", str(first.path), "train.steps=3"], ["run", lock], ["compare"]):
        assert main([*command, "--strict-code"]) == 2
        said = capsys.readouterr().err
        assert "source of loss (acme/margin)" in said
        assert "try: " in said
    with pytest.raises(ComparisonError):
        ranking().require_same_code()
    assert main(["run", lock]) == 0
    assert "source of loss (acme/margin)" in capsys.readouterr().err


def test_without_other_code_strict_code_goes_on(losses: Path) -> None:
    first = run()
    assert main(["compare", "--strict-code"]) == 0
    assert main(["resume", str(first.path), "train.steps=3", "--strict-code"]) == 0


def test_resume_auto_finds_the_run_although_the_code_has_a_new_comment(
    losses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run()
    comment(monkeypatch, losses)
    found = same_run(prepare("mine.yaml", ["train.steps=9", "train.keep=5"]), Path("runs"))
    assert found is not None
    assert found.path == first.path
    assert same_run(prepare("mine.yaml", ["seed=1"]), Path("runs")) is None
    assert same_run(prepare("mine.yaml", ["loss.margin=3.0"]), Path("runs")) is None


def test_resume_auto_says_which_way_of_computing_the_run_keeps(losses: Path) -> None:
    first, listener = run(), Listener()
    plan = prepare("mine.yaml", ["train.deterministic=true"])
    found = start_or_resume(plan, Options(runs_directory=Path("runs"), reporter=listener))
    assert found.path == first.path
    assert f"{first.name} keeps train.deterministic=false, not true" in listener.notes


# --- a plugin that is one file -------------------------------------------------------------------


def local_plan(file: Path, source: str) -> Plan:
    from ganzoo.registry.registry import Registry

    file.write_text(dedent(source))
    return prepare("mine.yaml", ["loss=local/margin"], Registry.with_local(file))


def test_of_a_plugin_file_the_code_counts_and_its_comments_do_not(losses: Path) -> None:
    hook = dedent(PLUGIN).replace("ganzoo_acme.losses:", "mine:")
    source, file = dedent(LOSS) + hook, Path("mine.py")
    plain = local_plan(file, source)
    remarked = source.replace("Source: none.", "Source: here.") + "# a remark\n"
    assert experiment_id(local_plan(file, remarked).lock()) == experiment_id(plain.lock())
    other = local_plan(file, source.replace("-game.fake_logits", "-2 * game.fake_logits"))
    assert experiment_id(other.lock()) != experiment_id(plain.lock())


@pytest.mark.parametrize(
    ("source", "is_same"),
    [
        ("def f(x):\n    'A doc.'\n    # why\n    return x  +  1\n", True),
        ("def f(x):\n    return (x + 1)\n", True),
        ("def f(x):\n    return x + 2\n", False),
        ("def f(x):\n    return x + 1\nf(0)\n", False),
    ],
)
def test_the_hash_of_code_is_that_of_its_syntax(source: str, is_same: bool) -> None:
    known = code_sha256(b"def f(x):\n    return x + 1\n")
    assert (code_sha256(source.encode()) == known) == is_same


def test_a_body_that_is_only_a_docstring_has_a_hash() -> None:
    assert code_sha256(b"class A:\n    'A doc.'\n") == code_sha256(b"class A:\n    pass\n")


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("own", True),
        ("near", True),
        ("below/far", True),
        ("below/__init__", True),
        ("other", False),
    ],
)
def test_the_hash_of_a_modules_code_covers_what_it_imports_from_its_package(
    changed: str, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "acme_hashed"
    sources = {
        "__init__": "",
        "own": "import math\nfrom acme_hashed.near import X\ndef f():\n    return X\n",
        "near": "from .below import far\nX = far.Y\n",
        "below/__init__": "",
        "below/far": "Y = 1\n",
        "other": "Z = 1\n",
    }
    for name, source in sources.items():
        (package / name).parent.mkdir(exist_ok=True, parents=True)
        (package / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [each for each in sys.modules if each.startswith("acme_hashed")]:
        monkeypatch.delitem(sys.modules, name)
    factory = importlib.import_module("acme_hashed.own").f
    before = module_code_sha256(factory)
    assert before is not None
    (package / f"{changed}.py").write_text(sources[changed] + "W = 2  # longer\n")
    importlib.invalidate_caches()
    linecache.clearcache()
    assert (module_code_sha256(factory) != before) == counts
    for name in [each for each in sys.modules if each.startswith("acme_hashed")]:
        del sys.modules[name]


def test_the_hash_of_a_module_that_imports_no_sibling_is_that_of_its_own_code() -> None:
    source = Path(pixels.__file__).read_bytes()
    assert module_code_sha256(pixels.Pixels) == code_sha256(source)


# --- a run of another format ---------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["resume", "sample", "score", "export", "report", "compare", "ls"])
def test_a_run_of_another_format_is_refused_in_one_line(
    verb: str, losses: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("runs/old-s0-123456")
    path.mkdir(parents=True)
    (path / "recipe.yaml").write_text(RECIPE)
    (path / "run.json").write_text(json.dumps({"format": 1, "created": "2026", "seed": 0}))
    where = [] if verb in ("compare", "ls") else [path.name]
    assert main([verb, *where]) == (2 if verb == "compare" else 0 if verb == "ls" else 4)
    lines = [line for line in capsys.readouterr().err.splitlines() if "format" in line]
    assert len(lines) == 1
    assert "old-s0-123456 has format 1, and this ganzoo reads format 2" in lines[0]
    if where:
        with pytest.raises(Exception, match="format 1") as caught:
            RunDirectory(path).info()
        words = shlex.split(getattr(caught.value, "hint", ""), comments=True)
        assert words == ["ganzoo", "run", "runs/old-s0-123456/recipe.yaml"]
