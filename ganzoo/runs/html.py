"""What notebooks show of a value: small HTML, escaped, without a style sheet of its own."""

import base64
from collections.abc import Collection, Sequence
from pathlib import Path

from markupsafe import Markup

from ganzoo.untrusted import read_regular

MEDIA = {".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".wav": "audio/wav"}
"""Suffix → media type, for files that a page embeds unchanged."""

LARGEST = 2**20
"""Bytes of a picture that a notebook gets: it is stored with every copy of the notebook."""


def table(
    rows: Sequence[Sequence[object]],
    columns: Sequence[str] = (),
    numbers: Collection[str] = (),
) -> Markup:
    """Return a table; columns named in `numbers` are right-aligned."""
    align = ["right" if column in numbers else "left" for column in columns] or ["left", "left"]
    head = _row("th", columns, align) if columns else Markup()
    body = Markup().join(_row("td", row, align) for row in rows)
    return Markup("<table>{}<tbody>{}</tbody></table>").format(
        Markup("<thead>{}</thead>").format(head) if columns else head, body
    )


def _row(tag: str, cells: Sequence[object], align: Sequence[str]) -> Markup:
    cell = Markup(f'<{tag} style="text-align: {{}}">{{}}</{tag}>')
    return Markup("<tr>{}</tr>").format(Markup().join(map(cell.format, align, cells)))


def paragraphs(text: str) -> Markup:
    """Return text with its lines kept."""
    return Markup('<pre style="white-space: pre-wrap">{}</pre>').format(text) if text else Markup()


def picture(path: Path, words: str) -> Markup:
    """Return a picture with its content, or nothing if it is none, too large or unreadable."""
    media = MEDIA.get(path.suffix, "")
    try:
        if not media.startswith("image/") or path.stat().st_size > LARGEST:
            return Markup()
        return Markup('<img src="{}" alt="{}" />').format(embedded(path), words)
    except OSError:
        return Markup()


def embedded(path: Path) -> str:
    """Return the content of a file of `MEDIA` as a data URL.

    Raises:
        OSError: it cannot be read.
    """
    return f"data:{MEDIA[path.suffix]};base64,{base64.b64encode(read_regular(path)).decode()}"
