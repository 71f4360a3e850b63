"""Kitto: employees set up their own Chromebooks; the departments and IT see who needs help."""

from kitting.celery import app as celery_app

__all__ = ["celery_app"]
