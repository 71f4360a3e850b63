"""Production starts with settings that hold, or not at all."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kitting.lib.keys import is_weak_key
from tests.house.source import ROOT

if TYPE_CHECKING:
    from pathlib import Path

STRONG = "x9-Qe7_Lm2vTzR4bKcW8sYpN1uHfJd6gA3oEiX5rG0kMa7Vb9Q"
WEAK = {
    "short": "x9-Qe7_Lm2vTzR4bKcW8sYpN1uHfJ",
    "one letter": "k" * 60,
    "a pattern": "abcabcabc" * 8,
    "of Django's own": "django-insecure-" + secrets.token_urlsafe(48),
    "of an example": "changeme-" + secrets.token_urlsafe(48),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_key_is_known(name: str) -> None:
    assert is_weak_key(WEAK[name])
    assert not is_weak_key(STRONG)
    assert not is_weak_key(secrets.token_urlsafe(48))


def manage(tmp_path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "SECRET_KEY": STRONG,
            "SITE_URL": "https://kitto.example.lg.jp",
            "VAR_DIR": str(tmp_path),
            "STATIC_ROOT": str(tmp_path),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_does_not_start_with_a_weak_key(tmp_path: Path) -> None:
    said = manage(tmp_path, "check", SECRET_KEY=WEAK["short"])
    assert said.returncode != 0
    assert "SECRET_KEY" in said.stderr
    assert WEAK["short"] not in said.stderr


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """Every variable may, since all are read by one function; these hold secrets."""
    names = ("SECRET_KEY", "METRICS_TOKEN", "BACKUP_KEY", "EMAIL_HOST_PASSWORD")
    said = {}
    for name in names:
        file = tmp_path / name
        file.write_text(f"{STRONG}-{name}\n", encoding="utf-8")
        said[f"{name}_FILE"] = str(file)
    code = f"from django.conf import settings as s; print(*(getattr(s, n) for n in {names}))"
    found = manage(tmp_path, "shell", "--no-imports", "-c", code, **said)
    assert found.stdout.split() == [f"{STRONG}-{name}" for name in names]


def test_no_setting_is_read_past_its_file() -> None:
    text = (ROOT / "kitting/settings.py").read_text("utf-8")
    reads = [line.strip() for line in text.splitlines() if "os.environ" in line]
    assert reads == [
        'if path := os.environ.get(f"{name}_FILE"):',
        "return os.environ.get(name, default)",
    ]


def test_the_check_of_a_deployment_is_clean(tmp_path: Path) -> None:
    said = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING")
    assert (said.returncode, "2 silenced" in said.stdout + said.stderr) == (0, True)


def test_cookies_of_production_are_secure_and_not_for_scripts(tmp_path: Path) -> None:
    code = (
        "from django.conf import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE,"
        " s.SESSION_COOKIE_HTTPONLY, s.CSRF_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE,"
        " s.SECURE_HSTS_SECONDS, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_INCLUDE_SUBDOMAINS,"
        " s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.LANGUAGE_COOKIE_NAME, s.COOKIE_PREFIX)"
    )
    said = manage(tmp_path, "shell", "--no-imports", "-c", code, HSTS_SUBDOMAINS="1")
    *held, session, form, language, prefix = said.stdout.split()
    assert held == ["True"] * 4 + ["Lax", "31536000", "True", "True"]
    assert all(name.startswith("__Host-") for name in (session, form, language, prefix))
