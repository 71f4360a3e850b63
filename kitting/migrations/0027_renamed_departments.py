from django.db import migrations, models

KINDS = [
    ("roll", "Staff roll"),
    ("devices", "Devices"),
    ("transfers", "Transfers"),
    ("org", "Renamed departments"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("kitting", "0026_who_asked_before"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="import", name="import_kind_known"),
        migrations.AlterField(
            model_name="columnchoice",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=10),
        ),
        migrations.AlterField(
            model_name="import",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=10),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", [name for name, _word in KINDS])),
                name="import_kind_known",
            ),
        ),
    ]
