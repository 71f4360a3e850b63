"""Two indexes go that no question uses: nobody is looked for by how a number or a sign-in name begins."""

from django.db import migrations

INDEXES = {
    "accounts_user_staff_number_5de5c96b_like": "staff_number",
    "accounts_user_username_6088629e_like": "username",
}


def drop(apps, schema_editor):
    # Only PostgreSQL is given them, beside the one that keeps the values unique.
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


def make(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, column in INDEXES.items():
            schema_editor.execute(
                f"CREATE INDEX IF NOT EXISTS {name} ON accounts_user ({column} varchar_pattern_ops)"
            )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_finding_people")]

    operations = [migrations.RunPython(drop, make, elidable=True)]
