"""Whether a component goes on after a restart as if there had been none."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import torch

from ganzoo.testing.checks import Failed
from ganzoo.testing.comparing import Answers, difference
from ganzoo.testing.component import Case


def check_resumes(case: Case, use: Callable[[Any], None], ask: Callable[[Any], Answers]) -> None:
    """Compare an instance that was used with a new one that was given its state.

    Args:
        use: changes whatever state an instance has.
        ask: returns what an instance says, in which its state shows.

    Raises:
        Failed: they say different things, or the state cannot be written or read.
    """
    live, restored = case.make(), case.make()
    use(live)
    if hasattr(live, "state_dict"):
        restored.load_state_dict(as_saved(live.state_dict()))
    if found := difference(ask(live), ask(restored)):
        raise Failed(
            "the same from an instance with the state of one that was used",
            found,
            "keep what changes as tensors in state_dict; the easiest is an nn.Module with buffers",
        )


def as_saved(state: Any) -> Any:
    """Return a state as a checkpoint gives it back: written by torch, read without any code."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    try:
        return torch.load(file, weights_only=True)
    except Exception as error:
        raise Failed(
            "a state of tensors, numbers, text, lists and mappings",
            "one that torch.load refuses with weights_only=True",
            "put nothing else into state_dict",
        ) from error
