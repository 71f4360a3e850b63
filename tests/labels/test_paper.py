"""The sheet for the steps before sign-in, as it comes out of the printer."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pypdfium2
import pytest

from kitting.guides.actions import load_guide
from kitting.labels.actions.paper import print_papers
from kitting.labels.drawing import AddressError, ExamplesLeftError, NothingToPrintError
from kitting.labels.queries import papers_to_print
from kitting.site.models import Flag, SiteProfile, Variable
from tests.factories import (
    NOW,
    DeviceFactory,
    LoanFactory,
    PlaceFactory,
    UserFactory,
    shipped_guide,
)
from tests.labels.printing import read_codes

if TYPE_CHECKING:
    from kitting.labels.queries import PaperBox

pytestmark = pytest.mark.django_db

CODE = "K7M39QXP"
MM = 72 / 25.4
# Everything a site can switch on makes the longest sheet.
LONGEST = {
    "wifi_auth": "peap",
    "enrollment": "user_enrolls",
    "two_step": "code",
    "pin_allowed": "true",
    "fingerprint_allowed": "true",
}


@pytest.fixture(autouse=True)
def _city(settings):
    settings.SITE_URL = "https://kitto.example.lg.jp"
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    for variable in Variable.objects.all():
        Variable.objects.filter(pk=variable.pk).update(value=variable.example)
    device = DeviceFactory.create(code=CODE, asset_tag="CB-000123")
    place = PlaceFactory.create(wifi_name="hoiku-staff")
    person = UserFactory.create(name="小池 健太", staff_number="010203", place=place)
    LoanFactory.create(device=device, person=person, place=place)


def switch(values: dict[str, str]) -> None:
    for key, value in values.items():
        Flag.objects.filter(key=key).update(value=value)


def printed(language: str = "ja", boxes: list[PaperBox] | None = None) -> bytes:
    output = BytesIO()
    print_papers(
        boxes=papers_to_print(language=language) if boxes is None else boxes,
        language=language,
        profile=SiteProfile(),
        output=output,
    )
    return output.getvalue()


def read(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_range() for page in document]


def plain(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("flags", [{}, LONGEST], ids=["usual", "longest"])
def test_every_step_before_sign_in_stands_on_one_sheet(language, flags):
    switch(flags)
    [box] = papers_to_print(language=language)
    pages = read(printed(language))
    assert len(pages) == 2
    text = plain("".join(pages))
    assert len(box.view.steps) == 8
    for step in box.view.steps:
        for said in (step.title, *step.actions, step.done_when, step.troubles[0].attempt):
            assert plain(said) in text


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("flags", [{}, LONGEST], ids=["usual", "longest"])
def test_no_letter_leaves_the_paper_or_lies_on_the_code(language, flags):
    switch(flags)
    with pypdfium2.PdfDocument(printed(language)) as document:
        for number, page in enumerate(document):
            text = page.get_textpage()
            for index in range(text.count_chars()):
                if not text.get_text_range(index, 1).strip():
                    continue
                left, bottom, right, top = text.get_charbox(index)
                assert left >= 8 * MM
                assert right <= (210 - 8) * MM
                assert bottom >= 4 * MM
                on_code = right > (210 - 12 - 38) * MM and top > (297 - 12 - 36) * MM
                assert number > 0 or not on_code


def test_the_code_opens_this_box_and_no_other():
    assert read_codes(printed()) == [f"HTTPS://KITTO.EXAMPLE.LG.JP/D/{CODE}"]


def test_the_place_names_its_own_wifi_and_the_box_its_number():
    text = plain("".join(read(printed())))
    assert "「hoiku-staff」" in text
    assert "CB-000123" in text
    assert "K7M3-9QXP" in text


def test_nothing_of_the_person_and_no_password_is_printed():
    text = plain("".join(read(printed())))
    for secret in ("小池", "健太", "010203"):
        assert secret not in text
    assert "自分で書きます" in text
    assert "パスワードはこの紙に印刷しません" in text


def test_many_boxes_are_many_sheets_that_begin_on_a_front():
    for _ in range(3):
        LoanFactory.create(device=DeviceFactory.create())
    pdf = printed()
    assert len(read(pdf)) == 8
    assert len(set(read_codes(pdf))) == 4


def test_one_or_many_boxes_cost_the_same_queries(django_assert_max_num_queries):
    for _ in range(3):
        LoanFactory.create(device=DeviceFactory.create())
    papers_to_print(language="ja")
    with django_assert_max_num_queries(5):  # the last for the waves
        assert len(papers_to_print(language="ja")) == 4


def test_a_sheet_that_would_lead_nowhere_is_not_printed(settings):
    settings.SITE_URL = "http://127.0.0.1:8000"
    with pytest.raises(AddressError):
        printed()


def test_words_of_the_example_are_not_printed():
    Variable.objects.update(value="")
    with pytest.raises(ExamplesLeftError):
        printed()


def test_no_box_makes_no_file():
    with pytest.raises(NothingToPrintError):
        printed(boxes=[])


def test_the_demo_prints_with_a_mark():
    output = BytesIO()
    profile = SiteProfile(demo_seeded_at=NOW)
    boxes = papers_to_print(language="ja")
    print_papers(boxes=boxes, language="ja", profile=profile, output=output)
    assert all("見本" in page for page in read(output.getvalue()))


def test_a_browser_gets_the_sheet_of_its_box_in_its_language(client):
    response = client.get(f"/d/{CODE}/sheet.pdf", headers={"accept-language": "en"})
    assert response["Content-Type"] == "application/pdf"
    assert "Connect to Wi-Fi" in "".join(read(response.content))
    assert client.get("/d/AAAAAAAA/sheet.pdf").status_code == 404


def test_a_site_that_is_not_set_up_says_so_instead(client):
    Variable.objects.update(value="")
    response = client.get(f"/d/{CODE}/sheet.pdf", follow=True)
    assert response.redirect_chain[-1][0] == f"/d/{CODE}"
    assert "まだ印刷できません" in response.content.decode()
