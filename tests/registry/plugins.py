"""Plugins on disk that tests of the registry share."""

from ganzoo.registry import Namespace, Registry

GENERATOR = """
    from ganzoo.api import hookimpl

    @hookimpl
    def register_generators(register):
        register("ladder", "{module}_nets:Generator", revision=2, summary="U-Net")
        register("tiny", "{module}_nets:Tiny")
"""
NETS = """
    class Generator: ...
    class Tiny: ...
    NUMBER = 3
"""
LOCAL = """
from ganzoo.api import hookimpl

class Flat: ...

@hookimpl
def register_losses(register):
    register("flat", "my_loss:Flat")
"""


def source(module: str = "ganzoo_acme") -> dict[str, str]:
    return {module: GENERATOR.format(module=module), f"{module}_nets": NETS}


def named(registry: Registry, namespace: str) -> list[Namespace]:
    return [each for each in registry.namespaces() if each.name == namespace]


def only(namespace: str) -> Namespace:
    (found,) = named(Registry(), namespace)
    return found
