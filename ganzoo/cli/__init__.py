"""The command line. One file a verb, imported when it is called; no torch, no plugin before.

Data goes to stdout, words to stderr; `ganzoo.errors` has the table of exit codes.
"""

from ganzoo.cli.early import main

__all__ = ["main"]
