"""The outbox: what we say, to whom, by which channel, and whether it arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.states import Language
from kitting.lib.sealed import text_locks
from kitting.notices.rules import PARKED_IN_A_ROW, masked
from kitting.notices.states import Channel, Lane, NoticeState, OutletKind

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.fernet import MultiFernet

# Written out, because SQLite uses a partial index only where it reads the index's own words; with
# parameters in their place every round would read the whole table.
WAITING = RawSQL(
    "kitting_notice.state IN ('queued', 'sending')", [], output_field=models.BooleanField()
)


# As above: what will not arrive by itself.
PARKED = RawSQL("kitting_notice.state = 'failed'", [], output_field=models.BooleanField())


class SealedField(models.TextField):  # type: ignore[type-arg]  # Django's own stubs want two
    """A text that the database keeps sealed with the site's key: a copy of the database opens nothing.

    What another key sealed (a database brought elsewhere, a key lost) reads as empty. Rows cannot be
    looked up by it.
    """

    def get_prep_value(self, value: object) -> str:
        """Seal; an empty text stays empty."""
        text = str(value or "")
        return _locks().encrypt(text.encode()).decode() if text else ""

    def from_db_value(self, value: str | None, *_args: object) -> str:
        """Open; older keys of the site (SECRET_KEY_FALLBACKS) still do."""
        try:
            return _locks().decrypt((value or "").encode()).decode() if value else ""
        except InvalidToken:
            return ""


def _locks() -> MultiFernet:
    return text_locks("kitting.outlet", (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Notices, by what is to be done with them."""

    def waiting(self) -> NoticeQuerySet:
        """Return what has not left yet."""
        return self.filter(WAITING)

    def due(self, *, now: datetime) -> NoticeQuerySet:
        """Return what may be sent at a moment, claims that ran out included."""
        return self.waiting().filter(next_try_at__lte=now)

    def parked(self) -> NoticeQuerySet:
        """Return what will not arrive unless somebody sends it again; codes that ran out are none."""
        return self.filter(PARKED).exclude(lane=Lane.SIGN_IN)


class OutletQuerySet(models.QuerySet["Outlet"]):
    """Outlets, by what they hear of."""

    def hearing(self, event: str) -> list[Outlet]:
        """Return the outlets in use that want to hear of something."""
        return [one for one in self.filter(is_on=True).order_by("pk") if event in one.events]

    def failing(self) -> OutletQuerySet:
        """Return the outlets in use that could not be reached for too many messages in a row."""
        return self.filter(is_on=True, parked_in_row__gte=PARKED_IN_A_ROW)

    def switched_off(self) -> OutletQuerySet:
        """Return the outlets that Kitto switched off by itself, by name."""
        return self.filter(switched_off_at__isnull=False).order_by("label")


class Outlet(models.Model):
    """A chat room or a program that hears of what IT hears; address and secret are never shown."""

    label = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=OutletKind)
    url = SealedField()
    secret = SealedField(blank=True)
    events = models.JSONField(default=list)
    is_on = models.BooleanField(default=True)
    parked_in_row = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text=_("How many messages in a row could not be delivered."),
    )
    switched_off_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When Kitto switched it off by itself.")
    )
    created_at = models.DateTimeField()

    objects = OutletQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="webhook") | ~Q(secret=""), name="outlet_webhook_is_signed"
            ),
            models.CheckConstraint(
                condition=Q(switched_off_at__isnull=True) | Q(is_on=False),
                name="outlet_switched_off_rests",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def masked(self) -> str:
        """Return where it is, without what opens it."""
        return masked(self.url)


class Notice(models.Model):
    """One message to one person by one channel (a row of the outbox)."""

    dedupe_key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=40)
    lane = models.CharField(max_length=10, choices=Lane, default=Lane.NORMAL)
    channel = models.CharField(max_length=10, choices=Channel)
    person = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="notices", null=True, blank=True
    )
    outlet = models.ForeignKey(
        Outlet, on_delete=models.SET_NULL, related_name="notices", null=True, blank=True
    )
    address = models.CharField(max_length=254, blank=True)
    language = models.CharField(max_length=2, choices=Language, default=Language.JA)
    subject = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    link = models.CharField(max_length=200, blank=True)
    about = models.CharField(max_length=60, blank=True, db_index=True)
    message_id = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=10, choices=NoticeState, default=NoticeState.QUEUED)
    # The day for which something unasked is meant: one a person and day.
    unasked_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["lane", "next_try_at"],
                condition=Q(state__in=("queued", "sending")),
                name="notice_due",
            ),
            models.Index(
                fields=["created_at"], condition=Q(state="failed"), name="notice_parked"
            ),
            models.Index(fields=["person", "channel", "created_at"], name="notice_of_person"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "unasked_on"],
                condition=Q(unasked_on__isnull=False) & ~Q(state="cancelled"),
                name="notice_unasked_once_a_day",
            ),
            models.CheckConstraint(
                condition=~Q(dedupe_key=""), name="notice_dedupe_key_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="notice_sent_has_a_moment",
            ),
            models.CheckConstraint(
                condition=~Q(channel="mail") | ~Q(address=""), name="notice_mail_has_an_address"
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True) | Q(sent_at__gte=F("created_at")),
                name="notice_sent_after_it_was_written",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel} {self.dedupe_key}"
