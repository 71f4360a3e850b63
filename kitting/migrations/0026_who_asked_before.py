"""Who asked for help before the board counted it, from the events that say so."""

from django.db import migrations
from django.db.models import Min


def tell(apps, schema_editor):
    asked = (
        apps.get_model("kitting.Event")
        .objects.filter(kind="help_changed", data__help_state="asked", journey__asked_at=None)
        .order_by()
        .values_list("journey_id")
        .annotate(first=Min("at"))
    )
    journeys = apps.get_model("kitting.Journey").objects
    for journey_id, first in asked.iterator():
        journeys.filter(pk=journey_id).update(asked_at=first)


class Migration(migrations.Migration):
    dependencies = [
        ("kitting", "0025_said_elsewhere"),
    ]

    operations = [migrations.RunPython(tell, migrations.RunPython.noop, elidable=True)]
