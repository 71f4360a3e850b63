"""Guides that are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kitting.guides.actions import load_guide
from kitting.guides.forms import SHIPPED_GUIDE, read_guide_file
from kitting.guides.rules.reading import read_guide
from tests.guides.small import small_guide

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.guides.models import Edition
    from kitting.guides.rules.shapes import GuideDraft


@pytest.fixture(scope="session")
def shipped() -> GuideDraft:
    return read_guide_file(SHIPPED_GUIDE)


@pytest.fixture
def small(db: None, now: datetime) -> Edition:
    return load_guide(draft=read_guide(small_guide()), now=now, publish=True).edition
