"""People, where they belong, when they work, and what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts import finding as _finding  # noqa: F401  # makes `__holds` known
from accounts.states import Door, Language, Role, TokenKind, TokenScope, TransferState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime


class WorkingHours(models.Model):
    """One weekly pattern of opening hours, shared by places and people."""

    name = models.CharField(max_length=80, unique=True)
    week = models.CharField(
        max_length=300,
        default="8:30-17:15",
        help_text=_("Such as 8:30-17:15 (Monday to Friday) or Mon-Sat 7:00-19:00."),
    )
    counts_days = models.BooleanField(
        default=False,
        help_text=_("People work in shifts: silence is counted in working days."),
    )
    observes_holidays = models.BooleanField(default=True)
    closes_year_end = models.BooleanField(default=True, help_text=_("29 December to 3 January"))

    def __str__(self) -> str:
        return self.name


class ClosedDay(models.Model):
    """A day on which a calendar is closed beside weekends and holidays."""

    hours = models.ForeignKey(
        WorkingHours, on_delete=models.CASCADE, related_name="closed_days"
    )
    on = models.DateField()
    reason = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hours", "on"], name="closed_day_once_a_calendar")
        ]

    def __str__(self) -> str:
        return f"{self.hours} {self.on:%Y-%m-%d}"


class Place(models.Model):
    """Where people work and boxes go."""

    name = models.CharField(max_length=80, unique=True)
    hours = models.ForeignKey(
        WorkingHours, on_delete=models.PROTECT, related_name="places", null=True, blank=True
    )
    phone = models.CharField(max_length=40, blank=True)
    wifi_name = models.CharField(max_length=64, blank=True)
    printer_note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name


class Department(models.Model):
    """A part of the organisation (bureau, section, unit) from one date on until another."""

    name = models.CharField(max_length=80)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="children", null=True, blank=True
    )
    valid_from_on = models.DateField(null=True, blank=True)
    valid_to_on = models.DateField(null=True, blank=True)
    successor = models.ForeignKey(
        "self", on_delete=models.SET_NULL, related_name="predecessors", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "name"],
                condition=Q(valid_to_on__isnull=True),
                name="department_name_once_below_its_parent",
            ),
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(valid_to_on__isnull=True, parent__isnull=True),
                name="department_name_once_on_top",
            ),
            models.CheckConstraint(
                condition=Q(valid_to_on__isnull=True)
                | Q(valid_from_on__isnull=True)
                | Q(valid_to_on__gte=F("valid_from_on")),
                name="department_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def full_name(self) -> str:
        """Bureau and section in one line; needs `parent` loaded."""
        return f"{self.parent.name} {self.name}" if self.parent else self.name


class PersonQuerySet(models.QuerySet["User"]):
    """People, by what is asked about them."""

    def present(self, *, on: date) -> PersonQuerySet:
        """Return who works here on a day; a leaving date still to come changes nothing."""
        stays = Q(left_on__isnull=True) | Q(left_on__gt=on)
        return self.filter(stays, is_active=True)

    def within(
        self, *, departments: Collection[int], places: Collection[int]
    ) -> PersonQuerySet:
        """Return who belongs to some departments or works at some places."""
        return self.filter(Q(department__in=departments) | Q(place__in=places))

    def with_role(self, *roles: Role, on: date) -> PersonQuerySet:
        """Return who holds one of the roles on a day."""
        held = Grant.objects.valid(on=on).filter(role__in=roles)
        return self.present(on=on).filter(pk__in=held.values("person_id"))


class PersonManager(DjangoUserManager["User"].from_queryset(PersonQuerySet)):  # type: ignore[misc]  # django-stubs cannot see a class made at run time
    """People and how Django creates them."""


class User(AbstractUser):
    """A person on the roll of the organisation."""

    username = models.CharField(max_length=150, unique=True)
    first_name = None  # type: ignore[assignment]  # one name field: Japanese names are not split
    last_name = None  # type: ignore[assignment]  # see above
    staff_number = models.CharField(max_length=20, unique=True, null=True, blank=True)
    name = models.CharField(max_length=80)
    kana = models.CharField(max_length=80, blank=True)
    email = models.EmailField(blank=True)
    account = models.CharField(
        max_length=254,
        blank=True,
        help_text=_("The Chromebook account, shown after sign-in only."),
    )
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, related_name="people", null=True, blank=True
    )
    place = models.ForeignKey(
        Place, on_delete=models.PROTECT, related_name="people", null=True, blank=True
    )
    hours = models.ForeignKey(
        WorkingHours, on_delete=models.PROTECT, related_name="people", null=True, blank=True
    )
    title = models.CharField(max_length=40, blank=True)
    employment = models.CharField(max_length=40, blank=True)
    extension = models.CharField(max_length=20, blank=True)
    language = models.CharField(max_length=2, choices=Language, default=Language.JA)
    left_on = models.DateField(null=True, blank=True)
    leave_from_on = models.DateField(null=True, blank=True)
    leave_to_on = models.DateField(null=True, blank=True)
    theme = models.CharField(max_length=10, blank=True)
    text_size = models.CharField(max_length=10, blank=True)
    ruby = models.CharField(max_length=3, blank=True)
    # Raised to end every session of this person, in whatever browser, at its next request.
    session_epoch = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects: ClassVar[PersonManager] = PersonManager()

    class Meta:
        indexes = [
            # The sweep asks each minute who has left.
            models.Index(
                fields=["left_on"], condition=Q(left_on__isnull=False), name="person_left"
            ),
            models.Index(
                fields=["extension"], condition=~Q(extension=""), name="person_extension"
            ),
            models.Index(fields=["kana", "id"], name="person_roll_order"),
        ]
        constraints = [
            models.UniqueConstraint(
                Lower("email"), condition=~Q(email=""), name="person_email_once"
            ),
            models.UniqueConstraint(
                Lower("account"), condition=~Q(account=""), name="person_account_once"
            ),
            models.CheckConstraint(
                condition=Q(leave_to_on__isnull=True)
                | Q(leave_from_on__isnull=False, leave_to_on__gte=F("leave_from_on")),
                name="person_leave_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(language__in=Language.values), name="person_language_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        """Return the name as it stands on the roll."""
        return self.name

    def has_usable_password(self) -> bool:
        """Nobody has a password on this site, so nobody is ever asked for one."""
        return False

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # What Django compares at every request: a raised epoch ends all sessions made before.
        return salted_hmac(
            "accounts.User.session",
            f"{self.password}:{self.session_epoch}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    def get_short_name(self) -> str:
        """Return the family name where the roll separates it."""
        return self.name.split()[0] if self.name.split() else self.username

    def has_left(self, on: date) -> bool:
        """Tell whether the person's leaving date has come."""
        return self.left_on is not None and self.left_on <= on

    def is_on_leave(self, on: date) -> bool:
        """Tell whether the person is away on a day."""
        return (
            self.leave_from_on is not None
            and self.leave_from_on <= on
            and (self.leave_to_on is None or on <= self.leave_to_on)
        )


