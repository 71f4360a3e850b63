"""A hundred thousand devices, read from a directory on loopback by the real client."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from tempfile import mkdtemp

from django.test import override_settings

from accounts.queries import local_day
from kitting.devices.models import Device
from kitting.directory.client import Directory
from kitting.directory.models import DirectoryDevice, DirectoryLook
from kitting.directory.queries import access, counts
from kitting.directory.tasks import look_on
from tests.bench import measure
from tests.bench.measure import seconds
from tests.directory.fake import Running, a_device, write_key
from tests.factories import NOW

DEVICES = int(os.environ.get("BENCH_DEVICES", "100000"))
OURS = DEVICES // 10
ABOUT = f"""\
{DEVICES:,} devices, {OURS:,} of them Kitto's, in pages of 300: signed in, fetched, judged, compared and
written, one transaction a page. The directory runs in the same process, so that its work (building and sending the answers) is in
the figures; "fetched only" is the floor: the same client reads the same pages and keeps nothing. "Again" finds nothing different.
Memory is what the whole process came to hold at most, the directory's own {DEVICES:,} devices included."""


def memory() -> int:
    """Return the most memory this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def timed(act: object) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    act()  # type: ignore[operator]  # a function of this file
    return time.process_time() - cpu, time.perf_counter() - wall


def look() -> None:
    """Look at everything, however many rounds it takes."""
    DirectoryLook.objects.update(started_at=NOW, finished_at=NOW)
    held = look_on()
    while held is not None and DirectoryLook.objects.filter(state="running").exists():
        held = look_on()
    ended = DirectoryLook.objects.order_by("-pk")[0]
    assert (ended.state, ended.seen) == ("done", DEVICES), ended.problem


def find() -> list[str]:
    rows = []
    with Running() as fake:
        key = write_key(Path(mkdtemp(prefix="kitto-bench-")), fake)
        fake.put(*(a_device(n) for n in range(DEVICES)))
        Device.objects.bulk_create(
            [
                Device(serial_number=f"5CD{n:07d}", asset_tag=f"CB-{n:06d}", created_at=NOW)
                for n in range(OURS)
            ],
            batch_size=1000,
        )
        before = memory()
        way = {"DIRECTORY_KEY_FILE": str(key), "DIRECTORY_API_URL": fake.url}
        with override_settings(**way):
            rows.append(("fetched only", *map(seconds, timed(fetch)), memory() - before))
            rows.append(("first look", *map(seconds, timed(look)), memory() - before))
            rows.append(("again", *map(seconds, timed(look)), memory() - before))
            findings = timed(lambda: counts(local_day(NOW)))
            rows.append(("all findings counted", *map(seconds, findings), memory() - before))
    kept = DirectoryDevice.objects.count()
    linked = DirectoryDevice.objects.filter(device__isnull=False).count()
    head = ("What", "s CPU", "s passed", "MB more")
    said = (
        f"Kept: {kept:,} entries, {linked:,} of them found among Kitto's devices. Before the first"
        f" look the process held {before} MB."
    )
    return [measure.table(head, rows), said]


def fetch() -> None:
    with Directory(access()) as directory:
        token = ""
        while True:
            page = directory.page(token=token)
            token = page.next_token
            if not token:
                return


if __name__ == "__main__":
    measure.bench(name="directory", about=ABOUT, find=find)
