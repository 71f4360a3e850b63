"""The chain of the audit log: digests, seals, and what finds a break."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from accounts.appendonly import missing_guards
from accounts.models import AuditEntry, AuditLink, AuditSeal, User

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

# Rows read at a time: a city writes some thousand a day.
PIECE = 2000
SEAL_MOST = 20_000


def _sha(parts: list[object]) -> str:
    text = json.dumps(parts, ensure_ascii=True, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def digest_of(entry: AuditEntry) -> str:
    """Return what stands for an entry in the chain.

    The salt is erased with the words, so that nobody can find them again by trying.
    """
    return _sha(
        [
            entry.salt,
            _moment(entry.at),
            entry.action,
            entry.actor_name,
            entry.subject,
            entry.data,
            entry.client_address,
        ]
    )


def link_of(entry: AuditEntry) -> AuditLink:
    """Return the link that proves an entry; not yet in the database."""
    return AuditLink(
        entry=entry,
        at=entry.at,
        action=entry.action,
        actor_number=entry.actor_id,
        digest=digest_of(entry),
    )


def _line(link: AuditLink) -> list[object]:
    return [
        link.pk,
        link.entry_id,
        _moment(link.at),
        link.action,
        link.actor_number,
        link.digest,
    ]


def _head(previous: str, number: int, links: list[AuditLink]) -> str:
    return _sha([previous, number, [_line(link) for link in links]])


# --- sealing -------------------------------------------------------------------------------------


def seal_audit(*, now: datetime) -> AuditSeal | None:
    """Put what was written since the last seal under the next one; nothing new makes none.

    Two at once would make the same number, which the database takes once.
    """
    try:
        with transaction.atomic():
            return _seal(now)
    except IntegrityError:
        return None


def _seal(now: datetime) -> AuditSeal | None:
    # Entries of a version that knew no links get theirs here.
    for entry in AuditEntry.objects.filter(link__isnull=True).order_by("pk")[:SEAL_MOST]:
        link_of(entry).save(force_insert=True)
    links = list(AuditLink.objects.filter(seal__isnull=True).order_by("pk")[:SEAL_MOST])
    if not links:
        return None
    last = AuditSeal.objects.order_by("-number").first()
    number, previous = (last.number + 1, last.head) if last else (1, "")
    seal = AuditSeal(
        number=number,
        at=now,
        count=len(links),
        previous=previous,
        head=_head(previous, number, links),
    )
    seal.save(force_insert=True)
    pks = [link.pk for link in links]
    for start in range(0, len(pks), PIECE):
        AuditLink.objects.filter(pk__in=pks[start : start + PIECE]).update(seal=seal)
    return seal


# --- finding a break -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What looking over the whole log found; `breaks` are sentences that say where."""

    entries: int
    erased: int
    seals: int
    unsealed: int
    head: str
    breaks: tuple[str, ...]


def verify(*, expected_head: str = "") -> Verdict:
    """Look over every entry, link and seal, and for the guards of the database.

    `expected_head` is a head written down earlier: it must be one of ours, or the end was cut off.
    """
    breaks = [f"guard {name}: not in the database" for name in missing_guards(connection)]
    head, heads = "", {""}
    for place, seal in enumerate(AuditSeal.objects.order_by("number"), start=1):
        breaks += _seal_breaks(seal, place, head)
        head = seal.head
        heads.add(head)
    if expected_head and expected_head not in heads:
        breaks.append(f"head {expected_head}: not among the seals; the end may be missing")
    breaks += _entry_breaks()
    return Verdict(
        entries=AuditEntry.objects.count(),
        erased=AuditEntry.objects.filter(erased_at__isnull=False).count(),
        seals=AuditSeal.objects.count(),
        unsealed=AuditLink.objects.filter(seal__isnull=True).count(),
        head=head,
        breaks=tuple(breaks),
    )


def _seal_breaks(seal: AuditSeal, place: int, previous: str) -> Iterator[str]:
    if seal.number != place:
        yield f"seal {place}: missing"
    if seal.previous != previous:
        yield f"seal {seal.number}: does not follow the one before it"
    links = list(seal.links.order_by("pk"))
    if len(links) != seal.count:
        yield f"seal {seal.number}: holds {len(links)} links, was made over {seal.count}"
    if _head(seal.previous, seal.number, links) != seal.head:
        yield f"seal {seal.number}: its links were changed"


def _entry_breaks() -> Iterator[str]:
    for entry in AuditEntry.objects.select_related("link").order_by("pk").iterator(PIECE):
        link = getattr(entry, "link", None)
        if link is None:
            # One that an earlier version wrote and no seal has taken in yet carries no salt.
            if entry.salt:
                yield f"entry {entry.pk}: its link is missing"
        elif not _is_proven(entry, link):
            yield f"entry {entry.pk} ({link.action}, {_moment(link.at)}): was changed"


def _is_proven(entry: AuditEntry, link: AuditLink) -> bool:
    if (entry.at, entry.action) != (link.at, link.action):
        return False
    if entry.actor_id not in (None, link.actor_number):
        return False
    if entry.erased_at is not None:
        return not (entry.actor_name or entry.subject or entry.data or entry.client_address)
    return digest_of(entry) == link.digest


# --- erasing -------------------------------------------------------------------------------------


def erase_words(entries: QuerySet[AuditEntry], *, now: datetime) -> int:
    """Erase what may name a person; that something happened, when, and its digest stay."""
    return entries.filter(erased_at__isnull=True).update(
        actor=None,
        actor_name="",
        subject="",
        data={},
        client_address="",
        salt="",
        erased_at=now,
    )


# --- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AuditFilter:
    """What somebody looks for; everything empty is everything."""

    who: str = ""
    prefixes: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


def found_entries(wish: AuditFilter) -> QuerySet[AuditEntry]:
    """Return the entries somebody looks for, the newest first."""
    found = AuditEntry.objects.order_by("-pk")
    if wish.who:
        found = found.filter(
            Q(actor_name__icontains=wish.who) | Q(actor__staff_number=wish.who)
        )
    if wish.prefixes:
        kinds = Q()
        for prefix in wish.prefixes:
            kinds |= Q(action__startswith=prefix)
        found = found.filter(kinds)
    if wish.since and wish.until:
        found = found.filter(at__gte=wish.since, at__lt=wish.until)
    return found


def subjects_by_name(subjects: Iterable[str]) -> dict[str, str]:
    """Return who is meant by each subject that is a person, by name and number (one query)."""
    pks = {
        int(number)
        for kind, _colon, number in (subject.partition(":") for subject in subjects)
        if kind == "person" and number.isdecimal()
    }
    people = User.objects.filter(pk__in=pks)
    return {
        f"person:{one.pk}": f"{one.name} {one.staff_number or ''}".strip() for one in people
    }
