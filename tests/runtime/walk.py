"""Commands one after the other in one process, and the state of a city; run as a program.

Each argument is a command as it is typed after `manage.py`; `state` looks at everything. Prints what each said (a
command that refuses says `refused:` and why) and the state, as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import sys
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import django

SEEN_AT = datetime(2026, 11, 20, 1, tzinfo=UTC)
IT_LEAD = "010671"


def main(*commands: str) -> None:
    """Run the commands."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kitting.settings")
    django.setup()
    found: dict[str, Any] = {}
    said = []
    for command in commands:
        if command == "state":
            found = state()
        said.append("" if command == "state" else answer(command))
    print(json.dumps({"said": said, "state": found}))  # noqa: T201  # the answer


def answer(command: str) -> str:
    """Return what a command says."""
    from django.core.management import CommandError, call_command  # noqa: PLC0415  # after set-up

    out = StringIO()
    try:
        call_command(*shlex.split(command), stdout=out)
    except CommandError as error:
        return f"refused: {error}"
    return out.getvalue()


def state() -> dict[str, Any]:
    """Return the content of every table, whatever its order, and the board as the IT lead sees it at one moment."""
    from django.apps import apps  # noqa: PLC0415  # after set-up
    from django.core import serializers  # noqa: PLC0415  # after set-up

    from accounts.models import Grant, User  # noqa: PLC0415  # after set-up
    from accounts.states import Role  # noqa: PLC0415  # after set-up
    from kitting.journeys.models import Journey  # noqa: PLC0415  # after set-up

    lead = User.objects.get(staff_number=IT_LEAD)
    granted = {"granted_at": datetime(2026, 11, 1, tzinfo=UTC)}
    Grant.objects.get_or_create(person=lead, role=Role.IT_LEAD, defaults=granted)
    rows = {}
    for model in apps.get_models():
        lines = sorted(serializers.serialize("json", [r]) for r in model._default_manager.all())
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        rows[model._meta.db_table] = [len(lines), digest]
    events = {"events__kind": "help_changed", "events__data__help_state": "asked"}
    asked = Journey.objects.filter(asked_at__isnull=False).count()
    said = Journey.objects.filter(**events).distinct().count()
    return {"rows": rows, "board": board(lead), "asked": [asked, said]}


def board(lead: Any) -> str:
    """Return every figure that stands on the board."""
    import time_machine  # noqa: PLC0415  # it is slow to load
    from django.db import transaction  # noqa: PLC0415  # after set-up
    from django.test import Client  # noqa: PLC0415  # after set-up

    with transaction.atomic(), time_machine.travel(SEEN_AT, tick=False):
        client = Client(headers={"host": "127.0.0.1", "accept-language": "ja"})
        client.force_login(lead, backend="kitting.signin.Backend")
        page = client.get("/dashboard/").content.decode()
        transaction.set_rollback(True)  # looking must not change what is compared
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.partition("<main")[2]))


if __name__ == "__main__":
    main(*sys.argv[1:])
