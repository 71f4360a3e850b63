"""The access table: every address, every kind of visitor, GET and POST.

A new address that is not in the table fails the first test; a cell that differs fails the second.
Letters: o answers, v asks to correct the form, r sends on, L sends to sign-in, - does not exist for
this visitor (404), m wrong method (405), n not ready (503), t too many or not allowed here (400, 401, 403, 429).
"""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import compress

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import ClosedDay, WorkingHours
from accounts.states import Role
from kitting import urls
from kitting.escalation.actions.asking import ask
from kitting.escalation.models import Duty, LossReport, Outage, Plea, TicketPhoto
from kitting.escalation.states import TicketKind, Wish
from kitting.guides.actions import add_step_note, adopt_note, load_guide
from kitting.helpdesk.models import SavedReply
from kitting.imports.models import Import, ImportFile
from kitting.jobs.models import Job
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import Via
from kitting.lib.photos import Photo
from kitting.notices.models import Outlet
from kitting.site.models import Announcement
from tests.factories import (
    NOW,
    DepartmentFactory,
    GrantFactory,
    ImportFactory,
    JourneyFactory,
    LabelPaperFactory,
    LoanFactory,
    MacroFactory,
    PolicyFactory,
    RemoteChangeFactory,
    SignInFactory,
    TicketFactory,
    TokenFactory,
    TransferFactory,
    UserFactory,
    WaveFactory,
    shipped_guide,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from accounts.models import User
    from kitting.models import Journey, Ticket

# `make test-long` asks at every cell.
ALL = bool(os.environ.get("KITTO_ALL_LOOKS"))
VISITORS = (
    "anonymous",
    "box session",
    "own journey",
    "other employee",
    "lead here",
    "lead elsewhere",
    "IT",
    "IT lead",
    "desk",
    "auditor",
)

# Each letter is one visitor, in the order of VISITORS. Where only eight stand, the desk and the auditor
# get what any other employee gets.
TABLE: dict[str, tuple[str, str]] = {
    # address                      GET         POST
    "account_audit": ("LL-----o-o", "LLmmmmmmmm"),
    "account_audit_export": ("LLmmmmmmmm", "LL-----o-o"),
    "account_browsers": ("LLoooooooo", "LLmmmmmmmm"),
    "account_end_browser": ("LLmmmmmmmm", "LLr-------"),
    "account_end_browsers": ("LLmmmmmmmm", "LLrrrrrrrr"),
    "account_end_sessions": ("LLmmmmmmmm", "LL-----r-t"),
    "account_forget_factor": ("LLmmmmmmmm", "LL-----r-t"),
    "account_passkey_options": ("mmmmmmmmmm", "oooooooooo"),
    "account_reauthenticate": ("LLrrrrrrrr", "LLmmmmmmmm"),
    "account_role_person": ("LL-----o-o", "LL-----v-t"),
    "account_roles": ("LL-----o-o", "LLmmmmmmmm"),
    "account_slip": ("oorrrrrrrr", "vvrrrrrrrr"),
    "account_revoke_token": ("LLmmmmmmmm", "LL-----r-t"),
    "account_sso": ("mmmmmmmmmm", "----------"),
    "account_sso_back": ("----------", "mmmmmmmmmm"),
    "account_take_role": ("LLmmmmmmmm", "LL-----r-t"),
    "account_tokens": ("LL-----o-o", "LL-----v-t"),
    "mfa_activate_totp": ("LLoooooooo", "LLvvvvvvvv"),
    "mfa_add_webauthn": ("LLoooooooo", "LLvvvvvvvv"),
    "mfa_authenticate": ("LLrrrrrrrr", "LLrrrrrrrr"),
    "mfa_deactivate_totp": ("LL--------", "LL--------"),
    "mfa_generate_recovery_codes": ("LLrrrrrrrr", "LLrrrrrrrr"),
    "mfa_index": ("LLoooooooo", "LLmmmmmmmm"),
    "mfa_login_webauthn": ("mmmmmmmmmm", "LLrrrrrrrr"),
    "mfa_reauthenticate": ("LLtttttttt", "LLtttttttt"),
    "mfa_reauthenticate_webauthn": ("mmmmmmmmmm", "LLtttttttt"),
    "mfa_remove_webauthn": ("LL--------", "LL--------"),
    "mfa_view_recovery_codes": ("LL--------", "mmmmmmmmmm"),
    "account_confirm_login_code": ("LLrrrrrr", "LLrrrrrr"),
    "account_login": ("oorrrrrr", "vvrrrrrr"),
    "account_logout": ("rroooooo", "rrrrrrrr"),
    "account_request_login_code": ("oorrrrrr", "vvrrrrrr"),
    "around:accept": ("mmmmmmmm", "-rr-----"),
    "around:card": ("-oo-----", "mmmmmmmm"),
    "around:certificate": ("-rr-----", "mmmmmmmm"),
    "around:confidence": ("-oo-----", "-rr-----"),
    "around:drop_macro": ("mmmmmmmm", "--r-----"),
    "around:everybody": ("oooooooo", "mmmmmmmm"),
    "around:lesson": ("-oo-----", "mmmmmmmm"),
    "around:lessons": ("-oo-----", "mmmmmmmm"),
    "around:letters": ("mmmmmmmm", "--r-----"),
    "around:macro_desk": ("LL----oo", "LLmmmmmm"),
    "around:macro_verb": ("LLmmmmmm", "LL----vv"),
    "around:macros": ("-oo-----", "-vv-----"),
    "around:manual": ("-oo-----", "mmmmmmmm"),
    "around:month": ("-rr-----", "-rr-----"),
    "around:no_macros": ("mmmmmmmm", "-rr-----"),
    "around:old_pc": ("mmmmmmmm", "-rr-----"),
    "around:prepare": ("-oo-----", "mmmmmmmm"),
    "around:read": ("mmmmmmmm", "-rr-----"),
    "around:returns": ("-oo-----", "mmmmmmmm"),
    "around:survey": ("-rr-----", "-rr-----"),
    "around:tick": ("mmmmmmmm", "-rr-----"),
    "counter:arrive": ("LL--ooooo-", "LLmmmmmm"),
    "counter:boxes": ("LL--ooooo-", "LLmmmmmm"),
    "counter:home": ("LL--ooooo-", "LLmmmmmm"),
    "counter:deed": ("LLmmmmmm", "LL----vv"),
    "counter:device": ("LL----oo", "LLmmmmmm"),
    "counter:devices": ("LL----oo", "LLmmmmmm"),
    "counter:paths": ("LL--oooo", "LLmmmmmm"),
    "counter:scan": ("LLmmmmmm", "LL--vvvvv-"),
    "counter:undo": ("LLmmmmmm", "LL------"),
    "dashboard:after": ("LL--oooo-o", "LLmmmmmmmm"),
    "dashboard:after_sheet": ("LL--oooo-o", "LLmmmmmmmm"),
    "dashboard:api": ("tttttttttt", "mmmmmmmmmm"),
    "dashboard:openapi": ("oooooooooo", "mmmmmmmmmm"),
    "dashboard:department_sheet": ("LLmmmmmmmm", "LL--o-oo--"),
    "dashboard:overview_sheet": ("LLmmmmmmmm", "LL--oooo-o"),
    "dashboard:register": ("LLmmmmmmmm", "LL--o-oo--"),
    "dashboard:summary": ("LL----oo-o", "LLmmmmmmmm"),
    "dashboard:summary_sheet": ("LL----oo-o", "LLmmmmmmmm"),
    "dashboard:wall": ("----------", "mmmmmmmmmm"),
    "dashboard:insights_sheet": ("LL----oo", "LLmmmmmm"),
    "dashboard:department": ("LL--o-oo", "LLmmmmmm"),
    "dashboard:device": ("LL--o-oo", "LLmmmmmm"),
    "dashboard:insights": ("LL----oo", "LLmmmmmm"),
    "dashboard:journey": ("LL--o-oo", "LLmmmmmm"),
    "dashboard:overview": ("LL--oooo-o", "LLmmmmmmmm"),
    "demo:be": ("--------", "--------"),
    "demo:clock": ("--------", "--------"),
    "demo:device": ("--------", "--------"),
    "demo:home": ("--------", "--------"),
    "demo:mail": ("--------", "--------"),
    "demo:mails": ("--------", "--------"),
    "demo:morning": ("--------", "--------"),
    "demo:progress": ("--------", "--------"),
    "demo:stop": ("--------", "--------"),
    "helpdesk:answer": ("LL----oo", "LL----vv"),
    "helpdesk:drop": ("LLmmmmmm", "LL----rr"),
    "helpdesk:end": ("LLmmmmmm", "LL----rr"),
    "helpdesk:look": ("LLmmmmmm", "LL--o-oo"),
    "helpdesk:meeting": ("LL----oo", "LL----rr"),
    "helpdesk:next": ("LL----oo", "LLmmmmmm"),
    "helpdesk:note": ("LL----oo", "LL----vv"),
    "helpdesk:notes": ("LL----oo", "LLmmmmmm"),
    "helpdesk:propose": ("LL----oo", "LL----vv"),
    "helpdesk:publish": ("LLmmmmmm", "LL-----r"),
    "helpdesk:outcome": ("LLmmmmmm", "LL----vv"),
    "helpdesk:replies": ("LL----oo", "LLmmmmmm"),
    "helpdesk:reply": ("LL----oo", "LL----vv"),
    "helpdesk:reply_new": ("LL----oo", "LL----vv"),
    "helpdesk:without_mail": ("LL--oooo", "LLmmmmmm"),
    "helpdesk:reveal": ("LLmmmmmm", "LL----oo"),
    "helpdesk:round": ("LL--oooo", "LLmmmmmm"),
    "escalation:alerts": ("LL----oo", "LLmmmmmm"),
    "escalation:announce": ("LLmmmmmm", "LL----vv"),
    "directory:change": ("LL----oo", "LL----vv"),
    "directory:change_done": ("LLmmmmmm", "LL----rr"),
    "directory:device": ("LL----oo", "LLmmmmmm"),
    "directory:export": ("LLmmmmmm", "LL----oo"),
    "directory:finding": ("LL----oo", "LLmmmmmm"),
    "directory:look": ("LLmmmmmm", "LL----rr"),
    "directory:overview": ("LL----oo", "LLmmmmmm"),
    "directory:take_in": ("LL----oo", "LL----vv"),
    "directory:write_back": ("LLmmmmmm", "LL----rr"),
    "escalation:answer": ("-oo-----", "mmmmmmmm"),
    "escalation:ask": ("-oo-----", "-vv-----"),
    "escalation:call": ("LL----oo", "LLmmmmmm"),
    "escalation:call_about": ("LL----oo", "LL----vv"),
    "escalation:desk": ("LL--oooo", "LLmmmmmm"),
    "escalation:duty_drop": ("LLmmmmmm", "LL----rr"),
    "escalation:ladder": ("LL----oo", "LLmmmmmm"),
    "escalation:move": ("LL--o-oo", "LL--v-vv"),
    "escalation:offer": ("mmmmmmmm", "--------"),
    "escalation:plea": ("LLo-----", "LL------"),
    "escalation:policy": ("LL----oo", "LL-----v"),
    "escalation:policy_drop": ("LLmmmmmm", "LL-----r"),
    "escalation:policy_new": ("LL-----o", "LL-----o"),
    "escalation:press": ("LLmmmmmm", "LL--r-rr"),
    "escalation:rota": ("LL----oo", "LL----vv"),
    "escalation:own_photo": ("--o-----", "mmmmmmmm"),
    "escalation:loss_settled": ("LLmmmmmm", "LL----rr"),
    "escalation:loss_tick": ("LLmmmmmm", "LL----rr"),
    "escalation:exchange": ("LLmmmmmm", "LL------"),
    "escalation:own_swap": ("mmmmmmmm", "--------"),
    "escalation:losses": ("LL----oo", "LLmmmmmm"),
    "escalation:lost": ("oooooooo", "vvvvvvvv"),
    "escalation:lost_told": ("oooooooo", "mmmmmmmm"),
    "escalation:own_loss": ("-oo-----", "-rr-----"),
    "escalation:outage": ("LLmmmmmm", "LL----vv"),
    "escalation:outage_verb": ("LLmmmmmm", "LL----rr"),
    "escalation:person_says": ("mmmmmmmm", "-vv-----"),
    "escalation:photo": ("LL--o-oo", "LLmmmmmm"),
    "escalation:report": ("oooooooo", "rrrrrrrr"),
    "escalation:reported": ("rrrrrrrr", "mmmmmmmm"),
    "escalation:ticket": ("LL--o-oo", "LLmmmmmm"),
    "escalation:unsay": ("LLmmmmmm", "LL----rr"),
    "escalation:wave_verb": ("LLmmmmmm", "LL----rr"),
    "escalation:ticket_verb": ("LLmmmmmm", "LL--v-vv"),
    "handoff:answer": ("mmmmmmmm", "rrrrrrrr"),
    "handoff:fetch": ("mmmmmmmm", "rrrrrrrr"),
    "handoff:new": ("mmmmmmmm", "rrrrrrrr"),
    "handoff:show": ("oooooooo", "mmmmmmmm"),
    "handoff:stop": ("mmmmmmmm", "rrrrrrrr"),
    "handoff:type": ("oooooooo", "vvvvvvvv"),
    "handoff:typed": ("rrrrrrrr", "mmmmmmmm"),
    "home": ("oororrrrro", "mmmmmmmmmm"),
    "imports:columns": ("LL----oo", "LL----vv"),
    "imports:drop": ("LLmmmmmm", "LL----rr"),
    "imports:drop_transfer": ("LLmmmmmm", "LL----rr"),
    "imports:marked": ("LL----oo", "LLmmmmmm"),
    "imports:overview": ("LL----oo", "LL----vv"),
    "imports:part": ("LL----oo", "LLmmmmmm"),
    "imports:show": ("LL----oo", "LLmmmmmm"),
    "imports:take": ("LLmmmmmm", "LL----rr"),
    "imports:transfers": ("LL----oo", "LLmmmmmm"),
    "imports:undo": ("LL----rr", "LL----rr"),
    "jobs:healthz": ("oooooooo", "mmmmmmmm"),
    "jobs:readyz": ("nnnnnnnn", "mmmmmmmm"),
    "escalation:paper": ("LLmmmmmmmm", "LL--r-rrr-"),
    "journeys:arrive": ("mmmmmmmm", "-rr-----"),
    "journeys:begin": ("mmmmmmmm", "vvrrrrrr"),
    "journeys:open_again": ("LLmmmmmm", "LL--r-rr"),
    "journeys:booklet": ("oooooooo", "mmmmmmmm"),
    "journeys:box": ("oooooooo", "mmmmmmmm"),
    "journeys:check": ("mmmmmmmm", "-vv-----"),
    "journeys:declare": ("mmmmmmmm", "-rr-----"),
    "journeys:done": ("mmmmmmmm", "-rr-----"),
    "journeys:error": ("oooooooo", "mmmmmmmm"),
    "journeys:errors": ("oooooooo", "mmmmmmmm"),
    "journeys:find_box": ("vvvvvvvv", "mmmmmmmm"),
    "journeys:finished": ("-rr-----", "mmmmmmmm"),
    "journeys:keep": ("-oo-----", "mmmmmmmm"),
    "journeys:later": ("-oo-----", "-vv-----"),
    "journeys:leave": ("mmmmmmmm", "-rr-----"),
    "journeys:moved": ("oooooooo", "mmmmmmmm"),
    "journeys:next_person": ("orrrrrrr", "mmmmmmmm"),
    "journeys:opened": ("mmmmmmmm", "-oo-----"),
    "journeys:pass": ("oooooooo", "mmmmmmmm"),
    "journeys:overview": ("-oo-----", "mmmmmmmm"),
    "journeys:phase": ("-oo-----", "-rr-----"),
    "journeys:read": ("mmmmmmmm", "--r-----"),
    "journeys:paper": ("mmmmmmmm", "-rr-----"),
    "journeys:own_error": ("-oo-----", "mmmmmmmm"),
    "journeys:own_errors": ("-oo-----", "-rr-----"),
    "journeys:ready": ("-rr-----", "mmmmmmmm"),
    "journeys:shared_next": ("mmmmmmmm", "rrrrrrrr"),
    "journeys:shared_stay": ("mmmmmmmm", "oooooooo"),
    "journeys:shared_switch": ("mmmmmmmm", "rrrrrrrr"),
    "journeys:skip": ("mmmmmmmm", "-rr-----"),
    "journeys:start": ("mmmmmmmm", "-rr-----"),
    "journeys:step": ("-oo-----", "mmmmmmmm"),
    "journeys:step_later": ("-oo-----", "-vv-----"),
    "journeys:test": ("-oo-----", "-vv-----"),
    "journeys:trouble": ("mmmmmmmm", "-oo-----"),
    "journeys:undo": ("mmmmmmmm", "-rr-----"),
    "notices:all_again": ("LLmmmmmm", "LL----rr"),
    "notices:outlet": ("LL-----o", "LL-----v"),
    "notices:outlet_new": ("LL-----o", "LL-----v"),
    "notices:outlet_verb": ("LLmmmmmm", "LL-----r"),
    "notices:outlets": ("LL-----o", "LLmmmmmm"),
    "notices:parked": ("LL----oo", "LLmmmmmm"),
    "notices:parked_verb": ("LLmmmmmm", "LL----rr"),
    "plan:box_calendar": ("----------", "mmmmmmmmmm"),
    "plan:feed": ("----------", "mmmmmmmmmm"),
    "plan:feed_new": ("LL-----o--", "LL-----v--"),
    "plan:home": ("LL--oooo--", "LLmmmmmmmm"),
    "plan:mark": ("LLmmmmmmmm", "LL--r-rr--"),
    "plan:own_calendar": ("----------", "mmmmmmmmmm"),
    "plan:rollout": ("LL----oo--", "LLmmmmmmmm"),
    "plan:rollout_edit": ("LL----oo--", "LL----vv--"),
    "plan:rollout_new": ("LL----oo--", "LL----vv--"),
    "plan:rollout_verb": ("LLmmmmmmmm", "LL-----r--"),
    "plan:verdict": ("LLmmmmmmmm", "LL-----v--"),
    "plan:wave": ("LL--o-oo--", "LLmmmmmmmm"),
    "plan:wave_calendar": ("LL--o-oo--", "LLmmmmmmmm"),
    "plan:wave_edit": ("LL----oo--", "LL----vv--"),
    "plan:wave_new": ("LL----oo--", "LL----vv--"),
    "plan:wave_verb": ("LLmmmmmmmm", "LL----rr--"),
    "site:close_days": ("LLmmmmmm", "LL----vv"),
    "site:hours": ("LL----oo", "LL----vv"),
    "site:hours_of": ("LL----oo", "LL----vv"),
    "labels:bind": ("LL----ooo-", "LL----vvv-"),
    "labels:codes": ("LL----ooo-", "LL----vvv-"),
    "labels:drop_paper": ("LLmmmmmmmm", "LL----rrr-"),
    "labels:file": ("LL----ooo-", "LLmmmmmmmm"),
    "labels:home": ("LL----ooo-", "LL----vvv-"),
    "labels:match": ("LL----ooo-", "LL----vvv-"),
    "labels:one": ("LL----ooo-", "LLmmmmmmmm"),
    "labels:one_box": ("LL----ooo-", "LL----vvv-"),
    "labels:papers": ("LL----ooo-", "LL----vvv-"),
    "labels:printers": ("LL----ooo-", "LL----vvv-"),
    "labels:printing": ("LL----ooo-", "LLmmmmmmmm"),
    "labels:progress": ("LL----ooo-", "LLmmmmmmmm"),
    "labels:ruler": ("LL----ooo-", "LLmmmmmmmm"),
    "labels:signin_slip": ("LLmmmmmm", "LL--r-rr"),
    "labels:signin_slip_stop": ("LLmmmmmm", "LL--r-rr"),
    "labels:signin_slips": ("LL--oooo", "LLmmmmmm"),
    "labels:sheet": ("rrrrrrrr", "mmmmmmmm"),
    "monitor:metrics": ("--------", "mmmmmmmm"),
    "labels:slip": ("oooooooo", "mmmmmmmm"),
    "labels:slips": ("LL----ooo-", "LL----vvv-"),
    "journeys:waiting": ("oooooooo", "mmmmmmmm"),
    "journeys:worker": ("oooooooo", "mmmmmmmm"),
    "site:language": ("mmmmmmmm", "rrrrrrrr"),
    "site:leave": ("LL----oo", "LL----rr"),
    "site:leaves": ("LL----oo", "LLmmmmmm"),
    "site:open_day": ("LLmmmmmm", "LL----rr"),
    "site:place_hours": ("LLmmmmmm", "LL----rr"),
    "privacy:export": ("LLmmmmmmmm", "LL-----v--"),
    "privacy:people": ("LL-----o--", "LLmmmmmmmm"),
    "privacy:person": ("LL-----o--", "LLmmmmmmmm"),
    "privacy:privacy": ("oooooooo", "mmmmmmmm"),
    "privacy:remove": ("LLmmmmmmmm", "LL-----v--"),
    "site:profile": ("LL----oo", "LL----tv"),
    "site:reading": ("mmmmmmmm", "rrrrrrrr"),
}

# Where an address needs its own words or values to mean anything.
OWN_WORDS: dict[str, dict[str, Any]] = {
    "dashboard:after_sheet": {"kind": "csv"},
    "dashboard:insights_sheet": {"kind": "csv"},
    "dashboard:department_sheet": {"kind": "csv"},
    "dashboard:overview_sheet": {"kind": "xlsx"},
    "dashboard:register": {"kind": "pdf"},
    "counter:deed": {"verb": "returned"},
    "escalation:loss_tick": {"line": "disable"},
    "escalation:outage_verb": {"verb": "solved"},
    "escalation:wave_verb": {"verb": "hold"},
    "notices:outlet_verb": {"verb": "pause"},
    "notices:parked_verb": {"verb": "again"},
    "plan:wave_verb": {"verb": "hold"},
    "plan:rollout_verb": {"verb": "close"},
    "escalation:move": {"verb": "snooze"},
    "escalation:press": {"verb": "not_today"},
    "journeys:check": {"key": "confirm-device"},
    "journeys:skip": {"key": "camera-mic"},
    "journeys:phase": {"key": "before_sign_in"},
    "around:lesson": {"key": "lesson-share"},
    "around:read": {"key": "lesson-share"},
    "around:tick": {"key": "charge"},
    "around:macro_verb": {"verb": "answer"},
    "directory:finding": {"finding": "only_kitto"},
    "directory:export": {"finding": "only_kitto", "kind": "csv"},
    "journeys:error": {"key": "signin-wrong"},
    "journeys:own_error": {"key": "signin-wrong"},
}
POSTED = {
    "plan:mark": {"kind": "charged"},
    "escalation:press": {"seen": "0"},
    "journeys:trouble": {"trouble": "1"},
    "journeys:own_errors": {"error": "signin-wrong"},
}


OTHER_EMPLOYEE = VISITORS.index("other employee")


def all_visitors(cells: str) -> str:
    """Return a cell a visitor: the desk and the auditor are employees where nothing else is said."""
    return cells.ljust(len(VISITORS), cells[OTHER_EMPLOYEE])


@dataclass
class Cast:
    """One journey with a question, and everybody who may come by."""

    journey: Journey
    ticket: Ticket
    cookies: dict[str, Any]
    # Keys of whatever else an address may name: one line each, in `cast`.
    more: dict[str, int]
    # Somebody of the same department who cannot read mail.
    without_mail: int


def cookies_of(visitor: str, people: dict[str, User], journey: Journey) -> Any:
    """Return what the browser of one kind of visitor carries."""
    client = Client()
    if visitor in people:
        client.force_login(people[visitor])
    elif visitor == "box session":
        session = client.session
        session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
        session.save()
    return client.cookies


def refused_import() -> Import:
    """Return a sheet with something to put right, with its file."""
    run = ImportFactory.create(state="refused")
    ImportFile.objects.create(of=run, packed=compress("番号,氏名,課\n1,小池,総務課".encode()))
    return run


@pytest.fixture
def cast(db: None) -> Cast:
    """A city of one box."""
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    own = UserFactory.create()
    journey = JourneyFactory.create(loan=LoanFactory.create(person=own))
    begin(journey_id=journey.pk, who=Who(via=Via.BOX), now=NOW)
    journey.refresh_from_db()
    ticket = ask(
        journey=journey,
        choice="other",
        words="",
        wish=Wish.SCREEN,
        who=Who(via=Via.BOX),
        now=NOW,
        photo=Photo(b"", 1, 1),
    )
    MacroFactory.create(journey=journey)
    people = {
        "own journey": own,
        "other employee": UserFactory.create(),
        "lead here": GrantFactory.create(role=Role.LEAD, department=journey.department).person,
        "lead elsewhere": GrantFactory.create(
            role=Role.LEAD, department=DepartmentFactory.create()
        ).person,
        "IT": GrantFactory.create(role=Role.IT).person,
        "IT lead": GrantFactory.create(role=Role.IT_LEAD).person,
        "desk": GrantFactory.create(role=Role.DESK).person,
        "auditor": GrantFactory.create(role=Role.AUDITOR).person,
    }
    journey.refresh_from_db()
    cookies = {name: cookies_of(name, people, journey) for name in VISITORS}
    hours = WorkingHours.objects.get()
    day = ClosedDay.objects.create(hours=hours, on=NOW.date())
    wave = WaveFactory.create()
    wave.departments.set([journey.department])
    more = {
        "token_id": TokenFactory.create().pk,
        "sign_in_id": SignInFactory.create(person=own).pk,
        "grant_id": people["desk"].grants.get().pk,
        "pk": 0,
        "device_id": journey.loan.device_id,
        "change_id": RemoteChangeFactory.create(device=journey.loan.device, by_hand=True).pk,
        "day_id": day.pk,
        "outage_id": Outage.objects.create(step_key="connect-wifi", opened_at=NOW).pk,
        "announcement_id": Announcement.objects.create(text="停電", starts_at=NOW).pk,
        "outlet_id": Outlet.objects.create(
            label="a", kind="chat", url="slack://a/b/c", created_at=NOW
        ).pk,
        "wave_id": wave.pk,
        "loss_id": TicketFactory.create(journey=journey, kind=TicketKind.LOSS).pk,
        "rollout_id": wave.rollout_id,
        "edition_id": draft_of_notes(journey.edition_id or 0, people["IT"]),
        "duty_id": Duty.objects.create(
            person=people["IT"], from_on=NOW.date(), to_on=NOW.date()
        ).pk,
        "plea_id": Plea.objects.create(ticket=ticket, person=own, asked_at=NOW).pk,
        "policy_id": PolicyFactory.create().pk,
        **labels_being_drawn(),
        "photo_id": TicketPhoto.objects.get().pk,
        "scan_id": 0,
        "report_id": LossReport.objects.create(told_at=NOW).pk,
        "import_id": refused_import().pk,
        "transfer_id": TransferFactory.create(person=own).pk,
        "reply_id": SavedReply.objects.create(title="a", text_ja="b", changed_at=NOW).pk,
        "note_id": add_step_note(
            edition_id=journey.edition_id or 0,
            step_key="check-box",
            text={"ja": "a", "en": ""},
            source="",
            by=people["IT"],
            now=NOW,
        ).pk,
    }
    silent = UserFactory.create(email="", department=journey.department).pk
    return Cast(journey, ticket, cookies, more, silent)


def labels_being_drawn() -> dict[str, int]:
    """Leave a printing that goes on, with a file, and a paper with measures of its own."""
    name = storages["prints"].save("0-access/labels.pdf", ContentFile(b"%PDF-"))
    file = {"name": name, "pages": 1, "bytes": 5}
    data = {"what": "labels", "codes": [], "written": [file]}
    job = Job.objects.create(
        kind="labels:0", state="running", data=data, created_at=NOW, heard_at=NOW
    )
    return {"job_id": job.pk, "number": 0, "paper_id": LabelPaperFactory.create().pk}


def draft_of_notes(edition_id: int, by: User) -> int:
    """Return a draft that a note of its own was written into."""
    note = add_step_note(
        edition_id=edition_id, step_key="check-box", text={"ja": "b"}, source="", by=by, now=NOW
    )
    words = {"ja": "b", "en": "b"}
    return adopt_note(note=note, symptom=words, attempt=words, now=NOW).pk


def addresses(resolver: URLResolver | None = None, space: str = "") -> Iterator[str]:
    """Yield the name of every address of the site."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{space}:{pattern.name}" if space else str(pattern.name)
        else:
            yield from addresses(pattern, pattern.namespace or space)


def path_of(name: str, cast: Cast) -> str:
    """Return an address of the cast's own journey, box or ticket."""
    known: dict[str, Any] = {
        "journey_id": cast.journey.pk,
        "ticket_id": cast.ticket.pk,
        "department_id": cast.journey.department_id,
        "code": cast.journey.loan.device.code,
        "key": "check-box",
        "kind": "help",
        "verb": "note" if name == "escalation:ticket_verb" else "more",
        "person_id": cast.journey.person_id,
        "notice_id": 1,
        "place_id": cast.journey.place_id,
        "hours_id": cast.journey.place.hours_id if cast.journey.place else 0,
        "macro_id": cast.journey.macros.get().pk,
        "subject": "journey",
        "subject_id": cast.journey.pk,
        # What is no token opens nothing, whoever is signed in.
        "secret": "kitto_nothing",
        "what": "overview",
    }
    known |= cast.more
    if name.startswith("labels:signin_slip"):
        known["person_id"] = cast.without_mail
    if name == "escalation:loss_tick":
        known["ticket_id"] = cast.more["loss_id"]
    known |= OWN_WORDS.get(name, {})
    wanted = ARGUMENTS.get(name, ())
    return reverse(name, kwargs={key: known[key] for key in wanted})


def letter(response: Any) -> str:
    """Return a response as one letter of the table."""
    status = response.status_code
    if status in (301, 302, 303):
        return "L" if "/accounts/login/" in response["Location"] else "r"
    found = {200: "o", 204: "o", 286: "o", 304: "o", 422: "v", 404: "-", 405: "m", 503: "n"}
    return found.get(status, "t" if status in (400, 401, 403, 429) else f"<{status}>")


def row(name: str, cast: Cast, method: str, client: Client) -> str:
    """Return what every visitor gets at one address, nothing of it kept."""
    expected = expected_of(name)[method == "post"]
    path, values = path_of(name, cast), POSTED.get(name) if method == "post" else None
    letters = list(expected)
    for at in asked_at(name, expected):
        client.cookies = deepcopy(cast.cookies[VISITORS[at]])
        with transaction.atomic():
            letters[at] = letter(getattr(client, method)(path, values))
            transaction.set_rollback(True)
    return "".join(letters)


def expected_of(name: str) -> tuple[str, str]:
    """Return the row of an address, a cell a visitor."""
    get, post = TABLE[name]
    return all_visitors(get), all_visitors(post)


def asked_at(name: str, expected: str) -> Collection[int]:
    """Return which visitors ask: all, but where the method is wrong for everybody who is signed in.

    A decorator says so before a view looks who is there (every view has one, `test_architecture.py` sees to
    it), so that there the strangers, the IT lead and one more who goes round stand for all.
    """
    if ALL or set(expected[2:]) != {"m"}:
        return range(len(VISITORS))
    return {0, 1, VISITORS.index("IT lead"), 2 + sum(name.encode()) % (len(VISITORS) - 2)}


ARGUMENTS = {
    str(f"{space}:{pattern.name}" if space else pattern.name): tuple(
        pattern.pattern.converters or pattern.pattern.regex.groupindex
    )
    for space, pattern in [
        (space, pattern)
        for resolver in [get_resolver()]
        for space, pattern in [
            (p.namespace or "", q)
            for p in resolver.url_patterns
            if isinstance(p, URLResolver)
            for q in p.url_patterns
            if isinstance(q, URLPattern)
        ]
    ]
}


# Both cores take their part of a long table.
PARTS = 4


def test_every_address_stands_in_the_table() -> None:
    assert sorted(set(addresses())) == sorted(TABLE)


@pytest.fixture
def bare_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no page where somebody is refused: two thousand cells end there, and the page has tests of its own."""
    monkeypatch.setattr(urls, "handler404", lambda *_a, **_k: HttpResponse(status=404), False)
    monkeypatch.setattr(urls, "handler403", lambda *_a, **_k: HttpResponse(status=403), False)


@pytest.mark.usefixtures("bare_refusals")
@pytest.mark.parametrize("part", range(PARTS))
def test_every_cell_of_the_table_is_true(cast: Cast, part: int) -> None:
    names = sorted(TABLE)[part::PARTS]
    client = Client(headers={"accept-language": "ja"})  # one: each sets the whole site up
    found = {
        name: tuple(row(name, cast, method, client) for method in ("get", "post"))
        for name in names
    }

    wrong = {
        name: {"expected": expected_of(name), "found": cells}
        for name, cells in found.items()
        if cells != expected_of(name)
    }

    assert wrong == {}
