from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pypdfium2
import pytest
from django.core.management import CommandError, call_command

from kitting.guides.actions import load_guide
from kitting.site.models import Variable
from tests.factories import NOW, DeviceFactory, LoanFactory, shipped_guide

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://kitto.example.lg.jp"


@pytest.fixture
def _city():
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    for variable in Variable.objects.all():
        Variable.objects.filter(pk=variable.pk).update(value=variable.example)


@pytest.mark.usefixtures("_city")
def test_a_departments_sheets_come_as_one_file(tmp_path: Path):
    mine = LoanFactory.create(device=DeviceFactory.create())
    LoanFactory.create(device=DeviceFactory.create())
    said, output = StringIO(), tmp_path / "paper.pdf"
    call_command("paper", output=output, department=mine.department.name, stdout=said)
    with pypdfium2.PdfDocument(output.read_bytes()) as document:
        assert len(document) == 2
    assert "1 枚" in said.getvalue()


def test_a_refused_printing_leaves_no_file(tmp_path: Path):
    with pytest.raises(CommandError):
        call_command("paper", output=tmp_path / "paper.pdf")
    assert list(tmp_path.iterdir()) == []
