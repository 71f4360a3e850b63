"""The app of people."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, departments, places, hours and rights."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
