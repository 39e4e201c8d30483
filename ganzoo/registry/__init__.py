"""What is installed: discovery of plugins, their registrations, names, broken plugins."""

from ganzoo.registry.discovery import Namespace
from ganzoo.registry.names import qualify, suggest
from ganzoo.registry.registry import Registry

__all__ = ["Namespace", "Registry", "qualify", "suggest"]
