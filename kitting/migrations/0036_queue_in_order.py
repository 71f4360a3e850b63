"""IT's queue is read in its order, whatever is open: the first page by an index."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_pairs_in_plpgsql"),
        ("kitting", "0035_words_version"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                models.ExpressionWrapper(
                    models.Q(("held_at__isnull", False)), output_field=models.BooleanField()
                ),
                models.F("answer_by"),
                models.F("opened_at"),
                models.F("id"),
                condition=models.Q(("state__in", ("new", "taken", "answered"))),
                name="ticket_open_in_order",
            ),
        ),
    ]
