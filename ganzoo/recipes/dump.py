"""Writing YAML that the strict loader reads back as the same data, and no other loader misreads."""

from typing import Any

import yaml

from ganzoo.recipes.scalars import PATTERNS

_WIDE = 2**31


class _Dumper(yaml.SafeDumper):
    """Quotes text that our table or PyYAML's would take for something else; writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _tag, _pattern in PATTERNS.items():
    _Dumper.add_implicit_resolver(_tag, _pattern, None)


def to_yaml(data: Any) -> str:
    """Return plain data as a YAML document, keys in the order given."""
    return yaml.dump(
        data,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=_WIDE,
    )


def in_line(value: Any) -> str:
    """Return plain data as YAML in one line."""
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    text = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=True,
        default_style=style,
        width=_WIDE,
    )
    return text.removesuffix("\n").removesuffix("\n...")
