"""Indexes for finding people by a part of a name, by extension, and those who left."""

from django.db import migrations, models
from django.db.models import Q

from accounts.finding import drop_pairs, keep_pairs


def keep(apps, schema_editor):
    keep_pairs(schema_editor.connection)


def drop(apps, schema_editor):
    drop_pairs(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_tokens"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                fields=["left_on"], condition=Q(left_on__isnull=False), name="person_left"
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                fields=["extension"], condition=~Q(extension=""), name="person_extension"
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(fields=["kana", "id"], name="person_roll_order"),
        ),
        migrations.RunPython(keep, drop),
    ]
