"""The machine is lost: a city is backed up while it works, and set up again elsewhere from the file."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults.production import production, say

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.production import Production, Walker
    from tests.faults.servers import Postgres

pytestmark = pytest.mark.faults
PEOPLE, EVENTS, PHOTOS, PRESSES = 2650, 24, 100, 60
KEY = "a key of the tests"
TABLES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
)


def contents(site: Production) -> dict[str, tuple[int, str]]:
    """Return of every table how many rows it has, and a digest of all of them."""
    digest = "SELECT count(*), coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '') FROM {} t"
    return {name: site.ask(digest.format(name))[0] for (name,) in site.ask(TABLES)}


def fill(site: Production) -> None:
    site.people("city", PEOPLE)
    site.tell(
        "INSERT INTO kitting_event (journey_id, number, kind, step_key, via, at, data)"
        " SELECT j.id, n, 'step_done', 'check-box', 'box', now() - n * interval '1 minute', '{}'"
        f" FROM kitting_journey j, generate_series(1, {EVENTS}) n"
    )
    for number in range(PHOTOS):
        photo = site.folder / "photos" / f"{number % 10}" / f"{number}.jpg"
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(os.urandom(500_000))


def back_up_while_people_press(site: Production, walkers: list[Walker], file: Path) -> float:
    """Back up while everybody presses, and return how long that took (seconds)."""
    site.start("web")
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        work = pool.submit(site.run, "manage.py", "backup", "--output", str(file))
        answers = [site.press(w, w.steps[0], key="while it is backed up") for w in walkers]
        assert "sealed" in work.result()
        took = time.monotonic() - began
    assert {one.status for one in answers} == {302}
    site.kill("web")
    return took


def set_up_again(new: Production, file: Path, walker: Walker) -> tuple[float, float]:
    """Restore and start; return the seconds until the data was there and until a page came."""
    began = time.monotonic()
    assert "checked table by table" in new.run("manage.py", "restore", str(file))
    restored = time.monotonic() - began
    new.start("web")
    assert new.get(f"/j/{walker.journey}/", cookie=walker.cookie).status == 200
    return restored, time.monotonic() - began


def photos(site: Production) -> int:
    return sum(one.is_file() for one in (site.folder / "photos").rglob("*"))


def test_a_lost_machine_is_set_up_again_from_the_file(
    site: Production, cluster: Postgres, static: Path, tmp_path: Path
) -> None:
    fill(site)
    walkers, file = site.walkers(PRESSES), tmp_path / "kitto.backup"
    site.more["BACKUP_KEY"] = KEY
    took = back_up_while_people_press(site, walkers, file)
    # What came after a backup is what would be lost: here nothing, so that all can be compared.
    site.run("manage.py", "backup", "--output", str(file))
    held = contents(site)
    (tmp_path / "new").mkdir()
    with (
        cluster.database(f"restored_{os.getpid()}") as url,
        production(tmp_path / "new", url, site.broker, static, BACKUP_KEY=KEY) as new,
    ):
        new.key = site.key
        restored, back = set_up_again(new, file, walkers[0])
        assert (contents(new), photos(new)) == (held, PHOTOS)
    rows = sum(count for count, _digest in held.values())
    say(
        f"{PEOPLE:,} people, {rows:,} rows of {len(held)} tables, {PHOTOS} photos: backed up in {took:.1f} s while"
        f" {PRESSES} presses were all taken, {file.stat().st_size / 1e6:.0f} MB sealed; restored elsewhere in {restored:.1f} s,"
        f" the first page after {back:.1f} s, every table equal by count and content"
    )
