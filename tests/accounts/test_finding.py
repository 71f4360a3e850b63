"""Finding people by a part of a name: spaces and capitals aside, through an index where there is one."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from accounts.models import User
from accounts.queries import people_called
from tests.factories import UserFactory
from tests.needs import needs

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("山田", ["山田 花子", "小山田 一"]),
        ("田花", ["山田 花子"]),
        ("山田　花", ["山田 花子"]),
        ("子", ["山田 花子"]),
        ("smith j", ["Smith　John"]),
        ("%", []),
        ("山_", []),
        ("山花", []),
        ("ヤマ", ["山田 花子"]),
    ],
)
def test_a_part_of_a_name_finds_people(typed: str, found: list[str]) -> None:
    UserFactory.create(name="山田 花子", kana="ヤマダ ハナコ")
    UserFactory.create(name="小山田 一", kana="オノダ ハジメ")
    UserFactory.create(name="Smith　John", kana="")

    assert {person.name for person in people_called(typed, limit=9)} == set(found)


def test_pairs_of_signs_are_looked_up_not_all_rows_read() -> None:
    needs("postgres")  # SQLite keeps no pairs
    UserFactory.create(name="山田 花子")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = User.objects.filter(name__holds="田花").explain(format="json")

    assert "person_pairs_of_name" in json.dumps(json.loads(plan))
