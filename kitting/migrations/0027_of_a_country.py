"""The queue's order as an index: its page costs the same whatever the number of open tickets."""

from django.db import migrations, models
from django.db.models.functions import Upper


def keep_order(apps, schema_editor):
    # SQLite knows no place for empty values in an index, and sorts what little it has.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX ticket_first_due ON kitting_ticket"
            " (held_at ASC NULLS FIRST, answer_by ASC NULLS LAST, opened_at, id)"
            " WHERE state IN ('new', 'taken', 'answered')"
        )


def drop_order(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX ticket_first_due")


class Migration(migrations.Migration):
    dependencies = [
        ("kitting", "0026_who_asked_before"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="device",
            index=models.Index(Upper("asset_tag"), name="device_tag_in_any_case"),
        ),
        migrations.RunPython(keep_order, drop_order),
    ]
