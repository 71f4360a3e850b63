"""The last IT lead who lost everything is let in from the server."""

from __future__ import annotations

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import AuditEntry
from accounts.states import Role
from tests.factories import GrantFactory

pytestmark = pytest.mark.django_db


def test_a_lost_second_step_is_forgotten_and_every_browser_signed_out() -> None:
    person = GrantFactory.create(role=Role.IT_LEAD).person
    Authenticator.objects.create(user=person, type="totp", data={"secret": "x"})
    client, out = Client(), StringIO()
    client.force_login(person)
    call_command("reset_second_factor", email=person.email.upper(), stdout=out)
    assert person.name in out.getvalue()
    assert not Authenticator.objects.exists()
    assert client.get("/accounts/browsers/").status_code == 302
    assert AuditEntry.objects.filter(action="factor.reset").count() == 1
    call_command("reset_second_factor", staff_number=person.staff_number, stdout=out)
    assert AuditEntry.objects.filter(action="factor.reset").count() == 1


def test_nobody_is_an_error() -> None:
    with pytest.raises(CommandError) as error:
        call_command("reset_second_factor", email="nobody@asahi.example.jp")
    assert error.value.returncode == 1
