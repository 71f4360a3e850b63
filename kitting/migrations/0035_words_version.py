"""Whether the words of this organisation have changed since a process read them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("kitting", "0034_resolved_lately"),
    ]

    operations = [
        migrations.AddField(
            model_name="siteprofile",
            name="words_version",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
