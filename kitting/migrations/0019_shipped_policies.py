"""Write the shipped rules of the ladder down as rows, so that they can be changed on a page."""

from datetime import time

from django.db import migrations

# case, by the clock on the wall, patience, from paper, answer, taken; then the levels: who, minutes
# of working time, days where people work in shifts, how many are asked at once.
SHIPPED = (
    (
        "asked",
        False,
        (None, 1),
        (None, 1),
        30,
        120,
        (
            ("it", 120, 1, 0),
            ("it_lead", 525, 1, 0),
        ),
    ),
    (
        "never_started",
        False,
        (1050, 3),
        (1575, 5),
        30,
        525,
        (
            ("person", 1050, 3, 0),
            ("lead", 1050, 2, 0),
            ("it", 1575, 1, 0),
            ("it_lead", 2625, 1, 0),
        ),
    ),
    (
        "silent",
        False,
        (525, 3),
        (1575, 5),
        30,
        525,
        (
            ("person", 525, 2, 0),
            ("colleague", 120, 1, 1),
            ("lead", 525, 2, 0),
            ("it", 1050, 1, 0),
            ("it_lead", 2625, 1, 0),
        ),
    ),
    (
        "slow",
        False,
        (30, 1),
        (None, 1),
        30,
        525,
        (
            ("person", 180, 1, 0),
            ("colleague", 120, 1, 1),
            ("lead", 525, 2, 0),
            ("it", 525, 1, 0),
            ("it_lead", 1575, 1, 0),
        ),
    ),
    (
        "failing",
        False,
        (None, 1),
        (None, 1),
        30,
        525,
        (
            ("person", 20, 1, 0),
            ("colleague", 120, 1, 1),
            ("lead", 120, 1, 0),
            ("it", 525, 1, 0),
            ("it_lead", 1575, 1, 0),
        ),
    ),
    (
        "reported",
        False,
        (None, 1),
        (None, 1),
        30,
        525,
        (
            ("it", 240, 1, 0),
            ("it_lead", 1050, 1, 0),
        ),
    ),
    (
        "loss",
        True,
        (None, 1),
        (None, 1),
        30,
        240,
        (
            ("duty", 15, 1, 0),
            ("it", 60, 1, 0),
            ("it_lead", 240, 1, 0),
        ),
    ),
    (
        "return",
        False,
        (None, 1),
        (None, 1),
        30,
        525,
        (
            ("lead", 1575, 3, 0),
            ("it", 2625, 1, 0),
            ("it_lead", 2625, 1, 0),
        ),
    ),
    (
        "answered",
        False,
        (None, 1),
        (None, 1),
        30,
        525,
        (
            ("person", 1050, 3, 0),
            ("it", 1050, 1, 0),
            ("it_lead", 2625, 1, 0),
        ),
    ),
)
NIGHT = (time(21), time(7))


def write(apps, _editor):
    policies = apps.get_model("kitting.Policy")
    levels = apps.get_model("kitting.PolicyLevel")
    for case, by_wall, patience, paper, answer, taken, rungs in SHIPPED:
        policy = policies.objects.create(
            case=case,
            by_wall=by_wall,
            patience_minutes=patience[0],
            patience_days=patience[1],
            paper_minutes=paper[0],
            paper_days=paper[1],
            answer_minutes=answer,
            taken_minutes=taken,
            night_from=NIGHT[0],
            night_to=NIGHT[1],
        )
        levels.objects.bulk_create(
            levels(
                policy=policy,
                level=level,
                wait_minutes=minutes,
                wait_days=days,
                people_most=people,
                quiet="never" if by_wall else "off_hours",
            )
            for level, minutes, days, people in rungs
        )


class Migration(migrations.Migration):
    dependencies = [
        ("kitting", "0018_policies"),
    ]

    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
