"""A populated database of every released version comes up to this one; a backup brings all of it back."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from io import BytesIO
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


def walk(
    database: str, folder: Path, *commands: str, **more: str
) -> tuple[list[str], dict[str, Any]]:
    """Run commands one after the other (tests.runtime.walk); return what each said, and the state it found."""
    kept = {name: value for name, value in os.environ.items() if name not in MINE}
    done = subprocess.run(
        [sys.executable, "-m", "tests.runtime.walk", *commands],
        cwd=ROOT,
        env=kept | {"DEBUG": "1", "DATABASE_URL": database, "VAR_DIR": str(folder), **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found_there = json.loads(done.stdout)
    assert "60" in found_there["state"]["board"]  # so many are ready in that city
    return found_there["said"], found_there["state"]


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
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"a photo")
    with databases(tmp_path, 2) as (old, new):
        load(version, old)
        # Somebody is found, moved and told by today's code, not only kept.
        up = ("migrate -v0", "migrate --plan", "sweep", "state", f"backup --output {backup}")
        said, held = walk(old, tmp_path, *up, BACKUP_KEY=KEY)
        assert "No planned migration" in said[1]
        assert held["rows"]["kitting_journey"][0] == 120
        # Who asked before the board counted it is counted, too.
        assert held["asked"][0] == held["asked"][1] > 0
        assert "1 photos, sealed" in said[4]
        assert backup.stat().st_mode & 0o077 == 0
        photo.unlink()

        # What turns out to be no database only when it is loaded leaves everything as it is.
        again = f"restore {not_a_database(tmp_path, new)} --replace"
        said, restored = walk(
            new, tmp_path, f"restore {backup}", again, "state", BACKUP_KEY=KEY
        )
        assert "checked table by table" in said[0]
        assert "refused:" in said[1]
        assert restored == held
        assert photo.read_bytes() == b"a photo"


def not_a_database(folder: Path, database: str) -> Path:
    """Write a backup that is what was written in every byte, but around something else."""
    dump, manifest, whole = (folder / name for name in ("database", "manifest.json", "whole"))
    dump.write_bytes(b"rows of a database")
    engine = "sqlite" if database.startswith("sqlite") else "postgresql"
    said = {"format": 1, "version": VERSION, "made_at": "", "engine": engine, "migrations": {}}
    files = {"database": hashlib.sha256(dump.read_bytes()).hexdigest()}
    manifest.write_text(json.dumps(said | {"secret_key": "", "rows": {}, "files": files}))
    with tarfile.open(whole, "w") as archive:
        for path in (manifest, dump):
            archive.add(path, arcname=path.name)
    return whole


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


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["../outside", "photos/../../outside", "/{}/outside", "link"])
def test_no_file_of_a_backup_is_written_elsewhere(
    tmp_path: Path, settings: SettingsWrapper, name: str
) -> None:
    settings.VAR_DIR = tmp_path / "var"
    settings.VAR_DIR.mkdir()
    whole = tmp_path / "whole"
    with tarfile.open(whole, "w") as archive:
        member = tarfile.TarInfo(name.format(tmp_path))
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(member, None if name == "link" else BytesIO())
    with pytest.raises(BackupError, match="no backup of Kitto"):
        restore_backup(source=whole, key="", may_replace=True)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["var", "whole"]


def _pretend_dump(target: Path, key: str, now: datetime) -> None:
    """Write a backup as it is written, around a database that is none."""
    with pytest.MonkeyPatch.context() as patch:

        def dump(place: Path) -> dict[str, int]:
            place.write_bytes(b"rows of a database")
            return {"accounts_user": 1}

        patch.setattr(actions, "_dump", dump)
        write_backup(target=target, key=key, now=now)
