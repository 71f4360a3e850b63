"""Back up and restore: everything a site is, in one file that proves itself."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import storages
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils.crypto import salted_hmac

from kitting.lib.sealed import is_sealed, seal, unseal
from kitting.lib.version import VERSION

if TYPE_CHECKING:
    from datetime import datetime

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database"
PHOTOS = "photos"


class BackupError(Exception):
    """Why nothing was written or restored, as a sentence for who runs the site."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: rows of each table, and the SHA-256 of each file."""

    format: int
    version: str
    made_at: str
    engine: str
    migrations: dict[str, str]
    secret_key: str
    rows: dict[str, int]
    files: dict[str, str]


def key_fingerprint() -> str:
    """Return what tells two keys apart without giving either away."""
    return salted_hmac("kitting.backup", "fingerprint").hexdigest()[:16]


def write_backup(*, target: Path, key: str, now: datetime) -> Manifest:
    """Write database and photos as they are at one moment into one file; whole, or not at all.

    With a key the file is sealed. The site goes on working meanwhile.
    """
    with TemporaryDirectory(prefix="kitto-backup-", dir=target.parent) as folder:
        rows = _dump(Path(folder) / DATABASE)
        names = [DATABASE, *_copy_photos(Path(folder) / PHOTOS)]
        manifest = Manifest(
            format=FORMAT,
            version=VERSION,
            made_at=now.isoformat(),
            engine=connection.vendor,
            migrations=_migrations(),
            secret_key=key_fingerprint(),
            rows=rows,
            files={name: _digest(Path(folder) / name) for name in names},
        )
        (Path(folder) / MANIFEST).write_text(json.dumps(asdict(manifest)), encoding="utf-8")
        whole = Path(folder) / "whole.tar"
        with tarfile.open(whole, "w") as archive:
            for name in (MANIFEST, *names):
                archive.add(Path(folder) / name, arcname=name)
        ready = whole
        if key:
            ready = Path(folder) / "sealed"
            with whole.open("rb") as plain, ready.open("wb") as sealed:
                seal(plain, sealed, key=key)
        ready.chmod(0o600)
        ready.replace(target)
    return manifest


def restore_backup(*, source: Path, key: str, may_replace: bool) -> Manifest:
    """Put a backup in the place of this site's data; every byte is checked before anything is touched.

    Raises BackupError with the reason, and SealError where the key does not fit.
    """
    with TemporaryDirectory(prefix="kitto-restore-", dir=settings.VAR_DIR) as name:
        folder = Path(name)
        manifest = _opened(source, key, folder)
        _check(manifest, folder)
        if not may_replace and _holds_people():
            raise BackupError(_HOLDS_PEOPLE)
        _load(folder / DATABASE)
        for photo in (one for one in manifest.files if one.startswith(f"{PHOTOS}/")):
            _put_photo(folder / photo, photo.removeprefix(f"{PHOTOS}/"))
    found = _rows()
    differing = sorted(
        table for table in manifest.rows if found.get(table) != manifest.rows[table]
    )
    if differing:
        message = (
            f"These tables hold other numbers of rows than the backup: {', '.join(differing)}"
        )
        raise BackupError(message)
    return manifest


_HOLDS_PEOPLE = "This database holds people. Restore into an empty one, or say --replace."


# --- reading a backup -----------------------------------------------------------------------------


def _opened(source: Path, key: str, folder: Path) -> Manifest:
    whole = source
    with source.open("rb") as found:
        if is_sealed(found):
            if not key:
                message = "This backup is sealed. Give the key it was made with (BACKUP_KEY)."
                raise BackupError(message)
            whole = folder / "whole.tar"
            with whole.open("wb") as plain:
                unseal(found, plain, key=key)
    try:
        with tarfile.open(whole, "r:") as archive:
            _unpack(archive, folder)
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return Manifest(**said)
    except (tarfile.TarError, OSError, ValueError, TypeError) as error:
        message = "This file is no backup of Kitto, or it is damaged."
        raise BackupError(message) from error


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Write the files of an archive, none of them elsewhere than below the folder.

    By hand: `filter="data"` came with Python 3.11.4, and Debian 12 has an earlier one.
    """
    for member in archive:
        target = (folder / member.name).resolve()
        source = archive.extractfile(member) if member.isreg() else None
        if source is None or not target.is_relative_to(folder.resolve()):
            raise tarfile.ExtractError(member.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("wb") as file:
            shutil.copyfileobj(source, file)


def _check(manifest: Manifest, folder: Path) -> None:
    if manifest.format > FORMAT:
        message = f"This backup was made by a newer Kitto ({manifest.version})."
        raise BackupError(message)
    if manifest.engine != connection.vendor:
        message = (
            f"This backup is of {manifest.engine}, and this site runs on {connection.vendor}."
        )
        raise BackupError(message)
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            message = f"The backup is damaged: {name} is not what was written."
            raise BackupError(message)


def _holds_people() -> bool:
    if "accounts_user" not in connection.introspection.table_names():
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM accounts_user)")
        return bool(cursor.fetchone()[0])


# --- the database ---------------------------------------------------------------------------------


def _dump(target: Path) -> dict[str, int]:
    return _dump_sqlite(target) if connection.vendor == "sqlite" else _dump_postgres(target)


def _dump_sqlite(target: Path) -> dict[str, int]:
    connection.ensure_connection()
    with closing(sqlite3.connect(target)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        return {
            table: int(copy.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0])  # noqa: S608  # our own table
            for table in _tables()
        }


def _dump_postgres(target: Path) -> dict[str, int]:
    """Dump and count in one snapshot, so that both speak of the same moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = str(cursor.fetchone()[0])
        options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        _run("pg_dump", *options, f"--file={target}")
        return _rows()


