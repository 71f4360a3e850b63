"""Readings above kanji are chosen by school grade instead of all or none."""

from django.db import migrations, models


def keep_choice(apps, schema_editor):
    apps.get_model("accounts", "User").objects.filter(ruby_was=True).update(ruby="all")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RenameField("user", "ruby", "ruby_was"),
        migrations.AddField("user", "ruby", models.CharField(blank=True, max_length=3)),
        migrations.RunPython(keep_choice, migrations.RunPython.noop),
        migrations.RemoveField("user", "ruby_was"),
    ]
