"""Third-party plugins, each a distribution: two that work, and one for each kind of trouble.

Every module that is named by an entry point writes its name into the file that IMPORTED names, so
that a test sees what was imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.plugins.wheels import Distribution

_PRELUDE = """\
import os
if log := os.environ.get("IMPORTED"):
    with open(log, "a") as file:
        print(__name__, file=file)
from ganzoo.api import hookimpl
"""

_ONE_LOSS = """\
@hookimpl
def register_losses(register):
    register("flat", "{module}.losses:Flat", summary="a loss without a slope")
"""

_LOSSES = '''\
class Flat:
    """The mean of the logits, times `factor`."""

    def __init__(self, *, factor: float = 1.0) -> None:
        self.factor = factor

    def discriminator(self, game):
        return {"gap": self.factor * (game.fake_logits.mean() - game.real_logits.mean())}

    def generator(self, game):
        return {"fake": -self.factor * game.fake_logits.mean()}


class Loose:
    def __init__(self, **parameters: float) -> None: ...
'''

_RECIPE = """\
recipe: 1
description: a few steps with another's loss
extends: digits-base
generator: {width: 8}
discriminator: {width: 8}
loss: {use: NAMESPACE/flat, factor: 0.5}
train: {steps: 4, log_every_steps: 2}
eval: {samples: 64, final_samples: 64}
"""


def plugin(
    namespace: str,
    body: str,
    *,
    name: str | None = None,
    more: Mapping[str, str] | None = None,
    **about: str,
) -> Distribution:
    """Return a distribution ``ganzoo-NAMESPACE`` whose package contains `body`."""
    name = name or f"ganzoo-{namespace}"
    module = name.replace("-", "_")
    modules = {
        f"{module}/__init__.py": _PRELUDE + body.replace("{module}", module),
        f"{module}/losses.py": _LOSSES,
        **{f"{module}/{path}": text for path, text in (more or {}).items()},
    }
    return Distribution(name, modules, {namespace: module}, **about)


def well(namespace: str, **about: str) -> Distribution:
    """Return a working plugin with one loss and a recipe that uses it."""
    recipes = _ONE_LOSS + (
        "@hookimpl\n"
        "def register_recipes(register):\n"
        '    register("digits", "{module}:recipes/digits.yaml")\n'
    )
    recipe = _RECIPE.replace("NAMESPACE", namespace)
    return plugin(namespace, recipes, more={"recipes/digits.yaml": recipe}, **about)


@dataclass(frozen=True)
class Trouble:
    """A distribution, with its expected status and (as regular expressions) error and hint."""

    distribution: Distribution
    status: str
    error: str
    hint: str = r"GANZOO_STRICT=1 GANZOO_PLUGINS={namespace} ganzoo plugins"

    @property
    def namespace(self) -> str:
        """The namespace that it claims."""
        (namespace,) = self.distribution.entry_points
        return namespace

    @property
    def advice(self) -> str:
        """The hint that `ganzoo plugins` prints below the error."""
        return self.hint.format(namespace=self.namespace)


TWINS = ("pip uninstall ganzoo-twin-a, or pip uninstall ganzoo-twin-b", "twin-[ab] 1.0")
_BOTH = r"ganzoo-twin-a 1\.0 and ganzoo-twin-b 1\.0 both have the namespace 'twin'"

TROUBLES: Mapping[str, Trouble] = {
    "an import that fails": Trouble(
        plugin("missing", "import no_such_module_anywhere\n" + _ONE_LOSS),
        "broken",
        r"ModuleNotFoundError: No module named 'no_such_module_anywhere'"
        r" \(ganzoo_missing/__init__\.py, line 6\)",
    ),
    "a syntax error": Trouble(
        plugin("syntax", "def register_losses(register:\n" + _ONE_LOSS),
        "broken",
        r"SyntaxError: .*\(ganzoo_syntax/__init__\.py, line 6\)",
    ),
    "an exit": Trouble(
        plugin("exits", "raise SystemExit(0)\n" + _ONE_LOSS),
        "broken",
        r"SystemExit: 0 \(ganzoo_exits/__init__\.py, line 6\)",
    ),
    "another version of the API": Trouble(
        plugin("future", _ONE_LOSS, group="ganzoo.v2"),
        "incompatible",
        r"made for ganzoo\.v2; this ganzoo loads ganzoo\.v1",
        "pip install --upgrade ganzoo-core",
    ),
    "a misspelt hook": Trouble(
        plugin("misspelt", _ONE_LOSS.replace("register_losses", "register_loses")),
        "broken",
        "no hook 'register_loses' - did you mean 'register_losses'",
    ),
    "one id twice": Trouble(
        plugin("twice", _ONE_LOSS + '    register("flat", "ganzoo_twice.losses:Loose")\n'),
        "broken",
        r"loss 'flat': registered twice by ganzoo-twice 1\.0 \(ganzoo_twice/__init__\.py, line 9\)",
    ),
    "one of two with a namespace": Trouble(
        plugin("twin", _ONE_LOSS, name="ganzoo-twin-a"), "clash", _BOTH, TWINS[0]
    ),
    "the other of the two": Trouble(
        plugin("twin", _ONE_LOSS, name="ganzoo-twin-b"), "clash", _BOTH, TWINS[0]
    ),
    "somebody else's zoo": Trouble(
        plugin("zoo", _ONE_LOSS, name="not-the-zoo"),
        "clash",
        "only ganzoo-zoo may have the namespace 'zoo'",
        "pip uninstall not-the-zoo",
    ),
    "a bad argument": Trouble(
        plugin("argument", _ONE_LOSS.replace("summary", "sumary")),
        "broken",
        r"loss 'flat': register\(\) has no argument 'sumary' - did you mean 'summary'\?"
        r" \(ganzoo_argument/__init__\.py,",
    ),
    "an error in the second hook": Trouble(
        plugin("halfway", _ONE_LOSS + "@hookimpl\ndef register_metrics(register):\n    1 / 0\n"),
        "broken",
        r"ZeroDivisionError: division by zero \(ganzoo_halfway/__init__\.py, line 11\)",
    ),
    "a registration into another's namespace": Trouble(
        plugin("trespasser", _ONE_LOSS.replace('"flat"', '"zoo/hinge"')),
        "broken",
        "loss 'zoo/hinge': a name has no namespace; everything in this plugin is trespasser/NAME",
    ),
}

SLOW = plugin(
    "slow",
    "from time import perf_counter\n"
    "started = perf_counter()\n"
    "while perf_counter() < started + 0.3: pass\n" + _ONE_LOSS,
)
EAGER = plugin("eager", "import torch\n" + _ONE_LOSS)
EAGER_TOO = plugin("eager-too", "from torch import nn\n" + _ONE_LOSS)
LOOSE = plugin("loose", _ONE_LOSS + '    register("loose", "{module}.losses:Loose")\n')
SEEN_TWICE = plugin("seen-twice", _ONE_LOSS, version="2.0")
SEEN_BEFORE = plugin("seen-twice", _ONE_LOSS, version="1.0")
