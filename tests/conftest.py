"""Fixtures for all tests."""

import sys

import pytest


@pytest.fixture(scope="session")
def stdlib_names() -> frozenset[str]:
    return sys.stdlib_module_names
