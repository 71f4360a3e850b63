"""One factory a model; tests name only what matters to them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import factory
from factory.django import DjangoModelFactory

from accounts.models import (
    Department,
    Grant,
    Place,
    SignIn,
    Token,
    Transfer,
    User,
    WorkingHours,
)
from accounts.states import Door, Role
from kitting.around.models import Macro
from kitting.devices.models import BoxCode, Device, Loan
from kitting.devices.states import DeviceState, LoanKind
from kitting.directory.models import DirectoryDevice, DirectoryLook, RemoteChange
from kitting.directory.states import ChangeKind, Scope
from kitting.escalation.models import Policy, PolicyLevel, Ticket
from kitting.escalation.states import Case, Level, Reason, Source, TicketKind
from kitting.guides.forms import SHIPPED_GUIDE, read_guide_file
from kitting.imports.models import Import
from kitting.journeys.models import Journey
from kitting.journeys.states import Via
from kitting.labels.models import LabelPaper
from kitting.lib.codes import make_code
from kitting.notices.models import Notice
from kitting.notices.states import Channel
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import RolloutState

if TYPE_CHECKING:
    from kitting.guides.rules import GuideDraft

# A Tuesday, 10:00 in Tokyo, in working hours.
NOW = datetime(2026, 11, 10, 1, 0, tzinfo=UTC)


class WorkingHoursFactory(DjangoModelFactory[WorkingHours]):
    class Meta:
        model = WorkingHours
        django_get_or_create = ("name",)

    name = "8:30-17:15"
    week = "8:30-17:15"


class PlaceFactory(DjangoModelFactory[Place]):
    class Meta:
        model = Place

    name = factory.Sequence(lambda n: f"第{n}庁舎")
    hours = factory.SubFactory(WorkingHoursFactory)


class BureauFactory(DjangoModelFactory[Department]):
    class Meta:
        model = Department

    name = factory.Sequence(lambda n: f"第{n}部")


class DepartmentFactory(DjangoModelFactory[Department]):
    class Meta:
        model = Department

    name = factory.Sequence(lambda n: f"第{n}課")
    parent = factory.SubFactory(BureauFactory)


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    staff_number = factory.Sequence(lambda n: f"{n + 10000:06d}")
    username = factory.LazyAttribute(lambda o: o.staff_number)
    name = factory.Sequence(lambda n: f"職員 {n}")
    email = factory.LazyAttribute(lambda o: f"s{o.staff_number}@asahi.example.jp")
    department = factory.SubFactory(DepartmentFactory)
    place = factory.SubFactory(PlaceFactory)
    extension = "1234"


class GrantFactory(DjangoModelFactory[Grant]):
    class Meta:
        model = Grant

    person = factory.SubFactory(UserFactory)
    role = Role.IT
    granted_at = NOW


class SignInFactory(DjangoModelFactory[SignIn]):
    class Meta:
        model = SignIn

    person = factory.SubFactory(UserFactory)
    session_key = factory.Sequence(lambda n: f"session{n:025d}")
    door = Door.MAIL
    browser = "Chrome (Windows)"
    at = NOW


class TokenFactory(DjangoModelFactory[Token]):
    class Meta:
        model = Token

    kind = "api"
    label = factory.Sequence(lambda n: f"program {n}")
    digest = factory.Sequence(lambda n: f"{n:064x}")
    beginning = "kitto_abcdef"
    made_at = NOW
    expires_at = NOW + timedelta(days=30)


class DeviceFactory(DjangoModelFactory[Device]):
    class Meta:
        model = Device
        skip_postgeneration_save = True

    serial_number = factory.Sequence(lambda n: f"5CD{n:07d}")
    asset_tag = factory.Sequence(lambda n: f"CB-{n:06d}")
    code = factory.LazyFunction(make_code)
    state = DeviceState.LENT
    created_at = NOW

    @factory.post_generation
    def box_code(self: Device, create: bool, *_args: object, **_kwargs: object) -> None:
        if create and self.code:
            BoxCode.objects.create(code=self.code, device=self, created_at=self.created_at)


class LoanFactory(DjangoModelFactory[Loan]):
    class Meta:
        model = Loan

    device = factory.SubFactory(DeviceFactory)
    kind = LoanKind.PERSONAL
    person = factory.SubFactory(UserFactory)
    department = factory.LazyAttribute(
        lambda o: o.person.department if o.person else DepartmentFactory.create()
    )
    place = factory.LazyAttribute(lambda o: o.person.place if o.person else None)
    started_at = NOW


class JourneyFactory(DjangoModelFactory[Journey]):
    """A journey that has not begun."""

    class Meta:
        model = Journey

    loan = factory.SubFactory(LoanFactory)
    person = factory.LazyAttribute(lambda o: o.loan.person)
    department = factory.LazyAttribute(lambda o: o.loan.department)
    place = factory.LazyAttribute(lambda o: o.loan.place)
    created_at = NOW


class RolloutFactory(DjangoModelFactory[Rollout]):
    class Meta:
        model = Rollout
        django_get_or_create = ("name",)

    name = "端末の入れ替え"
    state = RolloutState.OPEN
    starts_on = NOW.date()
    deadline_on = datetime(2026, 12, 25, tzinfo=UTC).date()


class WaveFactory(DjangoModelFactory[Wave]):
    class Meta:
        model = Wave

    rollout = factory.SubFactory(RolloutFactory)
    name = factory.Sequence(lambda n: f"第{n}回")
    starts_at = NOW
    ends_on = datetime(2026, 11, 20, tzinfo=UTC).date()


class TicketFactory(DjangoModelFactory[Ticket]):
    """A row of the table as it is, without what an action would do around it."""

    class Meta:
        model = Ticket

    kind = TicketKind.HELP
    journey = factory.SubFactory(JourneyFactory)
    reason = Reason.ASKED
    source = Source.PERSON
    department = factory.LazyAttribute(lambda o: o.journey.department if o.journey else None)
    place = factory.LazyAttribute(lambda o: o.journey.place if o.journey else None)
    opened_at = NOW


class PolicyFactory(DjangoModelFactory[Policy]):
    """A rule of a department with its one level, IT."""

    class Meta:
        model = Policy
        skip_postgeneration_save = True

    case = Case.SILENT
    department = factory.SubFactory(DepartmentFactory)
    answer_minutes = 30
    taken_minutes = 525
    night_from = time(21)
    night_to = time(7)

    @factory.post_generation
    def levels(self, create: bool, extracted: object, **_kwargs: object) -> None:
        """Give the rule IT, unless other levels are named as pairs of level and minutes."""
        if create:
            for level, minutes in cast("Any", extracted) or ((Level.IT, 60),):
                PolicyLevel.objects.create(
                    policy=cast("Policy", self), level=level, wait_minutes=minutes
                )


class MacroFactory(DjangoModelFactory[Macro]):
    class Meta:
        model = Macro

    journey = factory.SubFactory(JourneyFactory)
    person = factory.LazyAttribute(lambda o: o.journey.person)
    name = factory.Sequence(lambda n: f"集計{n}.xlsm")
    via = Via.SIGN_IN
    created_at = NOW
    changed_at = NOW


class NoticeFactory(DjangoModelFactory[Notice]):
    class Meta:
        model = Notice

    dedupe_key = factory.Sequence(lambda n: f"test:{n}")
    kind = "test"
    channel = Channel.MAIL
    address = "s010203@asahi.example.jp"
    subject = "件名"
    body = "本文"
    message_id = factory.Sequence(lambda n: f"<test-{n}@kitto.invalid>")
    created_at = NOW
    next_try_at = NOW


class DirectoryLookFactory(DjangoModelFactory[DirectoryLook]):
    """A look that has just begun."""

    class Meta:
        model = DirectoryLook

    scope = Scope.FULL
    started_at = NOW


class DirectoryDeviceFactory(DjangoModelFactory[DirectoryDevice]):
    """A device of Kitto's as Google would show it."""

    class Meta:
        model = DirectoryDevice

    device = factory.SubFactory(DeviceFactory)
    google_id = factory.Sequence(lambda n: f"id-{n:08d}")
    key = factory.SelfAttribute("google_id")
    serial_number = factory.LazyAttribute(
        lambda o: o.device.serial_number if o.device else f"5CDX{o.google_id[-6:]}"
    )
    asset_tag = factory.LazyAttribute(lambda o: o.device.asset_tag if o.device else "")
    status = "ACTIVE"
    standing = "enrolled"
    org_unit = "/職員"
    last_enrolled_at = NOW
    last_sync_at = NOW
    seen_at = NOW


