"""The command line: one file per verb, imported when the verb is called; no torch at import.

Data goes to stdout, messages to stderr. `ganzoo.errors` lists the exit codes.
"""

from ganzoo.cli.main import main

__all__ = ["main"]
