"""The conformance kit: every check that a component must pass, for the tests of any plugin.

    from ganzoo.testing import conformance

    test_conformance = conformance("acme/*")

is a whole test file: pytest then runs one test a component and check. ``ganzoo conformance
'acme/*'`` makes the same checks from a shell, and ``ganzoo conformance --list`` says what each
proves. Everything runs on the CPU with small samples.
"""

from ganzoo.testing.suite import NonConformance, conformance

__all__ = ["NonConformance", "conformance"]