class RemoteChangeFactory(DjangoModelFactory[RemoteChange]):
    class Meta:
        model = RemoteChange

    kind = ChangeKind.DISABLE
    device = factory.SubFactory(DeviceFactory)
    asked_at = NOW


class LabelPaperFactory(DjangoModelFactory[LabelPaper]):
    """A4 with ten labels that is on no list."""

    name = factory.Sequence(lambda n: f"倉庫の用紙 {n}")
    columns = 2
    rows = 5
    label_width = 90
    label_height = 50
    left = 15
    top = 23.5
    pitch_x = 90
    pitch_y = 50

    class Meta:
        model = LabelPaper


class ImportFactory(DjangoModelFactory[Import]):
    """A staff roll that was read and could not be understood without help."""

    class Meta:
        model = Import

    key = factory.Sequence(lambda n: f"{n:032x}")
    kind = "roll"
    state = "asking"
    file_name = "職員.csv"
    headers = ["番号", "氏名", "課"]
    made_at = NOW


class TransferFactory(DjangoModelFactory[Transfer]):
    class Meta:
        model = Transfer

    person = factory.SubFactory(UserFactory)
    effective_on = NOW.date()
    way = ["総務部", "職員課"]
    made_at = NOW


@cache
def shipped_guide() -> GuideDraft:
    """The guide as shipped, read once a process: nobody changes a draft."""
    return read_guide_file(SHIPPED_GUIDE)
