"""plugins/example is what the scaffold writes, byte by byte."""

from pathlib import Path

from ganzoo.scaffold.plugin import names_of, plugin_files

EXAMPLE = Path(__file__).parents[2] / "plugins" / "example"
KINDS = ("generator", "loss", "regularizer", "dataset", "metric")
REGENERATE = "rm -r plugins/example; ganzoo new plugin example --out plugins/example --no-try" + (
    "".join(f" --kind {kind}" for kind in KINDS)
)
MADE_BY_USE = ("__pycache__", ".pytest_cache", "runs", "dist")


def test_the_example_is_exactly_what_the_scaffold_writes() -> None:
    written = {
        path: text.encode() for path, text in plugin_files(names_of("example"), KINDS).items()
    }
    lying = {
        str(file.relative_to(EXAMPLE)): file.read_bytes()
        for file in EXAMPLE.rglob("*")
        if file.is_file() and not set(file.relative_to(EXAMPLE).parts) & set(MADE_BY_USE)
    }
    differing = sorted(
        path for path in written.keys() | lying.keys() if written.get(path) != lying.get(path)
    )
    assert not differing, f"{', '.join(differing)} differ; to write them anew: {REGENERATE}"
