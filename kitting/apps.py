"""The app of the product."""

from django.apps import AppConfig


class KittingConfig(AppConfig):
    """Everything but people."""

    name = "kitting"
    default_auto_field = "django.db.models.BigAutoField"
