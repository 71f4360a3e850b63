"""The board as pages: whose it is, what it costs, and how it stays fresh."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.queries import Rights
from accounts.states import Role
from kitting.dashboard.queries import NO_FILTERS, Filters
from kitting.dashboard.views.kept import Look
from kitting.escalation.actions.asking import report
from kitting.escalation.actions.counting import recount
from kitting.escalation.actions.helping import resolve, take
from kitting.escalation.models import Ticket, TicketEntry
from kitting.escalation.states import TicketKind
from kitting.journeys.actions import begin
from kitting.journeys.actions.loans import close_journeys
from kitting.journeys.models import Event, Journey
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import CloseReason
from kitting.rollout.actions import RolloutValues, save_rollout
from kitting.site.models import SiteProfile
from tests.escalation.town import BY_BOX, Town, ask, at, finish, finish_all
from tests.factories import DepartmentFactory, LoanFactory, UserFactory, WaveFactory

pytestmark = pytest.mark.django_db

TEN = at("11-10 10:00")
BOARD = "/dashboard/"


@pytest.fixture(autouse=True)
def _profile(db: None) -> None:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)


def client_of(person=None) -> Client:
    client = Client(headers={"accept-language": "ja"})
    if person:
        client.force_login(person)
    return client


def text(response) -> str:
    words = re.sub(
        r"<script.*?</script>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL
    )
    return re.sub(r"\s+", " ", words)


def department_url(department) -> str:
    return reverse("dashboard:department", args=[department.pk])


@pytest.mark.parametrize("url", [BOARD, "/dashboard/departments/1/"])
def test_a_stranger_is_asked_to_sign_in_and_an_employee_finds_nothing(town, url):
    journey = town.begun(when=TEN)
    box = client_of()
    session = box.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    for client in (client_of(), box):
        response = client.get(url)
        assert response.status_code == 302
        assert "/accounts/login/" in response.headers["Location"]
    assert client_of(journey.person).get(url).status_code == 404


def test_it_sees_the_whole_city_and_a_lead_the_own_people(town: Town):
    for make in (town.person, town.teacher):
        finish_all(town.begun(make(), when=TEN), now=TEN)
        town.journey(make())
    whole = text(client_of(town.it).get(BOARD))
    assert town.department.name in whole
    assert town.nursery_department.name in whole
    own = text(client_of(town.lead).get(BOARD))
    assert town.department.name in own
    assert town.nursery_department.name not in own


def test_a_lead_opens_own_departments_only(town: Town):
    mine = town.begun(when=TEN)
    others = town.begun(town.teacher(), when=TEN)
    client = client_of(town.lead)
    assert mine.person.name in text(client.get(department_url(town.department)))
    assert client.get(department_url(town.nursery_department)).status_code == 404
    assert others.person.name in text(
        client_of(town.nursery_lead).get(department_url(town.nursery_department))
    )
    assert client_of(town.it).get("/dashboard/departments/0/").status_code == 404


def test_a_lead_sees_since_when_only_where_the_site_says_so(town: Town):
    town.begun(when=TEN)
    url = department_url(town.department)
    since = "11/10 10:00 から"
    assert since in text(client_of(town.it).get(url))
    assert since not in text(client_of(town.lead).get(url))
    SiteProfile.objects.update(leads_see_minutes=True)
    assert since in text(client_of(town.lead).get(url))


def test_it_may_open_a_department_where_nobody_has_a_device_yet(town: Town):
    empty = DepartmentFactory.create()
    assert client_of(town.it).get(department_url(empty)).status_code == 200
    assert client_of(town.lead).get(department_url(empty)).status_code == 404


def test_the_board_of_a_town_without_devices_says_what_comes_first(town: Town):
    page = client_of(town.it).get(BOARD).content.decode()
    assert 'class="btn btn-main" href="/imports/"' in page
    lead = client_of(town.lead).get(BOARD)
    assert "まだ端末がありません" in text(lead)
    assert "/imports/" not in lead.content.decode()


def test_the_board_is_drawn_with_and_without_a_plan(town: Town):
    town.begun(when=TEN)
    client = client_of(town.it)
    assert client.get(BOARD).status_code == 200
    town.journey(wave=WaveFactory.create())
    assert "<polyline" in client.get(BOARD).content.decode()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_board_speaks_both_languages(town, language):
    ask(town.begun(when=TEN), now=TEN)
    town.it.language = language
    town.it.save()
    client = client_of(town.it)
    for url in (BOARD, department_url(town.department)):
        assert f'lang="{language}"' in client.get(url).content.decode()


def test_a_page_of_the_board_shows_what_is_now(town: Town):
    client = client_of(town.it)
    journey = town.begun(when=TEN)
    assert journey.person.name not in text(client.get(BOARD))
    ask(journey, now=TEN)
    assert journey.person.name in text(client.get(BOARD))


def test_the_part_that_is_asked_for_every_minute_is_counted_once_for_all(
    town, django_assert_max_num_queries
):
    ask(town.begun(when=TEN), now=TEN)
    url = f"{BOARD}?part=1"
    first = client_of(town.it).get(url)
    assert "<html" not in first.content.decode()
    colleague = client_of(town.it_lead)
    with django_assert_max_num_queries(4):
        again = colleague.get(url)
    assert again.content == first.content


def test_where_the_clock_was_moved_nothing_kept_is_shown(town, settings):
    settings.DEBUG = True
    url = f"{BOARD}?part=1"
    client = client_of(town.it)
    first = client.get(url)
    SiteProfile.objects.update(demo_seeded_at=TEN, clock_offset=timedelta(hours=1))
    assert client.get(url).content != first.content


def test_nothing_new_is_said_in_few_bytes(town: Town):
    ask(town.begun(when=TEN), now=TEN)
    client = client_of(town.it)
    url = f"{BOARD}?part=1"
    etag = client.get(url).headers["ETag"]
    same = client.get(url, headers={"if-none-match": etag})
    assert (same.status_code, same.content) == (304, b"")
    assert client.get(url, headers={"if-none-match": '"other"'}).status_code == 200


def test_a_kept_board_is_never_shown_to_somebody_else(town: Town):
    mine = ask(town.begun(town.person(name="小池 健太"), when=TEN), now=TEN)
    url = f"{BOARD}?part=1"
    assert mine.journey.person.name in text(client_of(town.it).get(url))
    assert mine.journey.person.name not in text(client_of(town.nursery_lead).get(url))
    town.it_lead.language = "en"
    town.it_lead.save()
    english = client_of(town.it_lead).get(url).content.decode()
    assert "Waiting longest" in english
    stranger = client_of(UserFactory.create()).get(url)
    assert stranger.status_code == 404


def test_looking_at_the_board_writes_nothing(town: Town):
    ask(town.begun(when=TEN), now=TEN)

    def everything():
        return [
            list(model._default_manager.order_by("pk").values_list())
            for model in (Ticket, TicketEntry, Journey, Event)
        ]

    before = everything()
    for person in (town.it, town.lead):
        for url in (BOARD, f"{BOARD}?part=1", department_url(town.department)):
            assert client_of(person).get(url).status_code == 200
    assert everything() == before


@pytest.mark.parametrize("number", [1, 8])
def test_the_pages_cost_the_same_whatever_they_show(town, number, django_assert_num_queries):
    for _ in range(number):
        ask(town.begun(when=TEN), choice="trouble-1", now=TEN)
        town.journey(UserFactory.create(place=town.office))
    client = client_of(town.it)
    for url, queries in ((BOARD, 4), (department_url(town.department), 10)):
        client.get(url)
        with django_assert_num_queries(queries):
            client.get(url)


def test_the_menu_says_on_the_board_what_it_says_everywhere(town: Town):
    ask(town.begun(when=TEN), now=TEN)
    ask(finish_all(town.begun(when=TEN), now=TEN), now=TEN)
    ask(town.begun(town.teacher(), when=TEN), now=TEN)
    report(
        device=town.journey().loan.device, kind=TicketKind.LOSS, words="", client="a", now=TEN
    )
    resolve(ticket=ask(town.begun(when=TEN), now=TEN), by=town.it, words="", now=TEN)
    over = town.begun(when=TEN)
    ask(over, now=TEN)
    close_journeys([over], reason=CloseReason.LOAN_ENDED, now=TEN)
    for person, waiting in ((town.it, 4), (town.lead, 3), (town.nursery_lead, 1)):
        for url in (BOARD, f"{BOARD}?bureau={town.department.parent_id}", "/counter/"):
            page = client_of(person).get(url).content.decode()
            badge = f'href="/tickets/">助けを待つ人<span class="badge">{waiting}</span>'
            assert badge in page, (person, url)


def test_a_row_that_is_kept_speaks_the_readers_language_and_follows_its_figures(town: Town):
    journey = town.begun(when=TEN)
    town.it_lead.language = "en"
    town.it_lead.save()
    english, said = client_of(town.it_lead), "ready 0, in progress 1, waiting 0, not started 0"
    assert said in text(english.get(BOARD))
    assert said not in text(client_of(town.it).get(BOARD))
    finish_all(journey, now=TEN)
    assert "ready 1, in progress 0, waiting 0, not started 0" in text(english.get(BOARD))


def test_where_nobody_waits_the_board_says_what_was_solved_today(town: Town, settings):
    settings.DEBUG = True
    SiteProfile.objects.update(demo_seeded_at=TEN, clock_offset=TEN - timezone.now())  # noqa: TID251  # pages read it
    yesterday = TEN - timedelta(days=1)
    for now in (yesterday, TEN - timedelta(minutes=30), TEN - timedelta(minutes=20)):
        resolve(ticket=ask(town.begun(when=now), now=now), by=town.it, words="", now=now)
    waits = ask(town.begun(town.teacher(), when=TEN), now=TEN)
    solved = "きょうは 2件を解決しました。さいごは 9:40 です。"
    assert solved not in text(client_of(town.it).get(BOARD))  # somebody waits
    assert solved in text(client_of(town.lead).get(BOARD))
    assert "解決しました" not in text(client_of(town.nursery_lead).get(BOARD))
    resolve(ticket=waits, by=town.it, words="", now=TEN)
    assert "3件を解決しました。さいごは 10:00" in text(client_of(town.it).get(BOARD))


def test_what_is_kept_for_all_holds_nothing_of_its_first_reader(town: Town):
    ask(town.begun(when=TEN), now=TEN)
    first, second = client_of(town.it).get(BOARD), client_of(town.it_lead).get(BOARD)
    mine, theirs = (page.content.decode() for page in (first, second))
    assert town.it.name in mine
    assert town.it_lead.name in theirs
    assert town.it.name not in theirs
    shared = theirs[theirs.index('data-poll="60"') : theirs.index("</main>")]
    assert shared in mine
    assert "csrf" not in shared


@pytest.mark.parametrize(
    "other",
    [
        {"rights": Rights(departments=frozenset({1}))},
        {"rights": Rights(roles=frozenset({Role.AUDITOR}))},
        {"filters": Filters(wave=1)},
        {"by_bureau": True},
        {"sees_minutes": False},
        {"language": "en"},
        {"country": "DE"},
        {"moved": timedelta(hours=1)},
        {"minutes_before": 45},
    ],
)
def test_whatever_a_board_depends_on_gives_it_another_name(other):
    look = Look(
        rights=Rights(roles=frozenset({Role.IT})),
        filters=NO_FILTERS,
        by_bureau=False,
        sees_minutes=True,
        language="ja",
        country="JP",
        moved=None,
        minutes_before=None,
    )
    assert replace(look, **other).key != look.key
    assert {*other} <= {one.name for one in fields(look)}
    assert replace(look, rights=Rights(1, frozenset({Role.IT_LEAD}))).key == look.key


@pytest.mark.parametrize("number", [1, 8])
def test_where_counts_are_kept_the_whole_page_costs_seven_statements(
    town, number, django_assert_num_queries, settings
):
    settings.BOARD_COUNTERS = True
    for _ in range(number):
        ask(town.begun(when=TEN), choice="trouble-1", now=TEN)
        town.journey(UserFactory.create(place=town.office))
    recount(mend=True)
    client = client_of(town.it)
    client.get(BOARD)
    ask(town.begun(when=TEN), now=TEN)
    # Something happened, so everything is counted: site and session, person, rights, what happened
    # last, counts, tickets, the queue.
    with django_assert_num_queries(7):
        page = client.get(BOARD)
    assert f'<span class="badge">{number + 1}</span>' in page.content.decode()
    with django_assert_num_queries(4):
        assert client.get(BOARD).status_code == 200


def test_a_page_is_drawn_anew_once_anything_happened_or_was_set_otherwise(town: Town):
    wave = WaveFactory.create(name="さいしょの回")
    client, journey = client_of(town.it), town.journey(wave=wave)

    def drawn() -> str:
        page = client.get(BOARD).content.decode()
        return page[page.index('data-poll="60"') : page.index("</main>")]

    seen = [drawn()]
    assert drawn() == seen[0]
    begin(journey_id=journey.pk, who=BY_BOX, now=TEN)
    seen.append(drawn())
    ticket = ask(journey, now=TEN)
    seen.append(drawn())
    take(ticket=ticket, by=town.it, now=TEN)
    seen.append(drawn())
    plan = wave.rollout
    values = RolloutValues(plan.name, plan.starts_on, plan.deadline_on + timedelta(days=30), 60)
    save_rollout(rollout=plan, values=values, by=town.it, now=TEN)
    seen.append(drawn())
    assert len(set(seen)) == len(seen)


# --- filters, and down to the person --------------------------------------------------------------


def test_filters_stand_in_the_address_and_can_be_taken_back(town: Town):
    for make in (town.person, town.teacher):
        town.begun(make(), when=TEN)
    client = client_of(town.it)
    url = f"{BOARD}?department={town.department.pk}"
    page = client.get(url)
    assert town.department.name in text(page)
    assert department_url(town.nursery_department) not in page.content.decode()
    assert "しぼりこみをやめる" in page.content.decode()
    # What nobody offers is as if it had not been asked.
    for nonsense in ("?department=x", "?department=999999", "?wave=-1", "?by=nothing"):
        assert (
            department_url(town.nursery_department)
            in client.get(f"{BOARD}{nonsense}").content.decode()
        )
    # The part asks for the same; what is kept for one address is not shown at another.
    assert f"department={town.department.pk}&amp;part=1" in page.content.decode()
    whole = client.get(f"{BOARD}?part=1").content
    assert client.get(f"{url}&part=1").content != whole


def test_a_lead_narrows_within_the_own_people_only(town: Town):
    for make in (town.person, town.teacher):
        town.begun(make(), when=TEN)
    client = client_of(town.lead)
    page = client.get(f"{BOARD}?department={town.nursery_department.pk}").content.decode()
    assert town.nursery_department.name not in page
    assert department_url(town.department) in page


def test_the_part_says_as_of_when_even_where_nothing_changed(town: Town):
    client = client_of(town.it)
    first = client.get(f"{BOARD}?part=1")
    same = client.get(f"{BOARD}?part=1", headers={"if-none-match": first.headers["ETag"]})
    assert same.status_code == 304
    assert unquote(same.headers["X-As-Of"]) in first.content.decode()
    assert "時点" in unquote(same.headers["X-As-Of"])


def test_each_level_is_one_press_away(town: Town):
    journey = town.begun(town.person(name="小池 健太"), when=TEN)
    finish_all(journey, now=TEN)
    ticket = ask(journey, now=TEN)
    client = client_of(town.it)
    bureau = town.department.parent
    assert bureau
    ways = (
        (f"{BOARD}?by=bureau", f"?bureau={bureau.pk}"),
        (f"{BOARD}?bureau={bureau.pk}", department_url(town.department)),
        (department_url(town.department), f"/dashboard/people/{journey.pk}/"),
        (f"/dashboard/people/{journey.pk}/", f"/tickets/{ticket.pk}/"),
        (f"/dashboard/people/{journey.pk}/", f"/dashboard/devices/{journey.loan.device_id}/"),
        (f"/dashboard/devices/{journey.loan.device_id}/", f"/dashboard/people/{journey.pk}/"),
        (f"/dashboard/people/{journey.pk}/", department_url(town.department)),
        (department_url(town.department), f"?bureau={bureau.pk}"),
    )
    town.journey(town.teacher())  # one bureau alone would be no choice
    for page, link in ways:
        assert f'{link}"' in client.get(page).content.decode(), (page, link)


def test_a_lead_reads_who_needs_help_and_no_minutes(town: Town):
    journey = finish_all(town.begun(when=TEN), now=TEN)
    person, device = (
        f"/dashboard/people/{journey.pk}/",
        f"/dashboard/devices/{journey.loan.device_id}/",
    )
    lead, it = client_of(town.lead), client_of(town.it)
    assert "作業した時間" in text(it.get(person))
    own = text(lead.get(person))
    assert journey.person.name in own
    assert "10:00" not in own
    assert "作業した時間" not in own
    assert "さいごまでかかる時間" not in text(lead.get(BOARD))
    SiteProfile.objects.update(leads_see_minutes=True)
    assert "作業した時間" in text(lead.get(person))
    for client in (client_of(town.nursery_lead), client_of(journey.person)):
        assert client.get(person).status_code == client.get(device).status_code == 404


def test_what_is_with_other_departments_does_not_exist_for_a_lead(town: Town):
    other = town.journey(town.teacher())
    own = town.journey(town.person())
    here = f"/dashboard/departments/{other.department_id}"
    lead = client_of(town.lead)
    pages = (
        *(f"{here}/", f"/dashboard/people/{other.pk}/"),
        f"/dashboard/devices/{other.loan.device_id}/",
    )
    taken = (f"{here}/people.csv", f"{here}/people.xlsx", f"{here}/register.pdf")
    for it_sees in (True, False):
        client = client_of(town.it) if it_sees else lead
        expected = 200 if it_sees else 404
        assert [client.get(url).status_code for url in pages] == [expected] * 3
        assert [client.post(url).status_code for url in taken] == [expected] * 3
    # A filter that names others narrows nothing and shows nobody of theirs.
    for asked in (f"department={other.department_id}", f"bureau={other.department.parent_id}"):
        shown = lead.get(f"{BOARD}?{asked}").content.decode()
        assert department_url(other.department) not in shown
        assert department_url(own.department) in shown


def test_a_device_tells_its_life_and_a_lead_only_what_was_with_own_people(town: Town):
    before = town.begun(town.teacher(name="前の 人"), when=TEN)
    device = before.loan.device
    report(device=device, kind=TicketKind.FOUND, words="", client="a", now=TEN)
    close_journeys([before], reason=CloseReason.LOAN_ENDED, now=TEN)
    before.loan.ended_at = TEN
    before.loan.save()
    town.journey(loan=LoanFactory.create(person=town.person(name="今の 人"), device=device))
    address = f"/dashboard/devices/{device.pk}/"
    whole, own = text(client_of(town.it).get(address)), text(client_of(town.lead).get(address))
    assert "前の 人" in whole
    assert "今の 人" in whole
    assert "前の 人" not in own
    assert "今の 人" in own
    assert device.serial_number not in whole + own
    assert client_of(town.nursery_lead).get(address).status_code == 404


def test_a_whole_serial_number_is_shown_to_it_and_written_down(town: Town):
    device = town.journey().loan.device
    shown = client_of(town.it).post(f"/helpdesk/devices/{device.pk}/serial")
    assert device.serial_number in text(shown)
    entry = AuditEntry.objects.get(action="device.serial_revealed")
    assert (entry.actor, entry.subject) == (town.it, str(device))
    assert client_of(town.lead).post(f"/helpdesk/devices/{device.pk}/serial").status_code == 404


@pytest.mark.parametrize("number", [1, 6])
def test_pages_below_the_board_cost_the_same_whatever_they_show(
    town, number, django_assert_num_queries
):
    journey = town.begun(when=TEN)
    for at_minute in range(number):
        moment = TEN + timedelta(minutes=at_minute)
        finish(journey, now=moment)
        ticket = ask(journey, now=moment)
        resolve(ticket=ticket, by=town.it, words="", now=moment)
    client = client_of(town.it)
    pages = (
        (f"/dashboard/people/{journey.pk}/", 12),
        (f"/dashboard/devices/{journey.loan.device_id}/", 8),
        ("/dashboard/insights/", 16),
    )
    for url, queries in pages:
        client.get(url)
        with django_assert_num_queries(queries):
            client.get(url)
