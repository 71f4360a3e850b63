"""Codes between devices: once, five minutes, nothing to guess, never more than the giver has."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditEntry, Throttle
from kitting.handoff import actions, rules
from kitting.handoff.models import Handoff
from kitting.handoff.queries import Client, Holder, holder_for
from kitting.handoff.states import Gift, HandoffState, Side
from kitting.journeys.actions.loans import close_journeys
from kitting.journeys.actions.resting import end_box_sessions
from kitting.journeys.models import Journey
from kitting.journeys.states import CloseReason
from tests.factories import NOW, UserFactory
from tests.handoff.conftest import CHROMEBOOK, PHONE

if TYPE_CHECKING:
    from datetime import datetime

AT_DESK = Client(address="192.0.2.7", browser="a" * 16, user_agent=CHROMEBOOK)
ON_PHONE = Client(address="198.51.100.4", browser="b" * 16, user_agent=PHONE)


def box(journey: Journey) -> Holder:
    return Holder(Gift.BOX, journey=Journey.objects.get(pk=journey.pk))


def give(holder: Holder, now: datetime = NOW) -> Handoff:
    return actions.show_code(side=Side.GIVER, holder=holder, client=ON_PHONE, now=now)


def want(now: datetime = NOW, client: Client = AT_DESK) -> Handoff:
    return actions.show_code(side=Side.TAKER, holder=None, client=client, now=now)


def type_it(
    code: str,
    *,
    holder: Holder | None = None,
    client: Client = AT_DESK,
    now: datetime = NOW,
    **rest: Any,
) -> str:
    return actions.type_code(code=code, holder=holder, client=client, now=now, **rest).outcome


def fresh(handoff: Handoff) -> Handoff:
    return Handoff.objects.get(pk=handoff.pk)


# --- a box session


def test_a_box_session_opens_where_its_code_is_typed(journey: Journey) -> None:
    assert type_it(give(box(journey)).code) == "taken"
    assert journey.events.filter(kind="entered", via="box").count() == 1


def test_a_code_is_used_up_by_the_first(journey: Journey) -> None:
    code = give(box(journey)).code
    assert type_it(code) == "taken"
    assert type_it(code, client=ON_PHONE) == "wrong"
    # The second of two presses is the first; half a minute later it is a replay.
    assert type_it(code, now=NOW + timedelta(seconds=2)) == "taken"
    assert type_it(code, now=NOW + timedelta(seconds=30)) == "wrong"
    assert journey.events.filter(kind="entered").count() == 1


def test_a_code_lives_five_minutes(journey: Journey) -> None:
    code = give(box(journey)).code
    assert type_it(code, now=NOW + rules.LIFETIME) == "wrong"
    assert type_it(code, now=NOW + rules.LIFETIME - timedelta(seconds=1)) == "taken"


def test_a_new_code_ends_the_one_before(journey: Journey) -> None:
    first = give(box(journey))
    actions.show_code(
        side=Side.GIVER, holder=box(journey), client=ON_PHONE, now=NOW, before=first.pk
    )
    assert type_it(first.code) == "wrong"


@pytest.mark.parametrize("ended", ["epoch", "closed"])
def test_what_has_ended_is_handed_over_no_more(journey: Journey, ended: str) -> None:
    code = give(box(journey)).code
    if ended == "epoch":
        end_box_sessions(journey_id=journey.pk)
    else:
        close_journeys([journey], reason=CloseReason.LOST, now=NOW)
    assert type_it(code) == "wrong"


def test_where_the_site_wants_a_sign_in_a_box_session_opens_no_chromebook(
    journey: Journey,
) -> None:
    chromebook = Client(AT_DESK.address, AT_DESK.browser, CHROMEBOOK, on_chromebook=True)
    code = give(box(journey)).code
    assert type_it(code, client=chromebook, box_entry_allowed=False) == "sign_in"
    wanted = want(client=chromebook).code
    assert type_it(wanted, holder=box(journey), box_entry_allowed=False) == "sign_in"
    assert type_it(code, client=ON_PHONE, box_entry_allowed=False) == "taken"


# --- a full sign-in


def test_a_sign_in_needs_a_yes_on_the_signed_in_device(journey: Journey) -> None:
    holder = Holder(Gift.SIGN_IN, person=journey.person)
    handoff = give(holder)
    assert type_it(handoff.code) == "waiting"
    assert actions.claim(handoff_id=handoff.pk, client=AT_DESK, now=NOW) is None
    assert fresh(handoff).taker_browser == "Chrome"
    assert fresh(handoff).taker_system == "Chromebook"

    assert actions.answer(handoff_id=handoff.pk, holder=holder, allow=True, now=NOW)
    claimed = actions.claim(handoff_id=handoff.pk, client=AT_DESK, now=NOW)
    assert claimed
    assert claimed.person == journey.person
    assert actions.claim(handoff_id=handoff.pk, client=AT_DESK, now=NOW) is None
    assert [e.action for e in AuditEntry.objects.filter(action__startswith="handoff")] == [
        "handoff.allowed"
    ]


def test_a_no_is_a_no(journey: Journey) -> None:
    holder = Holder(Gift.SIGN_IN, person=journey.person)
    handoff = give(holder)
    type_it(handoff.code)
    assert actions.answer(handoff_id=handoff.pk, holder=holder, allow=False, now=NOW)
    assert not actions.answer(handoff_id=handoff.pk, holder=holder, allow=True, now=NOW)
    assert actions.claim(handoff_id=handoff.pk, client=AT_DESK, now=NOW) is None


def test_nobody_else_says_yes(journey: Journey) -> None:
    handoff = give(Holder(Gift.SIGN_IN, person=journey.person))
    type_it(handoff.code)
    others = (None, box(journey), Holder(Gift.SIGN_IN, person=UserFactory.create()))
    for holder in others:
        assert not actions.answer(handoff_id=handoff.pk, holder=holder, allow=True, now=NOW)
    assert fresh(handoff).state == HandoffState.ASKED


def test_a_yes_that_comes_too_late_is_none(journey: Journey) -> None:
    holder, late = Holder(Gift.SIGN_IN, person=journey.person), NOW + rules.LIFETIME
    handoff = give(holder)
    type_it(handoff.code)
    assert not actions.answer(handoff_id=handoff.pk, holder=holder, allow=True, now=late)
    actions.answer(handoff_id=handoff.pk, holder=holder, allow=True, now=NOW)
    assert actions.claim(handoff_id=handoff.pk, client=AT_DESK, now=late) is None


def test_who_left_in_between_is_not_signed_in(journey: Journey) -> None:
    holder = Holder(Gift.SIGN_IN, person=journey.person)
    handoff = give(holder)
    type_it(handoff.code)
    actions.answer(handoff_id=handoff.pk, holder=holder, allow=True, now=NOW)
    journey.person.left_on = NOW.date()
    journey.person.save(update_fields=["left_on"])
    assert actions.claim(handoff_id=handoff.pk, client=AT_DESK, now=NOW) is None


# --- the device that wants the guide shows the code


def test_the_phone_confirms_what_the_chromebook_shows(journey: Journey) -> None:
    wanted = want()
    assert type_it(wanted.code, holder=box(journey), client=ON_PHONE) == "confirm"
    assert actions.claim(handoff_id=wanted.pk, client=AT_DESK, now=NOW) is None
    assert actions.answer(handoff_id=wanted.pk, holder=box(journey), allow=True, now=NOW)
    claimed = actions.claim(handoff_id=wanted.pk, client=AT_DESK, now=NOW)
    assert claimed
    # A box session brought a box session: there is nobody to sign in.
    assert (claimed.gift, claimed.person, claimed.journey) == (Gift.BOX, None, journey)


def test_a_browser_without_a_guide_gives_nothing(journey: Journey) -> None:
    assert type_it(want().code, client=ON_PHONE) == "here"
    with pytest.raises(actions.NothingToGiveError):
        actions.show_code(side=Side.GIVER, holder=None, client=ON_PHONE, now=NOW)


def test_the_second_giver_comes_too_late(journey: Journey) -> None:
    wanted = want()
    mine, other = box(journey), Holder(Gift.SIGN_IN, person=UserFactory.create())
    assert type_it(wanted.code, holder=mine, client=ON_PHONE) == "confirm"
    assert type_it(wanted.code, holder=other, client=AT_DESK) == "wrong"
    assert type_it(wanted.code, holder=mine, client=ON_PHONE) == "confirm"


def test_who_has_a_role_hands_over_the_own_set_up_only(journey: Journey) -> None:
    class Rights:
        roles = frozenset({"it"})
        sees_board = True

    rights: Any = Rights()
    holder = holder_for(person=journey.person, rights=rights, journey=None)
    assert holder
    assert (holder.gift, holder.journey) == (Gift.BOX, journey)
    assert holder_for(person=UserFactory.create(), rights=rights, journey=None) is None


# --- guessing


def guesses(number: int) -> int:
    """Return how many of so many guesses from one address were judged at all."""
    judged = 0
    for n in range(number):
        guesser = Client("203.0.113.9", f"{n % 997:016d}", PHONE)
        judged += type_it(f"{n:08d}", client=guesser) != "slow"
    return judged


@pytest.mark.parametrize(
    "number", [400, pytest.param(10_000, marks=pytest.mark.long, id="ten thousand")]
)
def test_guesses_gain_nothing(journey: Journey, number: int) -> None:
    give(box(journey))
    assert guesses(number) == rules.WRONG_PER_ADDRESS
    # Who came with the right code is not held up by who guessed elsewhere.
    assert type_it(give(box(journey)).code, client=AT_DESK) == "taken"


def test_a_browser_has_ten_tries_and_right_ones_do_not_count(journey: Journey) -> None:
    for _n in range(rules.TRIES_PER_BROWSER * 2):
        assert type_it(Handoff.objects.create(**open_code(journey)).code) == "taken"
    for n in range(rules.TRIES_PER_BROWSER):
        assert type_it(f"{n:08d}") == "wrong"
    assert type_it(Handoff.objects.create(**open_code(journey)).code) == "slow"


def open_code(journey: Journey) -> dict[str, Any]:
    return {
        "code": rules.make_code(),
        "shown_by": Side.GIVER,
        "gift": Gift.BOX,
        "journey": journey,
        "created_at": NOW,
        "expires_at": NOW + rules.LIFETIME,
    }


def test_right_tries_do_not_wash_wrong_ones_away(journey: Journey) -> None:
    type_it("00000000")
    type_it(give(box(journey)).code)
    assert set(
        Throttle.objects.filter(key__contains="type").values_list("count", flat=True)
    ) == {1}


def test_nobody_draws_codes_without_end(journey: Journey) -> None:
    for _n in range(rules.CODES_PER_BROWSER):
        want()
    with pytest.raises(actions.TooManyCodesError):
        want()


def test_old_codes_are_cleared_away(journey: Journey) -> None:
    old = want()
    want(now=NOW + timedelta(days=2))
    assert not Handoff.objects.filter(pk=old.pk).exists()


# --- the table itself


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "lost"},
        {"state": HandoffState.USED, "gift": "", "journey": None},
        {"gift": Gift.BOX, "journey": None},
        {"gift": Gift.SIGN_IN},
    ],
)
def test_rows_that_make_no_sense_are_refused(journey: Journey, wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Handoff.objects.create(**(open_code(journey) | wrong))


# --- at the same moment


@pytest.mark.django_db(transaction=True)
def test_of_eight_browsers_with_one_code_exactly_one_wins(journey: Journey) -> None:
    for _round in range(3):
        code = give(box(journey)).code
        together, outcomes = threading.Barrier(8), []

        def press(number: int) -> None:
            try:
                together.wait()  # noqa: B023  # joined before the next round begins
                client = Client("192.0.2.7", f"{number:016d}", CHROMEBOOK)
                outcomes.append(type_it(code, client=client))  # noqa: B023  # as above
            finally:
                connection.close()

        threads = [threading.Thread(target=press, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["taken", *["wrong"] * 7]
        Handoff.objects.all().delete()
        Throttle.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_of_eight_fetches_at_once_exactly_one_signs_in(journey: Journey) -> None:
    holder = Holder(Gift.SIGN_IN, person=journey.person)
    handoff = give(holder)
    type_it(handoff.code)
    actions.answer(handoff_id=handoff.pk, holder=holder, allow=True, now=NOW)
    together, won = threading.Barrier(8), []

    def press() -> None:
        try:
            together.wait()
            won.append(actions.claim(handoff_id=handoff.pk, client=AT_DESK, now=NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in won if one]) == 1
