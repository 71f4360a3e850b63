"""The words of people and rights."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    """What somebody may do beside setting up an own device; employees need no grant."""

    LEAD = "lead", _("lead")
    DESK = "desk", _("desk")
    IT = "it", _("IT")
    IT_LEAD = "it_lead", _("IT lead")
    AUDITOR = "auditor", _("auditor")


class Door(TextChoices):
    """How somebody signed in."""

    MAIL = "mail", _("code by e-mail")
    SSO = "sso", _("your organisation's sign-in")
    PASSKEY = "passkey", _("passkey")
    SLIP = "slip", _("printed slip")
    DEVICE = "device", _("code from another device")


class TokenKind(TextChoices):
    """What a token opens: one kind never opens what another does."""

    API = "api", _("API for programs")
    WALL = "wall", _("display on a wall")
    CALENDAR = "calendar", _("calendar to subscribe to")


class TokenScope(TextChoices):
    """How far a token sees: nobody's name ever."""

    NUMBERS = "numbers", _("figures of five people or more, as an auditor")
    IT = "it", _("every department, small ones too, as IT")


class Language(TextChoices):
    """The languages Kitto speaks."""

    JA = "ja", "日本語"
    EN = "en", "English"


IT_ROLES = (Role.IT, Role.IT_LEAD)
# Who is worth an attack: their sign-in needs a second factor and ends after hours.
GUARDED_ROLES = (Role.IT, Role.IT_LEAD, Role.AUDITOR)
ROLL_MAY_GRANT = (Role.LEAD,)


class TransferState(TextChoices):
    """Where a move of somebody stands."""

    PLANNED = "planned", _("planned")
    APPLIED = "applied", _("done")
    DROPPED = "dropped", _("dropped")


class AuditKind(TextChoices):
    """What an entry of the audit log is about."""

    DOOR = "door", _("signing in and out")
    REFUSED = "refused", _("refusals")
    ROLE = "role", _("roles and rights")
    PEOPLE = "people", _("people and lists")
    OUT = "out", _("taken out or looked at")
    LABEL = "label", _("labels, codes and slips")
    TICKET = "ticket", _("questions and tickets")
    GUIDE = "guide", _("the guide")
    PLAN = "plan", _("the plan")
    DEVICE = "device", _("devices")
    SITE = "site", _("settings and log")


# How actions begin that belong to a kind; the longest beginning that fits decides.
AUDIT_PREFIXES: dict[AuditKind, tuple[str, ...]] = {
    AuditKind.REFUSED: (
        "sign_in.refused",
        "factor.refused",
        "rights.refused",
        "box.refused",
        "handoff.refused",
        "handoff.wrong",
        "slips.refused",
    ),
    AuditKind.DOOR: ("sign_in.", "session", "slip.", "factor.", "handoff.", "box."),
    AuditKind.ROLE: ("role.", "token."),
    AuditKind.PEOPLE: ("roll.", "transfer", "departments.", "person.", "import"),
    AuditKind.OUT: (
        "audit.exported",
        "directory.exported",
        "device.serial_revealed",
        "person.exported",
        "board.",
        "register.",
    ),
    AuditKind.LABEL: ("labels.", "code", "slips."),
    AuditKind.TICKET: ("ticket.", "outage.", "duty.", "policy."),
    AuditKind.GUIDE: ("edition.", "step_note", "guide."),
    AuditKind.PLAN: ("rollout.", "wave."),
    AuditKind.DEVICE: ("device", "directory."),
    AuditKind.SITE: (
        "site.",
        "hours.",
        "place.",
        "outlet.",
        "notice",
        "audit.",
        "retention.",
    ),
}


def kind_of_action(action: str) -> AuditKind:
    """Return what an entry is about; whatever nobody named belongs to the site."""
    fits = [
        (len(prefix), kind)
        for kind, prefixes in AUDIT_PREFIXES.items()
        for prefix in prefixes
        if action.startswith(prefix)
    ]
    return max(fits)[1] if fits else AuditKind.SITE
