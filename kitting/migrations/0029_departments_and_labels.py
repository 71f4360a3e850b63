from django.db import migrations, models

KINDS = [
    ("roll", "Staff roll"),
    ("devices", "Devices"),
    ("transfers", "Transfers"),
    ("org", "Renamed departments"),
]
HAPPENINGS = [
    ("received", "arrived"),
    ("not_received", "arrival taken back"),
    ("bound", "meant for somebody"),
    ("unbound", "meant for nobody any more"),
    ("handed_out", "handed out"),
    ("taken_back", "hand-out taken back"),
    ("swapped_in", "came by an exchange"),
    ("swapped_out", "went by an exchange"),
    ("lent_spare", "lent as a spare"),
    ("lost", "lost"),
    ("found", "found"),
    ("checked", "looked at, back in stock"),
    ("sent_to_repair", "sent to be repaired"),
    ("repaired", "repaired"),
    ("asked_back", "asked back"),
    ("returned", "given back"),
    ("retired", "retired"),
    ("relabelled", "label replaced"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("kitting", "0028_sealed_outlets"),
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
        migrations.RemoveConstraint(model_name="deviceevent", name="device_event_kind_known"),
        migrations.AlterField(
            model_name="deviceevent",
            name="kind",
            field=models.CharField(choices=HAPPENINGS, max_length=16),
        ),
        migrations.AddConstraint(
            model_name="deviceevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", [name for name, _word in HAPPENINGS])),
                name="device_event_kind_known",
            ),
        ),
    ]
