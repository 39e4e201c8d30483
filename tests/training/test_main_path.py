"""The main path is short: from the command line to the first weight that changes."""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

import ganzoo
from ganzoo.cli.main import main

from .recipes import small_recipe

PACKAGE = Path(ganzoo.__file__).parent
MAX_FRAMES, MAX_FILES = 8, 5


def own_frames(frame: FrameType | None) -> list[tuple[str, str]]:
    """Return (file, function) of every frame of the package on a stack, innermost first."""
    found = []
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(PACKAGE):
            found.append((str(file.relative_to(PACKAGE)), frame.f_code.co_name))
        frame = frame.f_back
    return found


def test_few_frames_in_few_files_lie_between_main_and_the_first_optimizer_step(
    tmp_path: Path,
) -> None:
    stacks: list[list[tuple[str, str]]] = []

    def note(optimizer: torch.optim.Optimizer, *anything: Any) -> None:
        stacks.append(own_frames(sys._getframe()))

    handle = register_optimizer_step_pre_hook(note)
    try:
        assert main(["run", str(small_recipe(tmp_path)), "--runs-dir", str(tmp_path)]) == 0
    finally:
        handle.remove()
    first = stacks[0]
    assert first[-1] == ("cli/main.py", "main")
    assert first[0] == ("training/step.py", "train_step")
    assert ("training/launch.py", "train_run") in first
    assert len(first) <= MAX_FRAMES, first
    assert len({file for file, _ in first}) <= MAX_FILES, first
