"""Who waits, in which order, and what may be read of it by whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from accounts.queries import rights_of
from kitting.escalation import actions
from kitting.escalation.models import Ticket
from kitting.escalation.queries.callers import caller, callers
from kitting.escalation.queries.desk import (
    longest_waiting,
    queue_of,
    ticket_page,
    waiting_number,
)
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.queries.person import Outlook, answer_outlook, own_help, own_story
from kitting.escalation.states import TicketKind
from kitting.journeys import actions as journeys
from kitting.journeys.models import Journey
from tests.escalation.town import BY_BOX, Town, ask, at, finish, finish_all, sweep_until
from tests.factories import DeviceFactory, LoanFactory

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db

TEN = at("11-10 10:00")
NOW = at("11-10 11:00")


def shown(person: User, show: str = "open", *, now=NOW) -> list[Ticket]:
    rights = rights_of(person, on=now.date())
    return [row.ticket for row in queue_of(rights=rights, show=show, now=now, language="ja")]


def report(town: Town, kind: TicketKind, *, now=TEN) -> Ticket:
    device = town.journey().loan.device
    return actions.report(device=device, kind=kind, words="", client="a", now=now)


# --- the queue ------------------------------------------------------------------------------------


def test_who_is_due_first_stands_on_top_and_who_was_answered_below(town: Town):
    first, second, answered = (
        ask(town.begun(when=TEN), now=TEN + timedelta(minutes=n)) for n in (1, 2, 0)
    )
    actions.reply(ticket=answered, by=town.it, words="x", now=at("11-10 10:05"))
    loss = report(town, TicketKind.LOSS, now=at("11-10 09:40"))
    assert shown(town.it) == [loss, first, second, answered]


def test_who_asked_again_after_an_answer_is_on_top_again(town: Town):
    again = ask(town.begun(when=TEN), now=TEN)
    other = ask(town.begun(when=TEN), now=at("11-10 10:20"))
    actions.reply(ticket=again, by=town.it, words="x", now=at("11-10 10:05"))
    assert shown(town.it) == [other, again]
    actions.still(ticket=again, words="", actor=None, now=at("11-10 10:10"))
    assert shown(town.it) == [again, other]
    row = queue_of(
        rights=rights_of(town.it, on=NOW.date()), show="open", now=NOW, language="ja"
    )[0]
    assert (row.minutes_left, row.is_overdue) == (20, True)


def test_what_kitto_found_comes_to_whom_it_was_raised(town: Town):
    town.begun(when=TEN)
    sweep_until(at("11-10 10:30"))
    found = Ticket.objects.get()
    assert (shown(town.lead), shown(town.it)) == ([], [])
    assert shown(town.lead, "found") == shown(town.it, "found") == [found]
    sweep_until(at("11-11 10:00"))  # the lead's turn
    assert (shown(town.lead), shown(town.it)) == ([found], [])
    sweep_until(at("11-12 10:00"))  # IT's turn
    assert (shown(town.lead), shown(town.it)) == ([found], [found])


def test_what_somebody_took_and_what_is_over_have_their_own_lists(town: Town):
    mine = ask(town.begun(when=TEN), now=TEN)
    over = ask(town.begun(when=TEN), now=TEN)
    actions.take(ticket=mine, by=town.it, now=NOW)
    actions.resolve(ticket=over, by=town.it_lead, words="", now=NOW)
    assert shown(town.it, "mine") == [mine]
    assert shown(town.it_lead, "mine") == []
    assert shown(town.it, "done") == [over]


def test_a_lead_sees_own_people_and_own_places(town: Town):
    office = ask(town.begun(when=TEN), now=TEN)
    nursery = ask(town.begun(town.teacher(), when=TEN), now=TEN)
    box = report(town, TicketKind.FOUND)
    assert set(shown(town.lead)) == {office, box}
    assert shown(town.nursery_lead) == [nursery]
    for lead, own, others in (
        (town.lead, office, nursery),
        (town.nursery_lead, nursery, office),
    ):
        rights = rights_of(lead, on=NOW.date())
        assert ticket_page(own.pk, rights=rights, now=NOW, language="ja")
        assert ticket_page(others.pk, rights=rights, now=NOW, language="ja") is None


def test_a_row_says_what_it_is_about_in_the_readers_language(town: Town):
    ask(town.begun(when=TEN), choice="trouble-2", now=TEN)
    rights = rights_of(town.it, on=NOW.date())
    [row] = queue_of(rights=rights, show="open", now=NOW, language="en")
    assert row.subject == "The QR code cannot be read"
    [row] = queue_of(rights=rights, show="open", now=NOW, language="ja")
    assert row.subject == "QR コードが読めない"


def test_without_a_choice_a_row_names_the_step(town: Town):
    journey = town.begun(when=TEN)
    actions.ask_for(journey=journey, words="", by=town.it, source="phone", now=TEN)
    rights = rights_of(town.it, on=NOW.date())
    [row] = queue_of(rights=rights, show="open", now=NOW, language="ja")
    assert row.subject == "箱の中を確かめる"


def asked_next(town: Town, *, now) -> tuple[str, str]:
    rights = rights_of(town.it, on=now.date())
    [row] = queue_of(rights=rights, show="found", now=now, language="ja")
    return row.ticket.level, str(row.next_level)


def test_a_row_says_who_was_asked_last_and_who_is_next(town: Town):
    town.begun(when=TEN)
    sweep_until(at("11-10 10:30"))
    assert asked_next(town, now=NOW) == ("person", "colleague")
    sweep_until(at("11-11 10:00"))  # no colleague has offered to help
    assert asked_next(town, now=at("11-11 10:00")) == ("lead", "it")
    sweep_until(at("11-12 10:00"))
    assert asked_next(town, now=at("11-12 10:00")) == ("it", "it_lead")
    sweep_until(at("11-30 10:00"))
    assert asked_next(town, now=at("11-30 10:00")) == ("it_lead", "it_lead")  # asked again


def left(town: Town, *, now) -> list[tuple[int | None, bool]]:
    rights = rights_of(town.it, on=now.date())
    rows = queue_of(rights=rights, show="open", now=now, language="ja")
    return [(row.minutes_left, row.is_overdue) for row in rows]


def test_only_working_time_is_left_to_an_answer(town: Town):
    ask(town.begun(when=TEN), now=at("11-20 17:00"))  # due on Tuesday, 8:45
    assert left(town, now=at("11-20 17:05")) == [(25, False)]
    assert left(town, now=at("11-22 12:00")) == [(15, False)]
    assert left(town, now=at("11-24 08:45")) == [(0, False)]
    assert left(town, now=at("11-24 09:00")) == [(15, True)]
    assert left(town, now=at("11-25 08:30")) == [(510, True)]


def test_a_loss_has_no_working_time(town: Town):
    report(town, TicketKind.LOSS, now=at("11-20 20:00"))
    assert left(town, now=at("11-20 20:10")) == [(20, False)]
    assert left(town, now=at("11-20 22:30")) == [(120, True)]


def test_where_nobody_waits_nothing_is_left(town: Town):
    ticket = ask(town.begun(when=TEN), now=TEN)
    actions.reply(ticket=ticket, by=town.it, words="x", now=at("11-10 10:05"))
    assert left(town, now=NOW) == [(None, False)]


@pytest.mark.parametrize("number", [1, 3])
def test_the_queue_costs_the_same_whatever_its_length(town, number, django_assert_num_queries):
    for _ in range(number):
        ask(town.begun(when=TEN), choice="trouble-1", now=TEN)
        ask(town.journey(), choice="network", now=TEN)
        report(town, TicketKind.WRONG_BOX)
    rights = rights_of(town.it, on=NOW.date())
    queue_of(rights=rights, show="open", now=NOW, language="ja")
    with django_assert_num_queries(8):
        rows = queue_of(rights=rights, show="open", now=NOW, language="ja")
    assert len(rows) == 3 * number


# --- who waits ------------------------------------------------------------------------------------


def test_what_kitto_found_never_makes_somebody_wait(town: Town):
    town.begun(when=TEN)
    gone = town.begun(town.person(left_on=at("11-10 00:00").date()), when=TEN)
    journeys.note_other_account(journey_id=gone.pk, who=BY_BOX, now=TEN)
    sweep_until(at("12-20 00:00"))
    assert set(Ticket.objects.open().values_list("kind", flat=True)) == {"quiet", "return"}
    rights = rights_of(town.it, on=NOW.date())
    assert waiting_number(rights=rights) == 0
    assert waiting_longest(town) == []


def waiting_longest(town: Town):
    return longest_waiting(
        rights=rights_of(town.it, on=NOW.date()),
        now=NOW,
        language="ja",
        limit=9,
        calendar=organisation_book().default,
        words={},
    )


def test_those_waiting_longest_are_the_people_the_board_counts(town: Town):
    waits = ask(town.begun(when=TEN), now=TEN)
    report(town, TicketKind.LOSS)
    ask(finish_all(town.begun(when=TEN), now=TEN), now=TEN)
    assert [row.ticket for row in waiting_longest(town)] == [waits]
    assert waiting_number(rights=rights_of(town.it, on=NOW.date())) == 3
    assert Journey.objects.filter(status="waiting").count() == 1


def test_an_answer_may_be_expected_after_the_median_of_a_month_in_working_time(town: Town):
    assert answer_outlook(now=NOW) == Outlook()
    for opened, answered in (
        ("09-01 10:00", "09-01 16:00"),  # long ago
        ("11-09 17:10", "11-10 08:34"),  # nine working minutes over a night
        ("11-09 10:00", "11-09 10:04"),
    ):
        ticket = ask(town.begun(when=at(opened)), now=at(opened))
        actions.reply(ticket=ticket, by=town.it, words="x", now=at(answered))
    assert answer_outlook(now=NOW) == Outlook(minutes=6)


def test_at_night_nobody_is_promised_an_answer_before_the_morning(town: Town):
    assert answer_outlook(now=at("11-20 20:00")).opens_at == at("11-24 08:30")


# --- the story ------------------------------------------------------------------------------------


def everything_happens(town: Town) -> Ticket:
    journey = town.begun(when=TEN)
    ticket = ask(journey, words="わたしの言葉", choice="trouble-1", now=TEN)
    actions.note(ticket=ticket, by=town.it, words="内緒のメモ", now=TEN)
    actions.reply(ticket=ticket, by=town.it, words="IT の返事", now=TEN)
    actions.ask_for(
        journey=journey,
        words="電話の聞き書き",
        by=town.it,
        source="phone",
        now=at("11-10 10:05"),
    )
    actions.resolve(ticket=ticket, by=town.it, words="終わりの言葉", now=at("11-10 10:06"))
    return ticket


def test_the_person_reads_own_words_and_answers_and_no_names(town: Town):
    lines = own_story(everything_happens(town), by_box=False)
    assert [line.text for line in lines if line.text] == [
        "わたしの言葉",
        "IT の返事",
        "終わりの言葉",
    ]
    assert all(line.actor is None for line in lines)


def test_a_box_session_reads_its_answers_only(town: Town):
    lines = own_story(everything_happens(town), by_box=True)
    assert [line.text for line in lines if line.text] == ["IT の返事", "終わりの言葉"]
    assert [line.kind for line in lines] == ["opened", "reply", "merged", "resolved"]


def test_helpers_read_everything_with_the_journey_around_it(town: Town):
    ticket = everything_happens(town)
    page = ticket_page(
        ticket.pk, rights=rights_of(town.it, on=NOW.date()), now=NOW, language="ja"
    )
    assert page
    texts = [line.text for line in page.story if line.text]
    assert texts == [
        "「番号が合いません」と出る\nわたしの言葉",
        "内緒のメモ",
        "IT の返事",
        "電話の聞き書き",
        "終わりの言葉",
    ]
    assert page.story[0].of_journey
    assert (page.step, page.step_number) == ("箱の中を確かめる", 1)
    assert page.device
    assert page.serial_masked.endswith(page.device.serial_number[-4:])
    assert page.device.serial_number not in page.serial_masked


@pytest.mark.parametrize("steps", [1, 6])
def test_a_ticket_page_costs_the_same_however_long_its_story(
    town, steps, django_assert_num_queries
):
    journey = town.begun(when=TEN)
    for _ in range(steps):
        finish(journey, now=TEN)
    ticket = ask(journey, choice="trouble-1", now=TEN)
    for number in range(steps):
        actions.reply(ticket=ticket, by=town.it, words=str(number), now=TEN)
    rights = rights_of(town.it, on=NOW.date())
    ticket_page(ticket.pk, rights=rights, now=NOW, language="ja")
    with django_assert_num_queries(6):
        ticket_page(ticket.pk, rights=rights, now=NOW, language="ja")


# --- help on the pages of a journey ---------------------------------------------------------------


def test_a_page_asks_once_while_nothing_was_asked(town, django_assert_num_queries):
    journey = town.begun(when=TEN)
    with django_assert_num_queries(1):
        found = own_help(journey, by_box=True)
    assert (found.ticket, found.is_nudge) == (None, False)


def test_the_guide_offers_help_where_kitto_noticed_trouble_and_not_beyond(town: Town):
    journey = town.begun(when=TEN)
    sweep_until(at("11-10 10:30"))
    assert own_help(journey, by_box=True).is_nudge
    finish(journey, now=at("11-10 10:40"))
    assert not own_help(journey, by_box=True).is_nudge
    ask(journey, now=at("11-10 10:41"))
    assert own_help(journey, by_box=True).ticket


def test_a_question_is_shown_until_the_person_says_how_it_is(town: Town):
    journey = town.begun(when=TEN)
    ticket = ask(journey, now=TEN)
    assert own_help(journey, by_box=True).answer is None
    actions.reply(ticket=ticket, by=town.it, words="こうします。", now=NOW)
    answer = own_help(journey, by_box=True).answer
    assert answer
    assert answer.text == "こうします。"
    actions.resolve(ticket=ticket, by=town.it, words="", now=NOW)
    assert own_help(journey, by_box=True).ticket == ticket
    actions.better(ticket=ticket, actor=None, now=NOW)
    assert own_help(journey, by_box=True).ticket is None


# --- who calls ------------------------------------------------------------------------------------


@pytest.fixture
def koike(town: Town) -> Journey:
    person = town.person(
        staff_number="010203",
        name="小池\N{IDEOGRAPHIC SPACE}健太",
        kana="コイケ ケンタ",
        extension="4148",
    )
    device = DeviceFactory.create(asset_tag="CB-900123", code="K7M39QXP")
    loan = LoanFactory.create(person=person, device=device)
    return town.journey(loan=loan)


@pytest.mark.parametrize(
    "text",
    [
        "小池",
        "小池健太",
        "小池 健太",
        "こいけ",
        "コイケケンタ",
        "010203",
        "10203",
        "10203".translate({n: n + 0xFEE0 for n in range(0x30, 0x3A)}),
        "4148",
        "cb-900123",
        "k7m3-9qxp",
        "HTTPS://KIT.EXAMPLE/D/K7M39QXP",
    ],
)
def test_a_caller_is_found_by_whatever_they_can_say(town, koike, text):
    town.journey()
    [row] = callers(text).rows
    assert (row.subject, row.pk, row.person) == ("journey", koike.pk, koike.person)


@pytest.mark.parametrize("text", ["", "  ", "-", "%", "_", "だれもいない", "0000", "01020"])
def test_nobody_is_found_for_nothing(town, koike, text):
    assert callers(text).rows == []


def test_people_without_a_device_and_shared_devices_are_found(town: Town):
    nobody = town.person(name="小野 健太")
    shared = LoanFactory.create(person=None, kind="shared", device__asset_tag="CB-900777")
    stock = DeviceFactory.create(asset_tag="CB-900888", state="stock")
    assert [(r.subject, r.pk) for r in callers("小野").rows] == [("person", nobody.pk)]
    assert [(r.subject, r.pk) for r in callers("CB-900777").rows] == [
        ("device", shared.device_id)
    ]
    assert [(r.subject, r.pk) for r in callers("CB-900888").rows] == [("device", stock.pk)]


def test_somebody_with_two_devices_is_found_twice(town, koike):
    second = town.journey(loan=LoanFactory.create(person=koike.person))
    assert {row.pk for row in callers("小池").rows} == {koike.pk, second.pk}


def test_a_caller_comes_with_what_is_open_already(town, koike):
    ticket = ask(koike, now=TEN)
    [row] = callers("小池").rows
    assert row.open_ticket == ticket
    assert caller("journey", koike.pk) == row


def test_a_caller_whose_journey_is_over_is_still_somebody(town, koike):
    journeys.close_journeys([koike], reason="loan_ended", now=TEN)
    [row] = callers("小池").rows
    assert (row.subject, row.pk) == ("person", koike.person_id)
    assert caller("journey", koike.pk) is None
    assert caller("person", koike.person_id)
    assert caller("nonsense", 1) is None


def test_a_name_many_have_says_that_there_are_more(town: Town):
    for _ in range(5):
        town.journey(town.person(name="佐藤 はな"))
    found = callers("佐藤", limit=3)
    assert (len(found.rows), found.more) == (3, True)
    assert not callers("佐藤", limit=5).more


@pytest.mark.parametrize("number", [1, 6])
def test_a_search_costs_the_same_whatever_it_finds(town, number, django_assert_num_queries):
    for _ in range(number):
        ask(town.begun(town.person(name="佐藤 はな"), when=TEN), now=TEN)
    with django_assert_num_queries(5):
        assert len(callers("佐藤").rows) == number
