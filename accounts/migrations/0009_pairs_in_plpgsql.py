"""The pairs of names are made by a quicker function; they are the same, so the indexes stay."""

from django.db import migrations

from accounts.finding import make_pairs


def make(apps, schema_editor):
    make_pairs(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_without_pattern_indexes")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop, elidable=True)]
