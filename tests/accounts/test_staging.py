"""On PostgreSQL a roll is judged in tables; the verdicts and the rows are those of the way in memory."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.filling import MANY, put_back, set_aside
from accounts.forms import read_roll
from accounts.models import (
    Department,
    Grant,
    Place,
    Posting,
    Trace,
    Transfer,
    User,
    WorkingHours,
)
from accounts.roll import Order, import_roll, take_in_memory, take_in_staged
from accounts.staging import prepare
from tests.factories import NOW, GrantFactory, TransferFactory, UserFactory
from tests.needs import needs
from tests.sheets import people, somebody

pytestmark = pytest.mark.django_db
TABLES = (User, Department, Place, WorkingHours, Grant, Posting, Transfer, Trace)
CITY = [
    {},
    somebody(
        "000204", 氏名="小野 健太", 役割="DX推進リーダー", アカウント="ono@asahi.example.jp"
    ),
    somebody("000205", 課="職員課", 勤務場所="東庁舎", 勤務時間="Mon-Sat 7:00-19:00"),
    somebody("000206", 役割="IT担当", 退職日="2027-03-31"),
]
SHEETS: dict[str, list[dict[str, str]]] = {
    "the same": CITY,
    "new people": [
        *CITY,
        somebody("000300"),
        somebody("000301", 氏名="髙橋\\n𠮷田", 課="新しい課"),
    ],
    "moves": [CITY[0] | {"課": "職員課"}, *CITY[1:3], CITY[3] | {"勤務場所": "西庁舎"}],
    "swapped": [
        CITY[0] | {"メールアドレス": "s000204@asahi.example.jp"},
        CITY[1] | {"メールアドレス": "s000203@asahi.example.jp"},
    ],
    "given up": [
        CITY[0] | {"メールアドレス": ""},
        somebody("000300", メールアドレス="s000203@asahi.example.jp"),
    ],
    "leaving": [CITY[0] | {"退職日": "2026-12-31", "休職開始日": "2026-12-01"}, *CITY[1:]],
    "leads": [
        CITY[0] | {"役割": "リーダー"},
        CITY[1] | {"役割": ""},
        CITY[2] | {"課": "広報課"},
    ],
    "twice": [*CITY, CITY[0], somebody("000207", アカウント="ONO@asahi.example.jp")],
    "taken": [somebody("000999", メールアドレス="S000205@asahi.example.jp"), CITY[0]],
    "zeros": [somebody("204"), somebody("9", メールアドレス="")],
    "taken accounts": [somebody("000300", アカウント="Ono@asahi.example.jp")],
    "by address": [somebody("000400", メールアドレス="first@asahi.example.jp")],
    "name of somebody": [somebody("BOSS", メールアドレス="x@asahi.example.jp")],
    "bad cells": [somebody("000500", メールアドレス="x", 勤務時間="?"), somebody("", 氏名="")],
    "few columns": [{"職員番号": "000203", "氏名": "小池 花子", "課": "総務課"}],
}


def rows_of(tables=TABLES) -> dict[str, list[Any]]:
    """Every row as plain values; ids and passwords are chance."""
    names = {
        "department_id": dict(Department.objects.values_list("pk", "name")),
        "parent_id": dict(Department.objects.values_list("pk", "name")),
        "place_id": dict(Place.objects.values_list("pk", "name")),
        "hours_id": dict(WorkingHours.objects.values_list("pk", "name")),
        "person_id": dict(User.objects.values_list("pk", "username")),
    }
    hidden = {"id", "password", "object_id", "before", "after"}
    return {
        model.__name__: sorted(
            (
                sorted(
                    (k, str(names[k].get(v, v) if k in names else v))
                    for k, v in row.items()
                    if k not in hidden
                )
                for row in model.objects.values()
            ),
        )
        for model in tables
    }


def both(data: bytes, **kwargs: Any) -> list[tuple[Any, Any]]:
    """Take a sheet in both ways, each on the same ground; return results and rows."""
    found = []
    for way in (
        lambda order: take_in_memory(read_roll(data, ""), order),
        lambda order: take_in_staged(prepare(read_roll(data, "")), order),
    ):
        with transaction.atomic():
            result = way(Order(NOW, batch="b", **kwargs))
            said = {k: v for k, v in vars(result).items() if k not in {"digest", "moves"}}
            said["moves"] = sorted(
                (m.person_id, m.from_department_id, m.from_place_id) for m in result.moves
            )
            found.append((said, rows_of()))
            transaction.set_rollback(True)
    return found


@pytest.fixture
def city() -> None:
    needs("postgres")
    import_roll(rows=read_roll(people(*CITY), ""), order=Order(NOW - timedelta(days=9)))
    GrantFactory.create(person=User.objects.get(staff_number="000206"))
    UserFactory.create(staff_number=None, username="first", email="first@asahi.example.jp")
    UserFactory.create(staff_number="000700", username="BOSS")
    TransferFactory.create(
        person=User.objects.get(staff_number="000205"), effective_on=date(2030, 4, 1)
    )


@pytest.mark.parametrize("dry_run", [False, True], ids=["written", "tried"])
@pytest.mark.parametrize("name", SHEETS)
def test_both_ways_say_and_write_the_same(city, name, dry_run):
    memory, staged = both(people(*SHEETS[name]), dry_run=dry_run)
    assert staged[0] == memory[0]
    assert staged[1] == memory[1]


def test_both_ways_agree_on_sheets_nobody_thought_of(city):
    chance = random.Random(7)
    words = [
        "",
        "総務課",
        "職員課",
        "新課",
        "000203",
        "000204",
        "x",
        "s000204@asahi.example.jp",
    ]
    columns = [
        *people({}).decode("utf-8-sig").splitlines()[0].split(","),
        "アカウント",
        "退職日",
    ]
    for _round in range(25):
        sheet = [
            {**chance.choice(CITY), chance.choice(columns): chance.choice(words)}
            for _row in range(chance.randrange(1, 6))
        ]
        memory, staged = both(people(*sheet))
        assert staged == memory, sheet


def test_the_digest_is_that_of_the_dry_run_until_somebody_changes(city):
    data = people(CITY[0] | {"氏名": "小池 花子"})
    tried = import_roll(rows=read_roll(data, ""), order=Order(NOW, dry_run=True))
    User.objects.filter(staff_number="000203").update(name="小池 次郎")
    stale = import_roll(rows=read_roll(data, ""), order=Order(NOW, expect=tried.digest))
    assert stale.is_stale
    tried = import_roll(rows=read_roll(data, ""), order=Order(NOW, dry_run=True))
    assert not import_roll(
        rows=read_roll(data, ""), order=Order(NOW, expect=tried.digest)
    ).is_stale


def test_new_people_have_passwords_nobody_can_type_and_none_twice(city):
    import_roll(rows=read_roll(people({}, somebody("000204")), ""), order=Order(NOW))
    words = list(User.objects.exclude(password="").values_list("password", flat=True))
    assert all(word.startswith("!") and len(word) == 33 for word in words)
    assert len(set(words)) == len(words)


# --- a first roll --------------------------------------------------------------------------------


def built() -> list[tuple[str, str]]:
    """Every index and constraint of the table of people, by name, as the database says it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'accounts_user'"
            " UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'accounts_user'::regclass ORDER BY 1, 2"
        )
        return list(cursor.fetchall())


