"""Every component keeps the contract of its kind: one test a component and check."""

from ganzoo.testing import conformance

test_conformance = conformance("example/*")
