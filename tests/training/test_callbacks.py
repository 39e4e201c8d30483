"""Callbacks hear of everything in a run, in order, and the example in the documentation works."""

import json
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.runs.checkpoints import CheckpointStore

from ..reliability.tiny import TINY, only_run
from ..test_plugin_docs import CODE, section

DIARY = """
import json
from ganzoo.api import hookimpl

class Diary:
    def __init__(self, *, path: str):
        self.path = path

    def write(self, *words):
        with open(self.path, "a") as file:
            file.write(json.dumps(words) + "\\n")

    def started(self, run):
        self.write("started", run["step"])

    def stepped(self, step, samples_seen, terms):
        self.write("stepped", step)

    def scored(self, step, score):
        self.write("scored", step)

    def saved(self, step, path):
        self.write("saved", step)

    def pictured(self, step, paths):
        assert all(path.read_bytes() for path in paths)
        self.write("pictured", step, *(path.name for path in paths))

    def finished(self, status):
        self.write("finished", status)

@hookimpl
def register_callbacks(register):
    register("diary", "diary:Diary", summary="test")
"""


def test_callbacks_hear_of_every_event_in_order_and_of_each_picture(tmp_path: Path) -> None:
    plugin, diary = tmp_path / "diary.py", tmp_path / "diary.jsonl"
    plugin.write_text(DIARY)
    words = [*TINY, f"callbacks.local/diary={{path: '{diary}'}}", "--plugin", str(plugin)]
    assert main(["run", *words, "--runs-dir", str(tmp_path / "runs")]) == 0
    run = only_run(tmp_path / "runs")
    heard = [tuple(json.loads(line)) for line in diary.read_text().splitlines()]
    pictures = {f"step-{step:08d}" for step in (3, 6)} | {"real"}
    told = [event for event in heard if event[0] == "pictured"]
    assert [event[1] for event in told] == [0, 3, 6]
    names = [name for event in told for name in event[2:]]
    assert sorted(names) == sorted(path.name for path in (run / "samples").iterdir())
    assert {name.partition(".")[0] for name in names} == pictures
    assert [event[:2] for event in heard] == [
        ("started", 0),
        ("pictured", 0),
        ("stepped", 1),
        ("stepped", 2),
        ("saved", 2),
        ("stepped", 3),
        ("saved", 3),
        ("pictured", 3),
        ("scored", 3),
        ("stepped", 4),
        ("saved", 4),
        ("stepped", 5),
        ("stepped", 6),
        ("saved", 6),
        ("pictured", 6),
        ("scored", 6),
        ("scored", 6),
        ("scored", 3),
        ("finished", "finished"),
    ]


def test_the_example_in_the_documentation_keeps_the_newest_picture(tmp_path: Path) -> None:
    (code,) = [
        code for path, code in CODE.findall(section("register_callbacks")) if "class" in code
    ]
    hook = "\n\nfrom ganzoo.api import hookimpl\n\n@hookimpl\ndef register_callbacks(register):\n"
    plugin = tmp_path / "album.py"
    plugin.write_text(f"{code}{hook}    register('latest', 'album:Latest', summary='test')\n")
    words = [*TINY, "callbacks.local/latest={}", "--plugin", str(plugin)]
    assert main(["run", *words, "--runs-dir", str(tmp_path / "runs")]) == 0
    run = only_run(tmp_path / "runs")
    newest = run / "samples" / "step-00000006.png"
    assert (run / "latest.png").read_bytes() == newest.read_bytes()


@pytest.mark.parametrize("keep", [2, 3])
def test_the_checkpoint_of_every_evaluation_is_saved_before_it_and_the_best_is_kept(
    tmp_path: Path, keep: int
) -> None:
    words = [*TINY, f"train.keep={keep}", "--runs-dir", str(tmp_path / "runs")]
    assert main(["run", *words]) == 0
    run = only_run(tmp_path / "runs")
    steps = CheckpointStore(run / "checkpoints").steps()
    scores = [json.loads(line) for line in (run / "scores.jsonl").read_text().splitlines()]
    during = [each for each in scores if each["sampling"]["selected"] == "during"]
    best = min(during, key=lambda each: each["value"])["sampling"]["step"]
    assert best in steps
    assert [step for step in (2, 3, 4, 6)[-keep:] if step not in steps] == []
