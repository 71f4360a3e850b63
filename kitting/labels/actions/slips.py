"""Account slips: made for people with an account, compared with their boxes one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from accounts.actions import write_audit
from kitting.devices.rules import fresh_codes
from kitting.labels.drawing import check_texts
from kitting.labels.models import AccountSlip
from kitting.labels.queries import compare, sender, turn_of
from kitting.labels.rules import slip_shown
from kitting.labels.sheets import Slip, SlipWords
from kitting.lib.codes import make_code
from kitting.rollout.queries import wave_book

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accounts.models import User
    from kitting.labels.queries import Pair
    from kitting.rollout.queries import WaveBook
    from kitting.site.models import SiteProfile

_A_QUERY = 500


@transaction.atomic
def issue_slips(*, people: Sequence[User], profile: SiteProfile, now: datetime) -> list[str]:
    """Give everybody a slip for the account of today; return their codes in the order given.

    A slip that says another account is retired. Raises `MissingGlyphError`.
    """
    words = slip_words(is_sample=profile.demo_seeded_at is not None)
    check_texts({"": words.texts} | {str(p): (str(p), p.account) for p in people})
    known = {
        slip.person_id: slip
        for slip in AccountSlip.objects.select_for_update().filter(retired_at__isnull=True)
    }
    outdated = [
        known.pop(person.pk).pk
        for person in people
        if person.pk in known and known[person.pk].account != person.account
    ]
    AccountSlip.objects.filter(pk__in=outdated).update(retired_at=now)
    missing = [person for person in people if person.pk not in known]
    taken = set(AccountSlip.objects.values_list("code", flat=True)) if missing else set()
    codes = fresh_codes(len(missing), taken=taken, make=make_code)
    made = [
        AccountSlip(code=code, person=person, account=person.account, created_at=now)
        for code, person in zip(codes, missing, strict=True)
    ]
    AccountSlip.objects.bulk_create(made, batch_size=_A_QUERY)
    by_person = {pk: slip.code for pk, slip in known.items()}
    by_person |= {slip.person_id: slip.code for slip in made}
    return [by_person[person.pk] for person in people]


def slips_of(codes: Sequence[str]) -> list[Slip]:
    """Return what the slips of some codes say, in the order given."""
    shared, book = sender(), wave_book()
    found: dict[str, AccountSlip] = {}
    for first in range(0, len(codes), _A_QUERY):
        part = AccountSlip.objects.filter(
            code__in=codes[first : first + _A_QUERY], retired_at__isnull=True
        )
        found |= {slip.code: slip for slip in part.select_related("person__department__parent")}
    return [
        Slip(
            url=f"{shared.site_url}/s/{code}".upper(),
            code=slip_shown(code),
            account=slip.account,
            person=str(slip.person),
            department=slip.person.department.full_name if slip.person.department else "",
            help_line=shared.help_line,
            when=_when(slip.person, book),
        )
        for code in codes
        if (slip := found.get(code))
    ]


def _when(person: User, book: WaveBook) -> str:
    if person.department_id is None:
        return ""
    wave = book.of(person.department_id, person.place_id)
    return turn_of(wave, language=settings.LANGUAGE_CODE)


def slip_words(*, is_sample: bool) -> SlipWords:
    """Return the fixed words of slips in the language of the site."""
    with translation.override(settings.LANGUAGE_CODE):
        return SlipWords(
            title=gettext("Account slip"),
            account=gettext("ID of your Chromebook (account)"),
            password=gettext("First password"),
            by_hand=gettext("IT writes the password by hand."),
            keep=gettext("Show this slip to nobody. Destroy it when you have signed in."),
            code=gettext("Slip no."),
            watermark=gettext("Sample") if is_sample else "",
            language=settings.LANGUAGE_CODE,
        )


@transaction.atomic
def note_slips_printed(codes: Sequence[str], *, now: datetime) -> None:
    """Write down that some slips are printed; printed anew, they have to be matched anew."""
    for first in range(0, len(codes), _A_QUERY):
        AccountSlip.objects.filter(code__in=codes[first : first + _A_QUERY]).update(
            printed_at=now, matched_at=None, matched_device=None, matched_by=None
        )


@transaction.atomic
def match(*, box_code: str, slip_code: str, by: User, now: datetime) -> Pair:
    """Compare a box with a slip; note the match where they belong together.

    What does not belong together is written into the audit log: it nearly went to somebody else.
    """
    pair = compare(box_code=box_code, slip_code=slip_code)
    if pair.is_match and pair.slip and pair.box.device:
        AccountSlip.objects.filter(pk=pair.slip.pk, retired_at__isnull=True).update(
            matched_at=now, matched_device=pair.box.device, matched_by=by
        )
    elif pair.slip and pair.box.device:
        write_audit(
            action="slips.refused",
            now=now,
            by=by,
            subject=f"device:{pair.box.device.pk}",
            data={"slip": pair.slip.pk, "why": pair.verdict},
        )
    return pair