class GrantQuerySet(models.QuerySet["Grant"]):
    """Rights, by day."""

    def valid(self, *, on: date) -> GrantQuerySet:
        """Return the grants in force on a day."""
        return self.filter(
            Q(from_on__isnull=True) | Q(from_on__lte=on),
            Q(to_on__isnull=True) | Q(to_on__gte=on),
        )


class Grant(models.Model):
    """One right of one person: everywhere, or for a department or a place."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=10, choices=Role)
    department = models.ForeignKey(
        Department, on_delete=models.CASCADE, related_name="grants", null=True, blank=True
    )
    place = models.ForeignKey(
        Place, on_delete=models.CASCADE, related_name="grants", null=True, blank=True
    )
    is_deputy = models.BooleanField(default=False)
    from_on = models.DateField(null=True, blank=True)
    to_on = models.DateField(null=True, blank=True)
    from_roll = models.BooleanField(default=False, help_text=_("Kept in step with the roll."))
    granted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="given_grants", null=True, blank=True
    )
    granted_at = models.DateTimeField()

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "person",
                "role",
                Coalesce("department", 0),
                Coalesce("place", 0),
                name="grant_once",
            ),
            models.CheckConstraint(
                condition=Q(role=Role.LEAD) | Q(department__isnull=True, place__isnull=True),
                name="grant_scope_is_for_leads",
            ),
            models.CheckConstraint(
                condition=~Q(role=Role.LEAD)
                | Q(department__isnull=False)
                | Q(place__isnull=False),
                name="grant_lead_has_a_scope",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="grant_role_known"),
            models.CheckConstraint(
                condition=~Q(from_roll=True) | Q(role=Role.LEAD),
                name="grant_by_roll_names_leads_only",
            ),
            models.CheckConstraint(
                condition=Q(from_on__isnull=True)
                | Q(to_on__isnull=True)
                | Q(to_on__gte=F("from_on")),
                name="grant_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.role} {self.department or self.place or ''}".strip()

    def is_valid(self, on: date) -> bool:
        """Tell whether it is in force on a day, as `valid` asks the database."""
        return (self.from_on is None or self.from_on <= on) and (
            self.to_on is None or self.to_on >= on
        )


class SignIn(models.Model):
    """One browser in which somebody is signed in, so that its person can see and end it."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    door = models.CharField(max_length=10, choices=Door)
    browser = models.CharField(max_length=60, blank=True)
    client_address = models.CharField(max_length=60, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(door__in=Door.values), name="sign_in_door_known")
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.browser} {self.at:%Y-%m-%d %H:%M}"


