"""The shell completes verbs, options, recipes, overrides, components and runs."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganzoo.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capsys: Capture):
    """Return what a shell is told for words, the last of which is incomplete."""

    def ask(*words: str, shell: str = "bash") -> list[str]:
        monkeypatch.setenv("_GANZOO_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", "\n".join(["ganzoo", *words]))
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words)))
        assert main([]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out.splitlines() if out.strip() else []

    return ask


def test_verbs_and_options_are_completed(complete) -> None:
    assert complete("re") == ["plain,resume", "plain,report", "plain,recipes"]
    assert complete("--v") == ["plain,--version"]
    assert complete("compare", "--form") == ["plain,--format"]
    assert complete("compare", "--format", "m") == ["plain,md"]
    assert complete("new", "") == ["plain,plugin", "plain,recipe"]


def test_recipes_and_yaml_files_are_completed(
    complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("digits-mine.yaml", "digits.txt", "sub/other.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for verb in ("run", "check", "show", "bench"):
        assert complete(verb, "digits-mi") == [
            "plain,digits-mine.yaml",
        ]
    assert complete("run", "sub/") == ["plain,sub/other.yml"]
    assert complete("run", "no-such-recipe") == ["file,no-such-recipe"]


def test_components_are_completed_by_kind(complete) -> None:
    assert complete("list", "lo") == ["plain,losses"]
    assert "plain,wgan-gp" in complete("list", "losses", "w")
    assert complete("list", "generators", "w") == []
    assert "plain,dcgan" in complete("info", "dc")
    assert "plain,digits-dcgan-hinge" in complete("info", "digits-d")
    assert complete("info", "--kind", "reg") == ["plain,regularizers"]


def test_keys_of_a_recipe_and_the_components_of_a_slot_are_completed(complete) -> None:
    assert "plain,train.batch_size=" in complete("run", "digits-dcgan-hinge", "train.b")
    assert complete("run", "x.yaml", "generator=dc", shell="fish") == ["plain,generator=dcgan"]
    assert complete("check", "x.yaml", "eval.extractor.use=toy") == [
        "plain,eval.extractor.use=toy-cnn"
    ]


def test_bash_splits_at_the_equals_sign_and_gets_the_rest_of_the_word(complete) -> None:
    assert complete("run", "digits-dcgan-hinge", "generator", "=", "dc") == ["plain,dcgan"]
    assert "plain,dcgan" in complete("run", "digits-dcgan-hinge", "generator", "=")
    assert complete("compare", "--format", "=", "m") == ["plain,md"]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    for name in ("digits-s0-aaaaaa", "digits-s1-bbbbbb", "evil-\x1b[2J", "no-run"):
        (tmp_path / name).mkdir()
        if name != "no-run":
            (tmp_path / name / "run.json").write_text("{}")
    return tmp_path


def test_runs_of_the_runs_directory_are_completed(complete, records: Path) -> None:
    given = ("--runs-dir", str(records))
    both = ["plain,digits-s0-aaaaaa", "plain,digits-s1-bbbbbb"]
    for verb in ("resume", "sample", "export", "report", "score", "compare"):
        assert complete(verb, *given, "digits-s") == both
    assert complete("resume", *given, "") == ["plain,last", *both]


def test_zsh_and_fish_get_the_help_of_each_verb(complete) -> None:
    assert complete("comp", shell="zsh") == [
        "plain",
        "compare",
        "rank runs by score, within one protocol",
    ]
    assert complete("comp", shell="fish") == [
        "plain,compare\trank runs by score, within one protocol"
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("_GANZOO_COMPLETE", f"{shell}_source")
    assert main([]) == 0
    assert f"_GANZOO_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_completing_imports_no_torch() -> None:
    code = "import sys; from ganzoo.cli import main; main([]); sys.exit('torch' in sys.modules)"
    asked = {"_GANZOO_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    for words in ("ganzoo\nrun\ndig", "ganzoo\ninfo\ndc", "ganzoo\nresume\nla"):
        environment = os.environ | asked | {"COMP_WORDS": words}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_in_a_real_bash_the_tab_key_completes(tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    (tmp_path / "rc").write_text(
        f'PATH="{scripts}:$PATH"; PS1="$ "; bind "set enable-bracketed-paste off"\n'
        'eval "$(_GANZOO_COMPLETE=bash_source ganzoo)"; echo ready\n'
    )
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("bash", ["bash", "--rcfile", str(tmp_path / "rc"), "--noprofile", "-i"])
    try:
        _read_until(terminal, "ready")
        os.write(terminal, b"ganzoo run digits-dcgan-hi\tgenerator=dc\t.\n")
        shown = _read_until(terminal, "generator=dcgan .")
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    assert "ganzoo run digits-dcgan-hinge generator=dcgan ." in shown


def _read_until(terminal: int, words: str, seconds: float = 60) -> str:
    shown, end = "", time.monotonic() + seconds
    while words not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
    return shown
