"""Everything that changes this site's words, switches and reading preferences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q

from accounts.actions import write_audit
from accounts.models import User
from kitting.site.models import Announcement, Flag, SiteProfile, Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from django.db.models import Model

    from kitting.site.rules import FlagDefinition, Reading, VariableDefinition


@dataclass(frozen=True)
class ProfileValues:
    """What the IT lead decides about the site itself."""

    service_name: str
    section_word: str
    lead_word: str
    holidays_country: str
    box_entry_allowed: bool
    mail_entry_allowed: bool
    slip_entry_allowed: bool
    leads_see_minutes: bool
    minutes_before: int | None = None
    names_on_labels: bool = False


@dataclass(frozen=True)
class Word:
    """A variable's own text: Japanese (or the only one), and English where it differs."""

    value: str
    value_en: str


@transaction.atomic
def declare(
    *,
    flags: Iterable[FlagDefinition],
    variables: Iterable[VariableDefinition],
    only_new: bool = False,
) -> int:
    """Take in what a guide says about its switches and words; return how many definitions changed.

    A chosen value is never touched, and what a guide no longer names stays: an older edition may
    still need it. `only_new` leaves known definitions alone, whose defaults are in force.
    """
    known_flags = {row.key: row for row in Flag.objects.select_for_update()}
    known_words = {row.key: row for row in Variable.objects.select_for_update()}
    changed = 0
    for flag in flags:
        if not (only_new and flag.key in known_flags):
            wanted = {**asdict(flag), "values": list(flag.values)}
            changed += _define(known_flags.get(flag.key) or Flag(key=flag.key), wanted)
    for variable in variables:
        if not (only_new and variable.key in known_words):
            row = known_words.get(variable.key) or Variable(key=variable.key)
            changed += _define(row, asdict(variable))
    if changed:
        _words_changed()
    return changed


def _define(row: Flag | Variable, wanted: Mapping[str, object]) -> bool:
    is_new = row.pk is None
    changed = _write(row, wanted)
    return is_new or bool(changed)


@transaction.atomic
def save_profile(
    *,
    profile: ProfileValues,
    flags: Mapping[str, str],
    words: Mapping[str, Word],
    by: User,
    now: datetime,
) -> list[str]:
    """Keep what the IT lead decided, write down who did it, and return the names of what changed.

    An empty flag or word means the guide's own. Keys that no guide has declared are passed over.
    Journeys that have begun keep their flags.
    """
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    row = SiteProfile.objects.select_for_update().get(pk=SiteProfile.SINGLE)
    changed = _write(row, asdict(profile))
    for flag in Flag.objects.select_for_update().filter(key__in=flags):
        if _write(flag, {"value": flags[flag.key]}):
            changed.append(flag.key)
    changed += _write_words(words)
    _note_changed(changed, by=by, now=now)
    return changed


@transaction.atomic
def save_words(*, words: Mapping[str, Word], by: User | None, now: datetime) -> list[str]:
    """Keep words of this organisation, write it down, and return the names of what changed."""
    changed = _write_words(words)
    _note_changed(changed, by=by, now=now)
    return changed


def _write_words(words: Mapping[str, Word]) -> list[str]:
    rows = Variable.objects.select_for_update().filter(key__in=words)
    changed = [row.key for row in rows if _write(row, asdict(words[row.key]))]
    if changed:
        _words_changed()
    return changed


def _words_changed() -> None:
    """Let every process read the words of this organisation anew."""
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    SiteProfile.objects.filter(pk=SiteProfile.SINGLE).update(
        words_version=F("words_version") + 1
    )


def _note_changed(changed: list[str], *, by: User | None, now: datetime) -> None:
    if changed:
        write_audit(action="site.profile_changed", now=now, by=by, data={"changed": changed})


@dataclass(frozen=True)
class AnnouncementValues:
    """What IT says to people, to whom, until when, and what it stops."""

    text: str
    text_en: str = ""
    place_id: int | None = None
    wave_id: int | None = None
    expires_at: datetime | None = None
    stops_starts: bool = False
    pauses_clocks: bool = False


@transaction.atomic
def announce(*, values: AnnouncementValues, by: User, now: datetime) -> Announcement:
    """Say something to everyone, to a place or to a wave, from now on."""
    made = Announcement.objects.create(**asdict(values), starts_at=now, made_by=by)
    _profile_says(has_announcements=True)
    write_audit(
        action="site.announced", now=now, by=by, subject=str(made.pk), data={"text": made.text}
    )
    return made


@transaction.atomic
def end_announcement(*, announcement: Announcement, by: User, now: datetime) -> bool:
    """Stop saying something; tell whether it was said until now."""
    ended = Announcement.objects.filter(pk=announcement.pk, ended_at__isnull=True).update(
        ended_at=now
    )
    if ended:
        write_audit(
            action="site.announcement_ended", now=now, by=by, subject=str(announcement.pk)
        )
    left = Announcement.objects.filter(ended_at__isnull=True).exclude(expires_at__lte=now)
    _profile_says(has_announcements=left.exists())
    return bool(ended)


def note_outages(*, are_open: bool) -> None:
    """Remember whether pages must look for outages."""
    _profile_says(has_outages=are_open)


def _profile_says(**facts: bool) -> None:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    SiteProfile.objects.filter(pk=SiteProfile.SINGLE).update(**facts)


@transaction.atomic
def set_reading(*, person: User, reading: Reading) -> None:
    """Keep how a person wants to read; it follows the person to every device."""
    User.objects.filter(pk=person.pk).update(
        theme=reading.theme, text_size=reading.text, ruby=reading.ruby
    )


@transaction.atomic
def set_language(*, person: User, language: str) -> None:
    """Keep the language a person is written to."""
    User.objects.filter(pk=person.pk).update(language=language)


def _write(row: Model, wanted: Mapping[str, object]) -> list[str]:
    """Write the fields that differ (a new row whole) and return their names."""
    changed = [name for name, value in wanted.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, wanted[name])
    if row.pk is None:
        row.save()
    elif changed:
        row.save(update_fields=changed)
    return changed


def notes_changed() -> None:
    """Let every process read the notes of the steps anew."""
    SiteProfile.objects.filter(pk=SiteProfile.SINGLE).update(
        notes_version=F("notes_version") + 1
    )


def note_outlets_off(*, are_any: bool) -> None:
    """Let IT's pages know whether a chat room or program was switched off, because nothing arrived there."""
    _profile_says(has_outlets_off=are_any)


def note_late(*, since: datetime | None) -> None:
    """Let IT's pages know since when sweep or delivery are late, or that they are not."""
    own = SiteProfile.objects.filter(pk=SiteProfile.SINGLE)
    is_same = Q(late_since=since) if since else Q(late_since__isnull=True)
    own.exclude(is_same).update(late_since=since)
