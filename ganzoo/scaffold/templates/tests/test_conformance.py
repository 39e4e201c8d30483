"""Every component fulfils the contract of its kind: one test per component and check."""

from ganzoo.testing import conformance

test_conformance = conformance("acme/*")
