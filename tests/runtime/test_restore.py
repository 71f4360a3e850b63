"""A populated database of every released version comes up to this one; a backup brings all of it back."""

from __future__ import annotations

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from accounts.models import User
from kitting.lib.sealed import SealError
from kitting.lib.version import VERSION
from kitting.monitor import actions
from kitting.monitor.actions import BackupError, restore_backup, write_backup
from tests.factories import UserFactory
from tests.needs import found
from tests.runtime.serving import MINE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.fixtures import SettingsWrapper

RELEASES = ROOT / "tests" / "runtime" / "releases"
KEY = "a key of the tests"

# The content of every table of ours, whatever its order; and everything a reader of the board sees, at one
# moment, as the IT lead sees it.
STATE = """
import hashlib, json, re, django
django.setup()
import time_machine
from datetime import datetime, UTC
from django.apps import apps
from django.core import serializers
from django.test import Client
from accounts.models import User, Grant
from accounts.states import Role
lead = User.objects.get(staff_number="010671")
Grant.objects.get_or_create(person=lead, role=Role.IT_LEAD, defaults={"granted_at": datetime(2026, 11, 1, tzinfo=UTC)})
rows = {}
for model in apps.get_models():
    lines = sorted(serializers.serialize("json", [row]) for row in model._default_manager.all())
    rows[model._meta.db_table] = [len(lines), hashlib.sha256("".join(lines).encode()).hexdigest()]
from django.db import transaction
with transaction.atomic(), time_machine.travel(datetime(2026, 11, 20, 1, tzinfo=UTC), tick=False):
    client = Client(headers={"host": "127.0.0.1", "accept-language": "ja"})
    client.force_login(lead, backend="kitting.signin.Backend")
    page = client.get("/dashboard/").content.decode()
    transaction.set_rollback(True)  # looking must not change what is compared
board = re.sub(r"\\s+", " ", re.sub(r"<[^>]*>", " ", page.partition("<main")[2]))
from kitting.models import Journey
asked = Journey.objects.filter(asked_at__isnull=False).count()
said = Journey.objects.filter(events__kind="help_changed", events__data__help_state="asked").distinct().count()
print(json.dumps({"rows": rows, "board": board, "asked": [asked, said]}))
"""


@contextmanager
def databases(folder: Path, number: int) -> Iterator[list[str]]:
    """Give the addresses of empty databases of the kind under test."""
    url = found("postgres")
    if not url:
        yield [f"sqlite:///{folder / f'kitto-{one}.sqlite3'}" for one in range(number)]
        return
    names = [f"kitto_restore_{os.getpid()}_{one}" for one in range(number)]
    with psycopg.connect(url, autocommit=True) as line:
        for name in names:
            line.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[arg-type]  # our own name
            line.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # our own name
        yield [urlunsplit(urlsplit(url)._replace(path=f"/{name}")) for name in names]
        for name in names:
            line.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]  # our own name


def run(
    database: str, folder: Path, *command: str, **more: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in MINE}
    environment = kept | {
        "DEBUG": "1",
        "DATABASE_URL": database,
        "VAR_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "kitting.settings",
        **more,
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def manage(database: str, folder: Path, *command: str, **more: str) -> str:
    done = run(database, folder, "manage.py", *command, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def state(database: str, folder: Path) -> dict[str, Any]:
    done = run(database, folder, "-c", STATE)
    assert done.returncode == 0, done.stderr
    found_state: dict[str, Any] = json.loads(done.stdout)
    assert "60" in found_state["board"]  # so many are ready in that city
    return found_state


def load(version: str, database: str) -> None:
    """Fill an empty database as that version left it."""
    kind = "sqlite" if database.startswith("sqlite") else "postgres"
    file = RELEASES / f"{version}.{kind}.sql.gz"
    if kind == "sqlite":
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as line:
            line.executescript(gzip.decompress(file.read_bytes()).decode())
        return
    done = subprocess.run(
        ["psql", "-q", "-v", "ON_ERROR_STOP=1", database],
        input=gzip.decompress(file.read_bytes()),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def released() -> list[str]:
    """Return the versions that CHANGELOG.md says were released, newest first."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.findall(r"^## (\d+\.\d+\.\d+) ", text, re.MULTILINE)


def test_every_released_version_can_be_upgraded_from() -> None:
    assert released()
    for version in released():
        for kind in ("sqlite", "postgres"):
            assert (RELEASES / f"{version}.{kind}.sql.gz").is_file(), version
    assert not VERSION.startswith(tuple(released()))  # what is being made is none of them


@pytest.mark.parametrize("version", released())
def test_an_old_city_comes_up_and_is_restored_figure_by_figure(
    version: str, tmp_path: Path
) -> None:
    backup, photo = tmp_path / "kitto.backup", tmp_path / "photos" / "a" / "1.jpg"
    with databases(tmp_path, 2) as (old, new):
        load(version, old)
        manage(old, tmp_path, "migrate", "-v0")
        assert "No planned migration" in manage(old, tmp_path, "migrate", "--plan")
        # Somebody is found, moved and told by today's code, not only kept.
        manage(old, tmp_path, "sweep")
        photo.parent.mkdir(parents=True)
        photo.write_bytes(b"a photo")

        held = state(old, tmp_path)
        assert held["rows"]["kitting_journey"][0] == 120
        # Who asked before the board counted it is counted, too.
        assert held["asked"][0] == held["asked"][1] > 0
        said = manage(old, tmp_path, "backup", "--output", str(backup), BACKUP_KEY=KEY)
        assert "1 photos, sealed" in said
        assert backup.stat().st_mode & 0o077 == 0
        photo.unlink()

        assert "checked table by table" in manage(
            new, tmp_path, "restore", str(backup), BACKUP_KEY=KEY
        )
        assert state(new, tmp_path) == held
        assert photo.read_bytes() == b"a photo"


@pytest.mark.django_db
def test_what_cannot_be_restored_is_refused_in_words_and_nothing_is_touched(
    tmp_path: Path, settings: SettingsWrapper
) -> None:
    settings.VAR_DIR, settings.PHOTO_DIR = tmp_path, tmp_path / "photos"
    plain, closed, damaged, other = (tmp_path / name for name in "abcd")
    now = datetime(2026, 11, 20, tzinfo=UTC)
    UserFactory.create()
    _pretend_dump(plain, "", now)
    _pretend_dump(closed, KEY, now)
    damaged.write_bytes(
        plain.read_bytes().replace(b"rows of a database", b"rows of a databasE")
    )
    other.write_bytes(b"no backup at all")
    for file, key, why, words in (
        (plain, "", BackupError, "This database holds people"),
        (closed, "another key of the tests", SealError, None),
        (closed, "", BackupError, "This backup is sealed"),
        (damaged, "", BackupError, "damaged: database is not what was written"),
        (other, "", BackupError, "no backup of Kitto"),
    ):
        with pytest.raises(why, match=words):
            restore_backup(source=file, key=key, may_replace=False)
    assert User.objects.count() == 1


def _pretend_dump(target: Path, key: str, now: datetime) -> None:
    """Write a backup as it is written, around a database that is none."""
    with pytest.MonkeyPatch.context() as patch:

        def dump(place: Path) -> dict[str, int]:
            place.write_bytes(b"rows of a database")
            return {"accounts_user": 1}

        patch.setattr(actions, "_dump", dump)
        write_backup(target=target, key=key, now=now)
