"""Addresses and secrets of outlets are sealed; one unasked message a person and day, by constraint."""

from django.conf import settings
from django.db import migrations, models

import kitting.notices.models
from kitting.lib.sealed import text_locks


def locks():
    return text_locks("kitting.outlet", (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def rewrite(apps, change):
    outlets = apps.get_model("kitting.Outlet").objects
    for pk, url, secret in list(outlets.values_list("pk", "url", "secret")):
        outlets.filter(pk=pk).update(url=change(url), secret=change(secret))


def seal(apps, schema_editor):
    rewrite(apps, lambda text: locks().encrypt(text.encode()).decode() if text else "")


def open_again(apps, schema_editor):
    rewrite(apps, lambda text: locks().decrypt(text.encode()).decode() if text else "")


class Migration(migrations.Migration):
    dependencies = [
        ("kitting", "0027_of_a_country"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="unasked_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                fields=["person", "unasked_on"],
                condition=models.Q(unasked_on__isnull=False) & ~models.Q(state="cancelled"),
                name="notice_unasked_once_a_day",
            ),
        ),
        # Sealed texts are longer: room first, then the seal, then the field that opens it.
        migrations.AlterField(model_name="outlet", name="url", field=models.TextField()),
        migrations.AlterField(
            model_name="outlet", name="secret", field=models.TextField(blank=True)
        ),
        migrations.RunPython(seal, open_again),
        migrations.AlterField(
            model_name="outlet", name="url", field=kitting.notices.models.SealedField()
        ),
        migrations.AlterField(
            model_name="outlet",
            name="secret",
            field=kitting.notices.models.SealedField(blank=True),
        ),
    ]
