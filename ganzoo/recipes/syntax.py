"""What PyYAML's parser stumbled over, in words for somebody who never read a YAML grammar."""

import re

import yaml
from yaml.error import Mark

_UNCLOSED = {"flow mapping": ("{", "}"), "flow sequence": ("[", "]")}


def explained(error: yaml.MarkedYAMLError) -> tuple[Mark | None, str]:
    """Return where a syntax error is best looked for, and what is wrong there."""
    context, problem = error.context or "", error.problem or ""
    here, begun = error.problem_mark or error.context_mark, error.context_mark
    for name, (opening, closing) in _UNCLOSED.items():
        if name in context and begun:
            line = begun.line + 1
            what = f"the {opening!r} of line {line} is not closed, or a ',' is missing before this"
            return here, what if closing in problem else f"{what}: {problem}"
    if "quoted scalar" in context:
        return begun, "the quote that begins here is not closed"
    if "could not find expected ':'" in problem:
        return begun, "is no `key: value` - there is a ':' and a space behind a key"
    if "mapping values are not allowed" in problem:
        return here, (
            "a ':' where no key can be - put text that holds one in quotes, and begin the keys of "
            "a section in one column"
        )
    if match := re.search(r"found character '(.+)' that cannot start any token", problem):
        if match[1] == "\\t":
            return here, "a tab - indent with spaces"
        return here, f"text cannot begin with {match[1]!r} - put it in quotes"
    if "found another document" in problem:
        return here, "a second document begins here - a recipe is one"
    if "expected <block end>" in problem:
        return here, "is not in the column of what stands around it"
    return here, ", ".join(part for part in (context, problem) if part)
