"""``ganzoo export``: write a run's generator to files for other tools."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit


@click.command()
@options.run
@click.option(
    "--format",
    "form",
    type=click.Choice(["safetensors", "program", "all"]),
    default="all",
    show_default=True,
    help="Weights and JSON; a torch.export program that runs without ganzoo; or both.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write the files; default: export/ in the run's directory.",
)
@options.checkpoint
@options.runs_directory
def export(reference: str, form: str, out: Path | None, checkpoint: str, runs_dir: Path) -> None:
    """Write the generator of RUN (EMA weights, if it has them) to files for other tools.

    The program has the sampling parameters of eval.sampling; noise inside the generator is drawn by
    torch's default generator when it runs. A latent that learns is written beside the generator.
    """
    from ganzoo.training.run import load

    run = load(reference, runs_dir)
    for chosen in ["safetensors", "program"] if form == "all" else [form]:
        for path in run.export(chosen, checkpoint=options.which(checkpoint), to=out):
            emit(str(path))
