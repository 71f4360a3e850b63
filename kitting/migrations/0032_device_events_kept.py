"""The database itself refuses to change or remove what happened to a device."""

from django.db import migrations

from accounts.appendonly import guard, let_go
from kitting.devices.models import KEPT_EVENTS


def keep(apps, schema_editor):
    guard(schema_editor.connection, KEPT_EVENTS)


def drop(apps, schema_editor):
    let_go(schema_editor.connection, KEPT_EVENTS)


class Migration(migrations.Migration):
    dependencies = [
        ("kitting", "0031_who_was_noticed"),
        ("accounts", "0008_without_pattern_indexes"),
    ]

    operations = [migrations.RunPython(keep, drop)]
