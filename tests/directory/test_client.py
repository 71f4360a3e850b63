"""The real client against a directory on loopback that checks every signature."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kitting.directory.client import SCOPE_READ, SCOPE_WRITE, Access, Directory, DirectoryError
from kitting.directory.states import ChangeKind, Problem
from tests.directory.fake import Trick, a_device, access_to, devices, write_key


def problem_of(call):
    """Return what kind of trouble a call ends in."""
    with pytest.raises(DirectoryError) as raised:
        call()
    return raised.value.problem


def serials(page):
    return [device["serialNumber"] for device in page.devices]


# --- who asks ---


def test_only_the_own_key_opens_the_directory(fake, tmp_path):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    stolen = write_key(tmp_path, fake, private_key=other.decode())
    with Directory(access_to(fake, stolen)) as directory:
        assert problem_of(directory.page) == Problem.TOKEN_REFUSED
    assert "signature" in fake.refused[0].lower()
    assert fake.asked == []


def test_reading_asks_for_the_narrow_scope_and_writing_for_the_wide_one(fake, access):
    fake.put(a_device())
    for may_write, scope in ((False, SCOPE_READ), (True, SCOPE_WRITE)):
        with Directory(replace(access, may_write=may_write)) as directory:
            directory.page()
        assert [scope for scope, _until in fake.tokens.values()][-1] == scope


def test_the_narrow_scope_changes_nothing(fake, directory):
    fake.put(a_device(deviceId="a"))
    call = lambda: directory.change_status(["a"], ChangeKind.DISABLE)  # noqa: E731  # said where it is used
    assert problem_of(call) == Problem.FORBIDDEN
    assert fake.devices["a"]["status"] == "ACTIVE"


def test_a_scope_nobody_delegated_is_refused_in_so_many_words(fake, directory):
    fake.scopes = frozenset()
    assert problem_of(directory.page) == Problem.TOKEN_REFUSED


def test_an_administrator_google_does_not_know_is_refused(fake, access):
    with Directory(replace(access, subject="nobody@asahi.example.jp")) as directory:
        assert problem_of(directory.page) == Problem.TOKEN_REFUSED


def test_a_service_account_with_a_role_of_its_own_needs_no_administrator(fake, access):
    fake.put(a_device())
    with Directory(replace(access, subject="")) as directory:
        assert len(directory.page().devices) == 1


def test_a_token_that_ran_out_is_renewed_on_the_way(fake, directory):
    fake.put(a_device())
    directory.page()
    fake.tokens.clear()
    assert len(directory.page().devices) == 1
    assert len(fake.tokens) == 1


@pytest.mark.parametrize("text", ["", "{}", "[1]", "no key", '{"private_key": "x"}'])
def test_a_file_that_is_no_key_says_so_and_shows_nothing_of_itself(fake, tmp_path, text):
    path = tmp_path / "key.json"
    path.write_text(text)
    with Directory(access_to(fake, path)) as directory:
        assert problem_of(directory.page) == Problem.KEY_UNREADABLE


def test_no_part_of_a_key_is_in_an_error(fake, tmp_path):
    path = write_key(tmp_path, fake, private_key="-----BEGIN PRIVATE KEY-----\nTOPSECRET\n")
    with Directory(access_to(fake, path)) as directory, pytest.raises(DirectoryError) as raised:
        directory.page()
    assert "TOPSECRET" not in repr(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_no_key_is_no_crash(fake):
    with Directory(Access(key_file="")) as directory:
        assert problem_of(directory.page) == Problem.NOT_SET_UP
    with Directory(access_to(fake, "/nowhere/key.json")) as directory:
        assert problem_of(directory.page) == Problem.KEY_UNREADABLE


def test_neither_key_nor_token_goes_over_a_bare_line(fake, tmp_path):
    bare = write_key(tmp_path, fake, token_uri="http://accounts.example/token")
    with Directory(access_to(fake, bare)) as directory:
        assert problem_of(directory.page) == Problem.KEY_UNREADABLE
    good = write_key(tmp_path, fake)
    with Directory(access_to(fake, good, api_url="http://admin.example")) as directory:
        assert problem_of(directory.page) == Problem.KEY_UNREADABLE


# --- pages ---


def test_pages_of_three_hundred_lead_to_every_device_once(fake, directory):
    fake.put(*devices(range(1000)))
    found, token, sizes = [], "", []
    while True:
        page = directory.page(token=token)
        found += serials(page)
        sizes.append(len(page.devices))
        if not page.next_token:
            break
        token = page.next_token
    assert sizes == [300, 300, 300, 100]
    assert len(set(found)) == 1000


def test_nothing_is_an_empty_page(directory):
    page = directory.page()
    assert (page.devices, page.next_token) == ((), "")


def test_a_unit_and_those_below_can_be_asked_for_alone(fake, directory):
    fake.put(
        a_device(1, orgUnitPath="/職員"),
        a_device(2, orgUnitPath="/職員/課"),
        a_device(3, orgUnitPath="/学校"),
    )
    assert serials(directory.page(unit="/職員")) == ["5CD0000001", "5CD0000002"]


def test_the_newest_come_first_when_asked(fake, directory):
    fake.put(*devices([3, 1, 2]))
    assert serials(directory.page(newest_first=True))[0] == "5CD0000003"


def test_a_place_in_the_list_that_google_forgot_is_told_apart(fake, directory):
    fake.put(*devices(range(301)))
    token = directory.page().next_token
    fake.forget_places()
    assert problem_of(lambda: directory.page(token=token)) == Problem.TOKEN_EXPIRED


# --- one device ---


def test_a_search_that_finds_more_gives_only_the_very_number(fake, directory):
    fake.put(
        a_device(1, serialNumber="5CD1"),
        a_device(2, serialNumber="5CD10"),
        a_device(3, serialNumber="5cd1"),
        a_device(4, serialNumber="A5CD1"),
    )
    found = directory.find("5cd1")
    assert [device["deviceId"][:8] for device in found] == ["00000001", "00000003"]
    assert directory.find("5CD") == []
    assert directory.find("") == []


def test_a_search_reads_all_its_pages(fake, directory):
    fake.put(*devices(range(700)))
    assert len(directory.find("5CD0000650")) == 1


def test_an_id_cannot_lead_to_another_address(fake, directory):
    assert problem_of(lambda: directory.device("../users")) == Problem.NOT_FOUND
    assert ".." not in fake.asked[-1].path.replace("..%2F", "")


# --- changes ---


@pytest.fixture
def wide(access):
    with Directory(replace(access, may_write=True)) as opened:
        yield opened


def test_what_google_complains_of_comes_back_device_by_device(fake, wide):
    fake.put(*(a_device(n, deviceId=f"d{n}") for n in range(50)))
    fake.forbidden_ids = {"d7"}
    said = wide.change_status([f"d{n}" for n in range(50)], ChangeKind.DISABLE)
    assert said["d7"]
    assert [device_id for device_id, complaint in said.items() if complaint] == ["d7"]
    assert fake.devices["d8"]["status"] == "DISABLED"


@pytest.mark.parametrize("count", [0, 51])
def test_never_more_than_fifty_at_once(fake, wide, count):
    with pytest.raises(ValueError, match="ids at once"):
        wide.change_status([str(n) for n in range(count)], ChangeKind.DISABLE)
    assert fake.asked == []


def test_there_is_no_way_to_deprovision(wide):
    with pytest.raises(KeyError):
        wide.change_status(["a"], "deprovision")


def test_words_are_written_and_nothing_else(fake, wide):
    fake.put(a_device(1, deviceId="a"))
    wide.annotate("a", {"annotatedAssetId": "CB-000777"})
    assert fake.devices["a"]["annotatedAssetId"] == "CB-000777"
    assert fake.asked[-1].body == {"annotatedAssetId": "CB-000777"}


# --- when things go wrong ---


@pytest.mark.parametrize(
    ("trick", "problem"),
    [
        (Trick(429, retry_after="17"), Problem.QUOTA),
        (Trick(403, reason="quotaExceeded", retry_after="17"), Problem.QUOTA),
        (Trick(403, reason="userRateLimitExceeded", retry_after="17"), Problem.QUOTA),
        (Trick(503, retry_after="17"), Problem.AWAY),
        (Trick(403, reason="forbidden"), Problem.FORBIDDEN),
        (Trick(500), Problem.AWAY),
        (Trick(404), Problem.NOT_FOUND),
        (Trick(302), Problem.FORBIDDEN),
        (Trick(body=b"<html>proxy</html>"), Problem.BROKEN),
        (Trick(body=b""), Problem.BROKEN),
        (Trick(body=b"[]"), Problem.BROKEN),
        (Trick(body=b'{"chromeosdevices": {"a": 1}}'), Problem.BROKEN),
        (Trick(body=b'{"nextPageToken": 5}'), Problem.BROKEN),
        (Trick(body=b"[" * 100_000), Problem.BROKEN),
        (Trick(cut=True), Problem.BROKEN),
        (Trick(slow=0.8), Problem.AWAY),
        (Trick(drip=0.05), Problem.AWAY),
    ],
    ids=lambda v: "" if isinstance(v, Problem) else None,
)
def test_trouble_is_told_apart_and_the_next_request_is_well(fake, access, trick, problem):
    fake.put(*devices(range(20)))
    with Directory(replace(access, read_seconds=0.4, whole_seconds=0.4)) as directory:
        fake.tricks.append(trick)
        with pytest.raises(DirectoryError) as raised:
            directory.page()
        assert raised.value.problem == problem
        assert raised.value.retry_after == (17.0 if trick.retry_after else None)
        assert len(directory.page().devices) == 20


def test_a_place_for_tokens_that_is_away_is_no_refusal(fake, access):
    fake.put(a_device())
    fake.token_tricks.extend([Trick(503)] * 8)
    with Directory(access) as directory:
        assert problem_of(directory.page) == Problem.AWAY
    fake.token_tricks.clear()
    with Directory(access) as directory:
        assert len(directory.page().devices) == 1


def test_a_server_that_is_not_there_is_away(access):
    with Directory(replace(access, api_url="http://127.0.0.1:9")) as directory:
        assert problem_of(directory.page) == Problem.AWAY


def test_strange_devices_are_handed_on_to_be_judged(fake, directory):
    fake.tricks.append(Trick(body=json.dumps({"chromeosdevices": [None, 5, {}]}).encode()))
    assert directory.page().devices == (None, 5, {})
