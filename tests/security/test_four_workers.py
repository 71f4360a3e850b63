"""Limits hold over four real worker processes, and a whole city behind one address is let in.

`make test-faults ARGS="-k four_workers -s"` shows the figures; on PostgreSQL where `DATABASE_URL` says so.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import requests

from tests.runtime.serving import GIVE_UP_SECONDS, ROOT, Site, own_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.faults
WORKERS, AT_ONCE, WRONG, EVALUATED_MOST, CITY = 4, 16, 300, 10, 2650
TOKEN = re.compile(r'csrfmiddlewaretoken" value="(\w+)"')
CODE = re.compile(r"\b\d{4}-\d{4}\b")


@dataclass
class Office:
    """A site that four processes answer for, and who belongs to it."""

    site: Site
    people: list[tuple[str, str, str]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.site.port}"

    def count(self, action: str) -> int:
        sql = f"SELECT count(*) FROM accounts_auditentry WHERE action = '{action}'"
        return int(self.site.ask(sql)[0][0])

    def code_of(self, email: str) -> str:
        sql = f"SELECT body FROM kitting_notice WHERE address = '{email}' ORDER BY id DESC"
        found = CODE.search(self.site.ask(sql)[0][0])
        assert found
        return found[0]

    def answers(self) -> bool:
        with suppress(URLError, OSError), urlopen(f"{self.url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False


@contextmanager
def office(folder: Path, people: int) -> Iterator[Office]:
    with own_database(folder) as url:
        site = Site(folder=folder, database_url=url)
        environment = {
            **site.environment,
            "REDIS_URL": "",
            "BIND": f"127.0.0.1:{site.port}",
            "WEB_WORKERS": str(WORKERS),
            "TMPDIR": str(folder),
            "VENV": sys.prefix,
        }
        seed = [sys.executable, "-m", "tests.security.seed", str(people)]
        said = subprocess.run(seed, cwd=ROOT, env=environment, capture_output=True, check=True)
        found = Office(
            site, [(a, b, c) for a, b, c in json.loads(said.stdout.splitlines()[-1])]
        )
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                ["deploy/start", "web"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            end = time.monotonic() + GIVE_UP_SECONDS
            while not found.answers():
                assert time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.1)
            yield found
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def say(line: str) -> None:
    """Show a figure: pytest keeps it back unless it is asked (`-s`)."""
    sys.stdout.write(f"{line}\n")


def at_once(what: Callable[[int], Any], times: int) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(what, range(times)))


def send(
    browser: requests.Session, page: str, address: str, **values: str
) -> requests.Response:
    """Open a page, fill its form and send it as a browser does."""
    token = TOKEN.search(browser.get(page, timeout=60).text)
    assert token, page
    values["csrfmiddlewaretoken"] = token[1]
    return browser.post(address, values, timeout=60, allow_redirects=False)


def asked_for_code(here: Office, email: str) -> requests.Session:
    browser = requests.Session()
    answer = send(
        browser, f"{here.url}/accounts/login/", f"{here.url}/accounts/login/", email=email
    )
    assert answer.status_code == 302
    return browser


def test_of_three_hundred_wrong_secrets_at_most_ten_are_looked_at(tmp_path: Path) -> None:
    with office(tmp_path, 1) as here:
        email, _number, code = here.people[0]
        box, confirm = f"{here.url}/d/{code}", f"{here.url}/accounts/login/code/confirm/"
        browsers = [asked_for_code(here, email) for _n in range(5)]
        token = TOKEN.search(browsers[0].get(confirm, timeout=60).text)
        assert token

        def guess_a_number(n: int) -> int:
            return send(
                requests.Session(), box, f"{box}/begin", staff_number=f"9{n}"
            ).status_code

        def guess_a_code(n: int) -> int:
            browser = browsers[n % len(browsers)]
            jar = dict(browser.cookies)
            said = {"code": f"{n:08d}", "csrfmiddlewaretoken": jar["csrftoken"]}
            return requests.post(
                confirm, said, cookies=jar, timeout=60, allow_redirects=False
            ).status_code

        assert 200 not in at_once(guess_a_number, WRONG)
        assert 0 < here.count("box.refused") <= EVALUATED_MOST
        at_once(guess_a_code, WRONG)
        assert 0 < here.count("sign_in.refused") <= EVALUATED_MOST
        assert here.count("sign_in.done") == 0
        say(
            f"\nlooked at: {here.count('box.refused')} numbers, {here.count('sign_in.refused')} codes"
        )


def test_a_whole_city_behind_one_address_comes_in_by_mail_and_by_box(tmp_path: Path) -> None:
    people = int(os.environ.get("KITTO_CITY", CITY))
    with office(tmp_path, people) as here:

        def by_mail(n: int) -> bool:
            email = here.people[n][0]
            browser, confirm = (
                asked_for_code(here, email),
                f"{here.url}/accounts/login/code/confirm/",
            )
            answer = send(browser, confirm, confirm, code=here.code_of(email))
            return answer.status_code == 302 and "login" not in answer.headers["Location"]

        def by_box(n: int) -> bool:
            _email, number, code = here.people[n]
            box = f"{here.url}/d/{code}"
            answer = send(requests.Session(), box, f"{box}/begin", staff_number=number)
            return answer.status_code == 302 and "/j/" in answer.headers["Location"]

        for way in (by_mail, by_box):
            began = time.monotonic()
            came_in = at_once(way, people)
            say(
                f"\n{way.__name__}: {sum(came_in)} of {people} in {time.monotonic() - began:.0f} s"
            )
            assert came_in.count(False) == 0
        assert here.count("sign_in.done") == people
