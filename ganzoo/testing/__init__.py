"""The conformance kit: the checks that every component must pass, for the tests of any plugin.

    from ganzoo.testing import conformance

    test_conformance = conformance("acme/*")

is a whole test file: pytest then runs one test per component and check. ``ganzoo conformance
'acme/*'`` runs the same checks from a shell, and ``ganzoo conformance --list`` describes each
check. Everything runs on the CPU with small samples.
"""

from ganzoo.testing.suite import NonConformance, conformance

__all__ = ["NonConformance", "conformance"]
