"""Addresses of the monitor."""

from django.urls import path

from kitting.monitor import views

app_name = "monitor"
urlpatterns = [path("metrics", views.metrics, name="metrics")]
