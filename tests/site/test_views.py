"""What the settings page and the reading preferences promise."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import translation

from accounts.states import Role
from kitting.guides.actions import load_guide
from kitting.site.models import Flag, SiteProfile, Variable
from kitting.site.queries import examples_left, flags, words
from tests.factories import GrantFactory, UserFactory, shipped_guide

pytestmark = pytest.mark.django_db

SETTINGS = "/settings/"


@pytest.fixture
def _guide(now):
    load_guide(draft=shipped_guide(), now=now, publish=True)


def signed_in(role: Role | None = None) -> Client:
    person = UserFactory.create(language="en")
    if role:
        GrantFactory.create(person=person, role=role)
    client = Client()
    client.force_login(person)
    return client


def typed(**changes: object) -> dict[str, object]:
    """Return the form as the page shows it, with changes."""
    page = {
        "service_name": "きっと",
        "section_word": "",
        "lead_word": "",
        "holidays_country": "JP",
        "box_entry_allowed": "on",
    }
    for flag in Flag.objects.all():
        page[f"flag_{flag.key}"] = flag.value
    for variable in Variable.objects.filter(source="site"):
        page[f"word_{variable.key}"] = variable.value
        page[f"word_{variable.key}_en"] = variable.value_en
    return {**page, **changes}


# --- settings ------------------------------------------------------------------------------------


def test_strangers_are_asked_to_sign_in():
    response = Client().get(SETTINGS)
    assert response.status_code == 302
    assert "next=/settings/" in response.headers["Location"]


@pytest.mark.parametrize("role", [None, Role.DESK, Role.AUDITOR])
def test_others_than_it_find_no_such_page(role):
    client = signed_in(role)
    assert client.get(SETTINGS).status_code == 404
    assert client.post(SETTINGS, typed()).status_code == 404


@pytest.mark.usefixtures("_guide")
def test_it_may_look_but_not_change():
    client = signed_in(Role.IT)
    page = client.get(SETTINGS)
    assert "Only the IT lead can change this page." in page.content.decode()
    assert client.post(SETTINGS, typed(service_name="X")).status_code == 403
    assert not SiteProfile.objects.filter(service_name="X").exists()


@pytest.mark.usefixtures("_guide")
def test_the_page_lists_what_is_still_an_example_and_leads_there():
    text = signed_in(Role.IT_LEAD).get(SETTINGS).content.decode()
    assert "13 words are still examples" in text
    links = re.findall(r'href="#(id_word_\w+)"', text)
    assert links == [f"id_word_{v.key}" for v in examples_left()]
    assert all(f'id="{link}"' in text for link in links)


@pytest.mark.usefixtures("_guide")
def test_words_and_switches_are_saved():
    client = signed_in(Role.IT_LEAD)
    response = client.post(
        SETTINGS,
        typed(
            service_name="そよかぜ",
            holidays_country="de",
            word_it_name="情シス",
            word_it_name_en="IT team",
            flag_keyboard="us",
            leads_see_minutes="on",
        ),
        follow=True,
    )
    assert response.redirect_chain == [(SETTINGS, 302)]
    assert "12 words are still examples" in response.content.decode()
    profile = SiteProfile.objects.get()
    assert (profile.service_name, profile.holidays_country) == ("そよかぜ", "DE")
    assert profile.leads_see_minutes
    assert words(language="en")["it_name"] == "IT team"
    assert flags()["keyboard"] == "us"
    assert flags()["sso"] == "google"


@pytest.mark.usefixtures("_guide")
def test_a_mistake_keeps_what_was_typed_and_saves_nothing():
    client = signed_in(Role.IT_LEAD)
    response = client.post(
        SETTINGS, typed(holidays_country="XX", word_it_name="情シス", service_name="新しい名前")
    )
    text = response.content.decode()
    assert response.status_code == 422
    assert 'value="情シス"' in text
    assert 'value="新しい名前"' in text
    assert "The holidays of this country are not known." in text
    assert not Variable.objects.exclude(value="").exists()
    assert not SiteProfile.objects.filter(service_name="新しい名前").exists()


@pytest.mark.usefixtures("_guide")
def test_a_value_a_switch_never_has_is_refused():
    client = signed_in(Role.IT_LEAD)
    assert client.post(SETTINGS, typed(flag_keyboard="de")).status_code == 422
    assert flags()["keyboard"] == "jis"


@pytest.mark.usefixtures("_guide")
def test_words_of_the_device_are_not_asked_for():
    text = signed_in(Role.IT_LEAD).get(SETTINGS).content.decode()
    assert "word_asset_tag" not in text
    assert "word_minutes_used" not in text


@pytest.mark.usefixtures("_guide")
def test_words_from_the_lead_are_escaped():
    client = signed_in(Role.IT_LEAD)
    client.post(SETTINGS, typed(word_it_name="<script>x</script>"))
    assert "<script>x" not in client.get(SETTINGS).content.decode()


@pytest.mark.usefixtures("_guide")
def test_every_switch_of_the_shipped_guide_is_named_in_words():
    with translation.override("en"):
        text = signed_in(Role.IT_LEAD).get(SETTINGS).content.decode()
    labels = re.findall(r'<label for="id_flag_\w+">(.*?)</label>', text)
    assert len(labels) == 15
    options = re.findall(r"<option value=\"\w+\"[^>]*>(.*?)</option>", text)
    assert not [
        shown for shown in [*labels, *options] if "_" in shown or shown in {"true", "false"}
    ]


@pytest.mark.usefixtures("_guide")
def test_the_page_asks_few_questions(django_assert_max_num_queries):
    client = signed_in(Role.IT_LEAD)
    with django_assert_max_num_queries(8):
        client.get(SETTINGS)


# --- reading -------------------------------------------------------------------------------------


def shown(client: Client) -> str:
    found = re.search(r"<html[^>]*>", client.get("/no/such/page").content.decode())
    return found[0] if found else ""


def test_reading_survives_for_somebody_unknown():
    client = Client()
    response = client.post(
        "/reading/", {"theme": "dark", "text": "xl", "ruby": "6", "next": "/x"}
    )
    assert (response.status_code, response.headers["Location"]) == (302, "/x")
    html = shown(client)
    assert 'data-theme="dark"' in html
    assert 'data-text="xl"' in html
    assert 'data-ruby="6"' in html


def test_reading_follows_the_person_to_another_browser():
    person = UserFactory.create()
    client, other = Client(), Client()
    client.force_login(person)
    other.force_login(person)
    client.post("/reading/", {"theme": "light", "text": "lg", "ruby": "6"})
    html = shown(other)
    assert 'data-theme="light"' in html
    assert 'data-text="lg"' in html
    assert "kitto_reading" not in client.cookies


def test_one_wish_leaves_the_others():
    client = Client()
    client.post("/reading/", {"theme": "dark", "text": "xl", "ruby": "6"})
    client.post("/reading/", {"text": "normal"})
    html = shown(client)
    assert 'data-theme="dark"' in html
    assert "data-text" not in html
    assert 'data-ruby="6"' in html


def test_the_usual_reading_can_be_had_back():
    client = Client()
    client.post("/reading/", {"theme": "dark", "text": "xl", "ruby": "6"})
    client.post("/reading/", {"theme": "system", "text": "normal", "ruby": "off"})
    assert "data-" not in shown(client)


def test_unknown_wishes_are_passed_over():
    client = Client()
    client.post("/reading/", {"theme": "dark"})
    client.post("/reading/", {"theme": "pink", "text": "<b>"})
    assert 'data-theme="dark"' in shown(client)


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:x", ""]
)
def test_nobody_is_sent_elsewhere(elsewhere):
    assert Client().post("/reading/", {"next": elsewhere}).headers["Location"] == "/"
    assert (
        Client().post("/language/", {"language": "en", "next": elsewhere}).headers["Location"]
        == "/"
    )


def test_reading_and_language_change_by_posting_only():
    assert Client().get("/reading/").status_code == 405
    assert Client().get("/language/").status_code == 405


# --- language ------------------------------------------------------------------------------------


def test_the_language_stays_in_the_browser():
    client = Client()
    response = client.post("/language/", {"language": "en", "next": "/accounts/login/"})
    assert response.headers["Location"] == "/accounts/login/"
    assert 'lang="en"' in shown(client)
    client.post("/language/", {"language": "ja"})
    assert 'lang="ja"' in shown(client)


def test_the_language_follows_the_person():
    person = UserFactory.create(language="ja")
    client = Client()
    client.force_login(person)
    client.post("/language/", {"language": "en"})
    person.refresh_from_db()
    assert person.language == "en"


def test_an_unknown_language_changes_nothing():
    person = UserFactory.create(language="ja")
    client = Client()
    client.force_login(person)
    client.post("/language/", {"language": "xx"})
    person.refresh_from_db()
    assert person.language == "ja"