@pytest.fixture
def postgres(db: None) -> None:
    needs("postgres")


def test_what_is_set_aside_comes_back_as_it_was(postgres):
    before = built()
    aside = set_aside("accounts_user")
    during = {name for name, _says in built()}
    assert {name for name, _says in before} - during >= {
        "person_roll_order",
        "person_pairs_of_kana",
    }
    assert "person_email_once" in during
    put_back(aside)
    assert built() == before


def test_a_large_first_roll_is_written_like_any_other_and_can_be_found(postgres):
    before = built()
    rows = [somebody(f"{number:06d}") for number in range(MANY)]
    result = import_roll(rows=read_roll(people(*rows), ""), order=Order(NOW, batch="a"))
    assert result.created == User.objects.filter(name__holds="小池").count() == MANY
    assert Trace.objects.filter(batch="a", table="accounts.user").count() == MANY
    assert built() == before
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.cursor().execute(
            "UPDATE accounts_user SET place_id = 0; SET CONSTRAINTS ALL IMMEDIATE"
        )


def test_where_somebody_else_reads_the_table_for_long_nothing_is_set_aside(postgres):
    before = built()
    other = connection.copy()
    try:
        other.set_autocommit(False)
        other.cursor().execute("LOCK TABLE accounts_user IN ACCESS SHARE MODE")
        assert set_aside("accounts_user") == []
    finally:
        other.rollback()
        other.close()
    assert built() == before
