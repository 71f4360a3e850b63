"""Addresses of this room."""

from django.urls import path

from kitting.privacy import views

app_name = "privacy"
urlpatterns = [path("privacy/", views.privacy, name="privacy")]
