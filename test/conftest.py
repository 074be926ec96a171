"""Fixtures shared by all tests."""
from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Development data beside the checkout; tests that need it are skipped where it is absent."""
    path = ROOT.parent / 'shared' / 'data'
    if not path.is_dir():
        pytest.skip('needs the development data (../shared/data), which is not part of the repository')
    return path
