"""What a web process does not load before somebody needs it: it answers sooner and holds less."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.runtime.serving import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# Each of these is loaded by the first page, press or task that wants it.
LATER = (
    *("PIL", "google", "holidays", "icalendar", "jwt", "openpyxl", "qrcode", "redis"),
    *("reportlab", "requests", "urllib3"),
)
LOAD = """
import json, sys
import kitting.wsgi
from django.urls import get_resolver
get_resolver().url_patterns
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_a_web_process_starts_without_what_few_pages_need(tmp_path: Path) -> None:
    # What structlog loads where it is there, and only developers have.
    (tmp_path / "rich.py").write_text("raise ImportError", encoding="utf-8")
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'kitto.sqlite3'}",
        "DEBUG": "1",
        "PYTHONPATH": str(tmp_path),
        "VAR_DIR": str(tmp_path),
    }
    command = [sys.executable, "-W", "ignore", "-c", LOAD]
    loaded = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, check=True, text=True
    )
    assert not set(json.loads(loaded.stdout)) & set(LATER)