class SlipQuerySet(models.QuerySet["Slip"]):
    """Printed slips, by whether they still open a door."""

    def unused(self) -> SlipQuerySet:
        """Return the slips that were neither used nor taken back."""
        return self.filter(used_at__isnull=True, revoked_at__isnull=True)

    def open_at(self, now: datetime) -> SlipQuerySet:
        """Return the slips that sign somebody in at a moment."""
        return self.unused().filter(expires_at__gt=now)


class Slip(models.Model):
    """A printed slip that signs one person in, once; the database knows only its digest."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="slips")
    digest = models.CharField(max_length=64, unique=True)
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = SlipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(used_at__isnull=True, revoked_at__isnull=True),
                name="slip_one_unused_a_person",
            ),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(revoked_at__isnull=True),
                name="slip_used_or_taken_back",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("issued_at")), name="slip_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.issued_at:%Y-%m-%d}"


class ThrottleQuerySet(models.QuerySet["Throttle"]):
    """Counters of tries."""

    def open_at(self, now: datetime) -> ThrottleQuerySet:
        """Return the counters whose window still runs."""
        return self.filter(expires_at__gt=now)


class Throttle(models.Model):
    """How often somebody tried something lately; our own table, shared by all processes."""

    key = models.CharField(max_length=160, unique=True)
    count = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)

    objects = ThrottleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(count__gte=0), name="throttle_counts_up")
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class TokenQuerySet(models.QuerySet["Token"]):
    """Tokens, by whether they still open something."""

    def open_at(self, now: datetime) -> TokenQuerySet:
        """Return the tokens that are neither taken back nor over."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)


