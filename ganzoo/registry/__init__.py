"""Installed plugins: discovery, loading, registrations and names of components."""

from ganzoo.registry.discovery import Namespace
from ganzoo.registry.names import qualify, suggest
from ganzoo.registry.registry import Registry

__all__ = ["Namespace", "Registry", "qualify", "suggest"]
