from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.urls import resolve

from accounts.models import Department
from kitting.devices.models import BoxCode, Device
from kitting.devices.states import DeviceState
from kitting.lib.codes import parse, shown
from kitting.site.models import SiteProfile, Variable
from tests.factories import (
    NOW,
    BureauFactory,
    DepartmentFactory,
    DeviceFactory,
    LoanFactory,
    PlaceFactory,
    UserFactory,
)
from tests.labels.printing import read_codes, read_text

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://kitto.example.lg.jp"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "labels.pdf"


def run(output: Path, **options: object) -> str:
    said = StringIO()
    call_command("labels", output=output, stdout=said, **options)
    return said.getvalue()


def lend(bureau: str, section: str, place: str, **device: str) -> Device:
    department = Department.objects.filter(name=section).first() or DepartmentFactory.create(
        name=section, parent=BureauFactory.create(name=bureau)
    )
    person = UserFactory.create(department=department, place=PlaceFactory.create(name=place))
    return LoanFactory.create(person=person, device=DeviceFactory.create(**device)).device


def codes_in(path: Path) -> set[str]:
    return {parse(address) for address in read_codes(path.read_bytes())}


def test_every_box_gets_a_pair_of_labels_with_its_own_code(output):
    devices = {DeviceFactory.create().code for _ in range(30)}
    run(output)
    for path in (output, output.with_name("labels-device.pdf")):
        addresses = read_codes(path.read_bytes())
        assert {parse(address) for address in addresses} == devices
        assert {urlsplit(address).netloc for address in addresses} == {"KITTO.EXAMPLE.LG.JP"}


def test_every_printed_address_opens_the_page_of_its_box(output, client):
    devices = {lend("こども部", "保育課", f"第{n}保育所").code for n in range(4)}
    run(output, kind="box")
    paths = [urlsplit(address).path for address in read_codes(output.read_bytes())]
    assert {parse(resolve(path).kwargs["code"]) for path in paths} == devices
    assert {resolve(path).view_name for path in paths} == {"journeys:box"}
    for path in paths:
        page = client.get(path)
        assert page.status_code == 200
        assert shown(parse(path)) in page.content.decode()


def test_a_label_says_where_the_box_goes_and_nothing_about_the_person(output):
    device = lend("総務部", "総務課", "本庁舎", asset_tag="CB-000123")
    Variable.objects.create(key="it_name", example="例", value="情報政策課")
    Variable.objects.create(key="it_phone", example="例", value="内線 1234")
    run(output)
    text = read_text(output.read_bytes())
    person = device.loans.get().person
    for expected in ("総務部 総務課", "本庁舎", "CB-000123", "情報政策課 内線 1234"):
        assert expected in text
    for secret in (person.name, person.staff_number, device.serial_number):
        assert secret not in text


def test_labels_come_by_place_department_carton_and_tag(output):
    first = lend("甲部", "甲課", "東館", carton="C2", asset_tag="CB-3")
    place, department = first.loans.get().place, first.loans.get().department
    others = [("C1", "CB-2"), ("C1", "CB-1")]
    for carton, tag in others:
        person = UserFactory.create(department=department, place=place)
        LoanFactory.create(
            person=person, device=DeviceFactory.create(carton=carton, asset_tag=tag)
        )
    DeviceFactory.create(asset_tag="CB-0")  # in stock
    lend("乙部", "乙課", "西館", asset_tag="CB-4")
    run(output, kind="device")
    text = read_text(output.read_bytes())
    order = sorted((f"CB-{n}" for n in range(5)), key=lambda tag: text.index(f"\n{tag}"))
    assert order == ["CB-1", "CB-2", "CB-3", "CB-4", "CB-0"]


def test_a_department_is_printed_with_all_below_it(output):
    mine = lend("こども部", "保育課", "第一保育所")
    lend("総務部", "総務課", "本庁舎")
    for name in ("保育課", "こども部", "こども部　保育課"):
        run(output, department=name)
        assert codes_in(output) == {mine.code}


def test_a_place_is_printed_alone(output):
    mine = lend("こども部", "保育課", "第一保育所")
    lend("総務部", "総務課", "本庁舎")
    run(output, place="第一保育所")
    assert codes_in(output) == {mine.code}