def _load(source: Path) -> None:
    """Put a dump in the place of the database: whole, or what was there stays."""
    if connection.vendor == "sqlite":
        _load_sqlite(source)
        return
    _schema("DROP SCHEMA IF EXISTS before_restore CASCADE")
    _schema("ALTER SCHEMA public RENAME TO before_restore", "CREATE SCHEMA public")
    try:
        # One transaction: whole or nothing; the schema itself stands already.
        options = ("--no-owner", "--exit-on-error", "--single-transaction", "--schema=public")
        _run("pg_restore", *options, str(source))
    except BackupError:
        _schema("DROP SCHEMA public CASCADE", "ALTER SCHEMA before_restore RENAME TO public")
        raise
    _schema("DROP SCHEMA before_restore CASCADE")


def _schema(*statements: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _load_sqlite(source: Path) -> None:
    try:
        with closing(sqlite3.connect(source)) as copy:
            is_well = copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        is_well = False
    if not is_well:
        message = "The database in the backup is damaged."
        raise BackupError(message)
    connection.close()
    place = Path(str(connection.settings_dict["NAME"]))
    ready = place.with_name(place.name + "-restored")
    shutil.copyfile(source, ready)
    for more in ("-wal", "-shm"):
        place.with_name(place.name + more).unlink(missing_ok=True)
    ready.replace(place)


def _run(program: str, *arguments: str) -> None:
    where = connection.settings_dict
    asked = {
        "PGHOST": where["HOST"],
        "PGPORT": where["PORT"],
        "PGUSER": where["USER"],
        "PGPASSWORD": where["PASSWORD"],
        "PGDATABASE": where["NAME"],
    }
    environment = os.environ | {name: str(value) for name, value in asked.items() if value}
    target = ("--dbname", str(where["NAME"])) if program == "pg_restore" else ()
    try:
        subprocess.run(  # noqa: S603  # names of our own, no shell
            [program, *target, *arguments], env=environment, check=True, capture_output=True
        )
    except FileNotFoundError as error:
        message = f"{program} is not installed here; it comes with PostgreSQL's client."
        raise BackupError(message) from error
    except subprocess.CalledProcessError as error:
        message = f"{program}: {error.stderr.decode(errors='replace').strip()[:500]}"
        raise BackupError(message) from error


def _tables() -> list[str]:
    return sorted(connection.introspection.table_names())


def _rows() -> dict[str, int]:
    found = {}
    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608  # our own table
            found[table] = int(cursor.fetchone()[0])
    return found


def _migrations() -> dict[str, str]:
    applied = MigrationRecorder(connection).applied_migrations()
    last: dict[str, str] = {}
    for app, name in applied:
        last[app] = max(last.get(app, ""), name)
    return last


# --- photos ---------------------------------------------------------------------------------------


def _copy_photos(folder: Path) -> list[str]:
    root = Path(settings.PHOTO_DIR)
    names = []
    for path in sorted(root.rglob("*")) if root.is_dir() else []:
        if not path.is_file():
            continue
        name = path.relative_to(root).as_posix()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, folder / name)
        except FileNotFoundError:  # its time came while we were on the way
            continue
        names.append(f"{PHOTOS}/{name}")
    return names


def _put_photo(source: Path, name: str) -> None:
    store = storages["photos"]
    if store.exists(name):
        store.delete(name)
    with source.open("rb") as found:
        store.save(name, File(found))


def _digest(path: Path) -> str:
    with path.open("rb") as found:
        return hashlib.file_digest(found, "sha256").hexdigest()
