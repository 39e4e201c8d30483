"""``ganzoo doctor``: find problems of this machine and installation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit, emit_json, say


@click.command()
@click.option("--clear-decoded", is_flag=True, help="Remove decoded data from the cache first.")
@options.as_json
@options.plugin
@options.runs_directory
@click.pass_context
def doctor(
    context: click.Context,
    clear_decoded: bool,
    as_json: bool,
    plugin: Path | None,
    runs_dir: Path,
) -> None:
    """Check versions, devices, plugins, disk, cache and fetched files.

    The exit code is 0 if nothing is wrong, else that of the first problem: 2 for the installation
    or a directory that cannot be written, 7 for a full disk, 9 for a device.
    """
    from ganzoo.training.doctor import examine

    if clear_decoded:
        from ganzoo.training.decoded_cache import kept, remove

        for cache in kept():
            done = "removed" if remove(cache.directory) else "cannot be removed, or is being filled"
            say(f"{cache.directory}, {cache.size / 2**30:.2g} GiB: {done}")
    findings = list(examine(options.registry(plugin), runs_dir))
    if as_json:
        emit_json([asdict(each) for each in findings])
    else:
        width = max(len(each.subject) for each in findings)
        for each in findings:
            mark = "" if each.status == "ok" else f"{each.status}: "
            emit(f"{each.subject:<{width}}  {mark}{each.words}")
            if each.hint:
                emit(f"{'':<{width}}  try: {each.hint}")
    wrong = [each for each in findings if each.status == "wrong"]
    count = f"{len(wrong)} of {len(findings)} checks failed" if wrong else "nothing is wrong"
    say(count)
    context.exit(wrong[0].exit_code if wrong else 0)