def test_an_unknown_department_is_answered_with_near_names(output):
    lend("こども部", "保育課", "第一保育所")
    with pytest.raises(CommandError, match="こども部 保育課"):
        run(output, department="保育")
    assert not output.exists()


def test_retired_devices_and_devices_without_code_get_no_label(output):
    kept = DeviceFactory.create()
    DeviceFactory.create(state=DeviceState.RETIRED)
    DeviceFactory.create(code=None)
    run(output)
    assert codes_in(output) == {kept.code}


def test_printing_is_noted_on_the_codes(output):
    mine = lend("こども部", "保育課", "第一保育所")
    other = lend("総務部", "総務課", "本庁舎")
    run(output, department="保育課")
    assert BoxCode.objects.get(code=mine.code).printed_at is not None
    assert BoxCode.objects.get(code=other.code).printed_at is None


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8000",
        "http://localhost:8000",
        "http://[::1]:8000",
        "https://city.example.lg.jp/kitto",
        "https://きっと.example.jp",
    ],
)
def test_an_address_that_leads_nowhere_is_refused(output, settings, address):
    settings.SITE_URL = address
    DeviceFactory.create()
    with pytest.raises(CommandError, match=address.split("//")[1][:5]):
        run(output)
    assert list(output.parent.iterdir()) == []
    assert not BoxCode.objects.filter(printed_at__isnull=False).exists()


def test_words_that_are_still_examples_are_refused_by_name(output):
    DeviceFactory.create()
    Variable.objects.create(key="it_phone", example="内線 1234")
    with pytest.raises(CommandError, match="it_phone"):
        run(output)


def test_the_demo_prints_samples_for_any_address(output, settings):
    settings.SITE_URL = "http://127.0.0.1:8000"
    SiteProfile.objects.create(demo_seeded_at=NOW)
    Variable.objects.create(key="it_phone", example="内線 1234")
    device = DeviceFactory.create()
    run(output)
    assert codes_in(output) == {device.code}
    assert any(word in read_text(output.read_bytes()) for word in ("見本", "Sample"))


def test_real_labels_carry_no_watermark(output):
    DeviceFactory.create()
    run(output)
    assert not any(word in read_text(output.read_bytes()) for word in ("見本", "Sample"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sheet": "a4-44-48x25"}, "a4-12-86x42"),
        ({"sheet": "a4-12"}, "a4-12-86x42"),
        ({"start": 13}, "12"),
        ({"place": "どこか"}, "どこか"),
    ],
)
def test_what_cannot_be_printed_is_said_in_a_sentence_and_leaves_no_file(output, options, said):
    DeviceFactory.create()
    with pytest.raises(CommandError, match=said):
        run(output, **options)
    assert list(output.parent.iterdir()) == []


def test_no_boxes_are_said_too(output):
    with pytest.raises(CommandError):
        run(output)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    DeviceFactory.create()
    with pytest.raises(CommandError, match="nowhere"):
        run(tmp_path / "nowhere" / "labels.pdf")


def test_a_character_the_font_lacks_is_named_with_its_box(output):
    lend("総務部", "𠮷野支所", "本庁舎", asset_tag="CB-000777")
    with pytest.raises(CommandError, match=r"CB-000777: 𠮷 \(U\+20BB7\)"):
        run(output)


def test_the_files_and_their_paper_are_named(output):
    DeviceFactory.create()
    said = run(output)
    assert str(output) in said
    assert "labels-device.pdf" in said
    assert "86.4" in said
    assert "48.3" in said


def test_a_used_sheet_and_another_paper_can_be_chosen(output):
    devices = {DeviceFactory.create().code for _ in range(3)}
    said = run(output, kind="box", sheet="a4-8-99x68", start=7)
    assert codes_in(output) == devices
    assert "99.1" in said


def test_codes_for_devices_to_come_are_made_and_printed_alone(output):
    DeviceFactory.create()
    run(output, blank=3)
    waiting = BoxCode.objects.filter(device__isnull=True, printed_at__isnull=False)
    assert codes_in(output) == set(waiting.values_list("code", flat=True))
    assert waiting.count() == 3


def test_codes_are_not_made_where_they_cannot_be_printed(output, settings):
    settings.SITE_URL = "http://127.0.0.1:8000"
    with pytest.raises(CommandError):
        run(output, blank=3)
    assert not BoxCode.objects.exists()
