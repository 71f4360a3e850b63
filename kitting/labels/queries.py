"""What is printed on labels, and for which boxes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, F, FilteredRelation, Q
from django.utils import translation
from django.utils.dateformat import time_format
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext

from accounts.models import Department, Place, User
from kitting.devices.models import BoxCode, Device, Loan
from kitting.devices.queries import device_by_code, unbound_codes
from kitting.devices.states import DeviceState
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.paper import paper_sheet
from kitting.jobs.models import Job
from kitting.labels import rules
from kitting.labels.models import OWN_PAPER, AccountSlip, Calibration, LabelPaper
from kitting.labels.sheets import NO_CORRECTION, SHEETS, TAPES, Label
from kitting.lib.codes import normalise, shown
from kitting.rollout.queries import wave_book
from kitting.site.queries import flags, words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from kitting.devices.queries import BoxView
    from kitting.guides.queries.paper import PaperView
    from kitting.guides.queries.shapes import StepPage
    from kitting.labels.sheets import Correction, Kind, Sheet, Tape
    from kitting.rollout.models import Wave

# What stands where a box has no number of its own.
BLANK = "________"


class UnknownNameError(LookupError):
    """Nothing has this name; `names` are those there are."""

    def __init__(self, name: str, names: list[str]) -> None:
        """Keep the name and those one can choose from."""
        super().__init__(name)
        self.name = name
        self.names = names


@dataclass(frozen=True)
class Sender:
    """What all labels of this site share: the address people open, and whom they call."""

    site_url: str
    help_line: str

    @property
    def host(self) -> str:
        """Return the address the way people type it."""
        return urlsplit(self.site_url).netloc


def sender() -> Sender:
    """Return what all labels of this site share, in the site's own language (one query)."""
    known = words(language=settings.LANGUAGE_CODE)
    desk = (str(known.get(key, "")) for key in ("it_name", "it_phone"))
    return Sender(site_url=settings.SITE_URL, help_line=" ".join(filter(None, desk)))


def departments_called(name: str) -> set[int]:
    """Return the departments of a name with all below them; raises `UnknownNameError`.

    The name may stand alone or after its bureau's, such as 総務部 総務課 (one query).
    """
    known = {d.pk: d for d in Department.objects.select_related("parent")}
    wanted = _spaced(name)
    found = {pk for pk, d in known.items() if wanted in {_spaced(d.name), _spaced(d.full_name)}}
    if not found:
        raise UnknownNameError(name, [d.full_name for d in known.values()])
    return with_below(found, known.values())