class Token(models.Model):
    """What a program, a display or a calendar shows to be let in; the database knows its digest only."""

    kind = models.CharField(max_length=10, choices=TokenKind)
    label = models.CharField(max_length=80)
    scope = models.CharField(max_length=10, choices=TokenScope, default=TokenScope.NUMBERS)
    # What a token is about where it is not for the whole site, such as rollout:3.
    subject = models.CharField(max_length=40, blank=True)
    digest = models.CharField(max_length=64, unique=True)
    beginning = models.CharField(max_length=12, help_text=_("To tell tokens apart by."))
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    objects = TokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=TokenKind.values), name="token_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(scope__in=TokenScope.values), name="token_scope_known"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("made_at")), name="token_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=Q(kind=TokenKind.API) | Q(scope=TokenScope.NUMBERS),
                name="token_only_programs_see_more",
            ),
            models.CheckConstraint(
                condition=Q(kind=TokenKind.CALENDAR, subject__gt="")
                | (~Q(kind=TokenKind.CALENDAR) & Q(subject="")),
                name="token_calendar_is_of_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


class AuditEntry(models.Model):
    """What happened to rights, doors and records: who, what, when, from where, to what.

    Whatever may name a person stands here and can be erased in place, never changed; that it was
    there, and that it was this, is held by the link of the entry. Rows are kept by triggers.
    """

    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    actor_name = models.CharField(max_length=80, blank=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120, blank=True)
    data = models.JSONField(default=dict)
    client_address = models.CharField(max_length=60, blank=True, default="", db_default="")
    salt = models.CharField(max_length=32, blank=True, default="", db_default="")
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.subject}"


class AuditSeal(models.Model):
    """One batch of links under one head; each head holds the one before it."""

    number = models.PositiveIntegerField(unique=True)
    at = models.DateTimeField()
    count = models.PositiveIntegerField()
    previous = models.CharField(max_length=64, blank=True)
    head = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.number}: {self.head}"


class AuditLink(models.Model):
    """What proves an entry, without a word of it: its digest, and the seal it lies under."""

    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT, related_name="link")
    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    actor_number = models.BigIntegerField(null=True, blank=True)
    digest = models.CharField(max_length=64)
    seal = models.ForeignKey(
        AuditSeal, on_delete=models.PROTECT, related_name="links", null=True, blank=True
    )

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.digest}"


class Posting(models.Model):
    """Where somebody belonged before: one row a move, written when it happens.

    `to_on` is the first day at the next place; without `from_on` nobody knows since when.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="postings")
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, related_name="postings", null=True, blank=True
    )
    place = models.ForeignKey(
        Place, on_delete=models.PROTECT, related_name="postings", null=True, blank=True
    )
    from_on = models.DateField(null=True, blank=True)
    to_on = models.DateField()
    written_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(from_on__isnull=True) | Q(to_on__gte=F("from_on")),
                name="posting_ends_after_it_begins",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.department_id} -{self.to_on:%Y-%m-%d}"


class TransferQuerySet(models.QuerySet["Transfer"]):
    """Moves, by what is still to come."""

    def planned(self) -> TransferQuerySet:
        """Return moves that have not happened."""
        return self.filter(state=TransferState.PLANNED)

    def due(self, *, on: date) -> TransferQuerySet:
        """Return moves whose day has come and that have not happened."""
        return self.planned().filter(effective_on__lte=on)


class Transfer(models.Model):
    """Somebody moves to another department or place on a day, and the devices come along.

    `way` are the names of the new department from the top down; it may not exist before that day.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="transfers")
    effective_on = models.DateField(db_index=True)
    way = models.JSONField(default=list, blank=True)
    place_name = models.CharField(max_length=80, blank=True)
    state = models.CharField(
        max_length=10, choices=TransferState, default=TransferState.PLANNED
    )
    made_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)
    applied_by = models.CharField(
        max_length=32, blank=True, help_text=_("The batch that moved the person.")
    )

    objects = TransferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "effective_on"],
                condition=Q(state="planned"),
                name="transfer_once_a_person_and_day",
            ),
            models.CheckConstraint(
                condition=Q(state="applied", applied_at__isnull=False)
                | (~Q(state="applied") & Q(applied_at__isnull=True)),
                name="transfer_applied_has_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(state__in=TransferState.values), name="transfer_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.effective_on:%Y-%m-%d}"


class Trace(models.Model):
    """What one batch made of one row of a table: enough to take it back.

    Without `before` the row was made by the batch; without `after` it was removed.
    """

    batch = models.CharField(max_length=32)
    table = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "table", "object_id"], name="trace_once_a_row_and_batch"
            )
        ]

    def __str__(self) -> str:
        return f"{self.batch} {self.table}:{self.object_id}"
