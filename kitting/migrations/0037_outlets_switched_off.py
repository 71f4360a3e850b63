"""A chat room or program that nothing reaches is switched off by itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kitting", "0036_queue_in_order")]

    operations = [
        migrations.AddField(
            model_name="outlet",
            name="parked_in_row",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="How many messages in a row could not be delivered.",
            ),
        ),
        migrations.AddField(
            model_name="outlet",
            name="switched_off_at",
            field=models.DateTimeField(
                blank=True, help_text="When Kitto switched it off by itself.", null=True
            ),
        ),
        migrations.AddField(
            model_name="siteprofile",
            name="has_outlets_off",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddConstraint(
            model_name="outlet",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("switched_off_at__isnull", True), ("is_on", False), _connector="OR"
                ),
                name="outlet_switched_off_rests",
            ),
        ),
    ]