def with_below(found: set[int], departments: Iterable[Department]) -> set[int]:
    """Return departments with all below them."""
    parents = {d.pk: d.parent_id for d in departments}
    while more := {pk for pk, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def place_called(name: str) -> int:
    """Return the place of a name; raises `UnknownNameError` (one query)."""
    known = {_spaced(place.name): place for place in Place.objects.all()}
    if found := known.get(_spaced(name)):
        return found.pk
    raise UnknownNameError(name, [place.name for place in known.values()])


class Order(StrEnum):
    """In which order labels come out, as they are then stuck on."""

    PLACE = "place"
    DEPARTMENT = "department"
    CARTON = "carton"
    LISTED = "listed"


@dataclass(frozen=True)
class Chosen:
    """Which boxes: all that have a code, or those of some departments, a place, a carton, some codes.

    `unprinted` leaves out what was printed before. Boxes that are for nobody yet come at the end.
    """

    departments: Collection[int] | None = None
    place: int | None = None
    carton: str = ""
    codes: Sequence[str] | None = None
    unprinted: bool = False
    order: Order = Order.PLACE


ALL = Chosen()
# Places and departments in the order of the roll.
_ORDERS = {
    Order.PLACE: ("place", "department", "carton"),
    Order.DEPARTMENT: ("department", "place", "carton"),
    Order.CARTON: ("carton", "place", "department"),
    Order.LISTED: ("place", "department", "carton"),
}
_CODES_ASKED = 500  # more are looked for among all, one query either way


def labels_to_print(
    *, sender: Sender, chosen: Chosen = ALL, with_names: bool = False
) -> list[Label]:
    """Return the labels of the chosen boxes in the order in which they are stuck on (one query).

    Codes that are chosen and on no device yet have labels too, at the end (one more query).
    """
    fields = (
        "code",
        "asset_tag",
        "loan__department__parent__name",
        "loan__department__name",
        "loan__place__name",
        "loan__person__name",
    )
    found = [
        Label(
            url=f"{sender.site_url}/d/{code}".upper(),
            code=str(code),
            department=" ".join(filter(None, (bureau, department))),
            place=place_name or "",
            asset_tag=tag or "",
            help_line=sender.help_line,
            host=sender.host,
            person=(person or "") if with_names else "",
        )
        for code, tag, bureau, department, place_name, person in _boxes(chosen, fields)
    ]
    if chosen.codes is None:
        return found
    return _as_listed([*found, *_blank_labels(chosen, sender, found)], chosen)


def _blank_labels(chosen: Chosen, sender: Sender, found: list[Label]) -> list[Label]:
    """Return labels of codes that wait for a device: they say nothing but the code (one query)."""
    rest = set(chosen.codes or ()) - {label.code for label in found}
    if not rest:
        return []
    waiting = (
        unbound_codes().filter(printed_at__isnull=True) if chosen.unprinted else unbound_codes()
    )
    return [
        Label(
            url=f"{sender.site_url}/d/{code}".upper(),
            code=code,
            department="",
            place="",
            asset_tag="",
            help_line=sender.help_line,
            host=sender.host,
        )
        for code in waiting.order_by("pk").values_list("code", flat=True)
        if code in rest
    ]


def _as_listed(labels: list[Label], chosen: Chosen) -> list[Label]:
    if chosen.order != Order.LISTED:
        return labels
    places = {code: number for number, code in enumerate(chosen.codes or ())}
    return sorted(labels, key=lambda label: places[label.code])


def _boxes(chosen: Chosen, fields: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return fields of boxes with a code in the order in which they are handed out (one query)."""
    sorts = {
        "place": F("loan__place").asc(nulls_last=True),
        "department": F("loan__department").asc(nulls_last=True),
        "carton": F("carton").asc(),
    }
    devices = (
        Device.objects.in_use()
        .filter(code__isnull=False)
        .alias(
            loan=FilteredRelation("loans", condition=Q(loans__ended_at__isnull=True)),
        )
        .order_by(*(sorts[name] for name in _ORDERS[chosen.order]), "asset_tag", "pk")
    )
    wanted = None if chosen.codes is None else set(chosen.codes)
    if wanted is not None and len(wanted) <= _CODES_ASKED:
        devices = devices.filter(code__in=wanted)
    rows = devices.filter(_condition(chosen)).values_list(*fields)
    code_at = list(fields).index("code")
    return [row for row in rows if wanted is None or row[code_at] in wanted]


def _condition(chosen: Chosen) -> Q:
    condition = Q()
    if chosen.departments is not None:
        condition &= Q(loan__department__in=chosen.departments)
    if chosen.place is not None:
        condition &= Q(loan__place=chosen.place)
    if chosen.carton:
        condition &= Q(carton=chosen.carton)
    if chosen.unprinted:
        printed = BoxCode.objects.filter(printed_at__isnull=False, retired_at__isnull=True)
        condition &= ~Q(pk__in=printed.filter(device__isnull=False).values("device"))
    return condition


# --- what people name ----------------------------------------------------------------------------


class Why(StrEnum):
    """Why something that was named cannot be printed."""

    UNKNOWN = "unknown"
    NO_CODE = "no code"
    GONE = "gone"
    OLD_LABEL = "old label"


@dataclass(frozen=True)
class Named:
    """The codes of what was named, each once in that order, and what cannot be printed and why."""

    codes: list[str]
    wrong: dict[str, Why]


def find_named(names: Sequence[str]) -> Named:
    """Find boxes by asset tags, serial numbers or codes as people paste them (two queries)."""
    keys = {name: _key(name) for name in names}
    wanted = set(keys.values()) | {normalise(name) for name in names}
    known: dict[str, tuple[str | None, str]] = {}
    for code, tag, serial, state in Device.objects.values_list(
        "code", "asset_tag", "serial_number", "state"
    ):
        for name in (code, _key(tag or ""), _key(serial)):
            if name in wanted:
                known[name or ""] = (code, state)
    waiting = {
        code: retired_at
        for code, retired_at in BoxCode.objects.filter(
            Q(device__isnull=True) | Q(retired_at__isnull=False)
        ).values_list("code", "retired_at")
        if code in wanted
    }
    codes: dict[str, None] = {}
    wrong: dict[str, Why] = {}
    for name, key in keys.items():
        found = _found(known.get(key) or known.get(normalise(name)), waiting, normalise(name))
        if isinstance(found, Why):
            wrong[name] = found
        else:
            codes[found] = None
    return Named(list(codes), wrong)


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().upper()


def _found(
    device: tuple[str | None, str] | None, waiting: Mapping[str, datetime | None], code: str
) -> str | Why:
    if device is not None:
        if device[1] == DeviceState.RETIRED:
            return Why.GONE
        return device[0] or Why.NO_CODE
    if code not in waiting:
        return Why.UNKNOWN
    return code if waiting[code] is None else Why.OLD_LABEL


FOUND_MOST = 20


def find_boxes(text: str) -> list[tuple[Device, Loan | None]]:
    """Return boxes in use by asset tag, serial number, code, staff number or name; at most 20.

    Two queries. Each device comes with the loan that runs, if there is one.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    device = (
        Q(asset_tag__icontains=plain)
        | Q(serial_number__icontains=plain)
        | Q(code=normalise(text))
    )
    devices = Device.objects.in_use().filter(
        device
        | Q(
            Q(loans__person__staff_number=plain)
            | Q(loans__person__name__holds=plain)
            | Q(loans__person__kana__holds=plain),
            loans__ended_at__isnull=True,
        )
    )
    found = list(devices.distinct().order_by("asset_tag", "pk")[:FOUND_MOST])
    loans = {
        loan.device_id: loan
        for loan in Loan.objects.open()
        .filter(device__in=found)
        .select_related("device", "person", "department__parent", "place")
    }
    return [(device, loans.get(device.pk)) for device in found]


def cartons() -> list[str]:
    """Return the delivery cartons there are (one query)."""
    known = Device.objects.in_use().exclude(carton="").values_list("carton", flat=True)
    return list(known.distinct().order_by("carton"))


@dataclass(frozen=True)
class Batch:
    """Codes that were made in one go and still wait for devices."""

    made_at: datetime
    number: int
    unprinted: int


def batches(*, most: int = 20) -> list[Batch]:
    """Return the codes without a device by the moment they were made, newest first (one query)."""
    rows = (
        unbound_codes()
        .values("created_at")
        .annotate(number=Count("pk"), unprinted=Count("pk", filter=Q(printed_at__isnull=True)))
        .order_by("-created_at")
    )
    return [Batch(row["created_at"], row["number"], row["unprinted"]) for row in rows[:most]]


def batch_codes(made_at: datetime) -> list[str]:
    """Return the codes of one batch that still wait for devices (one query)."""
    made = unbound_codes().filter(created_at=made_at).order_by("pk")
    return list(made.values_list("code", flat=True))


# --- paper and printers --------------------------------------------------------------------------


def own_papers() -> list[LabelPaper]:
    """Return the papers with measures of their own (one query)."""
    return list(LabelPaper.objects.order_by("name"))


def papers_for(kind: Kind, own: Iterable[LabelPaper]) -> list[Sheet | Tape]:
    """Return all papers a kind of label fits on: the usual sheet, own ones, other sheets, tapes."""
    usual, *others = rules.papers_for(kind)
    return [usual, *(p.sheet for p in own if rules.holds(p.sheet, kind)), *others]


def paper_called(key: str) -> Sheet | Tape:
    """Return the paper of a key; raises `UnknownNameError` (at most one query)."""
    if found := SHEETS.get(key) or TAPES.get(key):
        return found
    number = key.removeprefix(OWN_PAPER)
    own = LabelPaper.objects.filter(pk=number).first() if number.isdecimal() else None
    if own is None or own.key != key:
        raise UnknownNameError(key, [*SHEETS, *TAPES])
    return own.sheet


def printers() -> list[str]:
    """Return the printers somebody has measured (one query)."""
    names = Calibration.objects.values_list("printer", flat=True)
    return list(names.distinct().order_by("printer"))


def correction_of(printer: str, paper_key: str) -> Correction:
    """Return what undoes a printer on a paper; nothing where it was not measured (one query)."""
    found = Calibration.objects.filter(printer=printer, paper_key=paper_key).first()
    return found.correction if found else NO_CORRECTION


# --- printings -----------------------------------------------------------------------------------

JOBS = "labels:"  # the kind of a printing, with the person: everyone has one going at a time


def printings(*, most: int = 10) -> list[Job]:
    """Return the latest printings, newest first (one query)."""
    found = Job.objects.filter(kind__startswith=JOBS)
    return list(found.order_by("-created_at", "-pk")[:most])


def printing(job_id: int) -> Job | None:
    """Return one printing (one query)."""
    return Job.objects.filter(pk=job_id, kind__startswith=JOBS).first()


# --- account slips -------------------------------------------------------------------------------


@dataclass(frozen=True)
class SlipPeople:
    """Who gets an account slip, in the order of the boxes, and who has no account on the roll."""

    people: list[User]
    without: list[str]


def people_for_slips(chosen: Chosen) -> SlipPeople:
    """Return the people whose boxes are chosen, each once (two queries)."""
    order = [pk for _code, pk in _boxes(chosen, ("code", "loan__person_id")) if pk]
    found = User.objects.select_related("department__parent").in_bulk(
        list(dict.fromkeys(order))
    )
    people = [found[pk] for pk in dict.fromkeys(order)]
    return SlipPeople(
        people=[person for person in people if person.account],
        without=[str(person) for person in people if not person.account],
    )


class Verdict(StrEnum):
    """What comparing a box with a slip says."""

    MATCH = "match"
    OTHER_PERSON = "other person"
    NOBODYS_BOX = "nobody's box"
    LOST_BOX = "lost box"
    NO_BOX = "no box"
    OLD_LABEL = "old label"
    NO_SLIP = "no slip"
    OLD_SLIP = "old slip"


@dataclass(frozen=True)
class Pair:
    """A box and a slip that were scanned, and whether they belong together."""

    verdict: Verdict
    box: BoxView
    slip: AccountSlip | None = None

    @property
    def is_match(self) -> bool:
        """Tell whether the slip goes into the box."""
        return self.verdict == Verdict.MATCH


def compare(*, box_code: str, slip_code: str) -> Pair:
    """Compare a box with a slip by their codes (three queries)."""
    box = device_by_code(box_code)
    slip = AccountSlip.objects.filter(code=slip_code).first()
    verdict = box_verdict(box) or _slip_verdict(slip) or _pair_verdict(box, slip)
    return Pair(verdict, box, slip)


def box_verdict(box: BoxView) -> Verdict | None:
    """Tell why no slip goes into a box; None where one may."""
    if box.state == "retired":
        return Verdict.OLD_LABEL
    if box.device is None:
        return Verdict.NO_BOX if box.state == "unknown" else Verdict.NOBODYS_BOX
    if box.device.state == DeviceState.LOST:
        return Verdict.LOST_BOX
    if box.loan is None or box.loan.person_id is None:
        return Verdict.NOBODYS_BOX
    return None


def _slip_verdict(slip: AccountSlip | None) -> Verdict | None:
    if slip is None:
        return Verdict.NO_SLIP
    return Verdict.OLD_SLIP if slip.retired_at is not None else None


def _pair_verdict(box: BoxView, slip: AccountSlip | None) -> Verdict:
    is_same = box.loan is not None and slip is not None and box.loan.person_id == slip.person_id
    return Verdict.MATCH if is_same else Verdict.OTHER_PERSON


def slip_counts() -> tuple[int, int]:
    """Return how many slips are printed and in force, and how many of those are matched (one query)."""
    found = AccountSlip.objects.filter(retired_at__isnull=True, printed_at__isnull=False)
    counts = found.aggregate(every=Count("pk"), matched=Count("matched_at"))
    return counts["every"], counts["matched"]


@dataclass(frozen=True)
class PaperBox:
    """What the sheet for the steps before sign-in says about one box; never a name or a password.

    `url` is in capitals, as on labels.
    """

    url: str
    code: str
    asset_tag: str
    help_line: str
    host: str
    view: PaperView
    when: str = ""

    @property
    def texts(self) -> list[str]:
        """Return every text that is set in type."""
        steps = [
            text
            for step in self.view.steps
            for text in (step.title, *step.actions, step.done_when, *_first_hint(step))
        ]
        fixed = [self.code, self.asset_tag, self.help_line, self.host, self.when]
        return [*fixed, self.view.title, self.view.note, *steps]


def _first_hint(step: StepPage) -> list[str]:
    return [step.troubles[0].symptom, step.troubles[0].attempt] if step.troubles else []


def papers_to_print(
    *,
    language: str,
    departments: Collection[int] | None = None,
    place: int | None = None,
    code: str = "",
) -> list[PaperBox]:
    """Return the sheets of all boxes that have a code, or of some, in the order of their labels.

    They follow the published guide with the site's switches and words; a place may have a Wi-Fi of
    its own. Nothing where no guide is published.
    """
    edition = published_edition()
    if edition is None:
        return []
    chosen = Chosen(departments, place, codes=[code] if code else None)
    known, switches = words(language=language), flags()
    desk = (str(known.get(key, "")) for key in ("it_name", "it_phone", "it_hours"))
    sender_line = " ".join(filter(None, desk))
    book = wave_book()
    fields = (
        *("code", "asset_tag", "loan__place__wifi_name"),
        *("loan__department_id", "loan__place_id"),
    )
    return [
        PaperBox(
            url=f"{settings.SITE_URL}/d/{box_code}".upper(),
            code=str(box_code),
            asset_tag=tag or "",
            help_line=sender_line,
            host=urlsplit(settings.SITE_URL).netloc,
            view=paper_sheet(
                edition.pk,
                switches,
                known
                | {"asset_tag": tag or BLANK, "box_code": shown(str(box_code))}
                | ({"wifi_name": wifi} if wifi else {}),
                language,
            ),
            when=turn_of(
                book.of(department_id, place_id) if department_id else None, language=language
            ),
        )
        for box_code, tag, wifi, department_id, place_id in _boxes(chosen, fields)
    ]


def turn_of(wave: Wave | None, *, language: str) -> str:
    """Say on paper when somebody's turn is; nothing for who is in no wave."""
    if wave is None:
        return ""
    starts = localtime(wave.starts_at)
    with translation.override(language):
        day = date_format(starts, "n/j (D)")
        if wave.from_time and wave.to_time:
            return gettext("Your turn: from %(day)s, %(from)s to %(to)s") % {
                "day": day,
                "from": time_format(wave.from_time, "G:i"),
                "to": time_format(wave.to_time, "G:i"),
            }
        return gettext("Your turn: from %(day)s, %(time)s") % {
            "day": day,
            "time": time_format(starts.time(), "G:i"),
        }


def _spaced(name: str) -> str:
    return " ".join(name.split())
