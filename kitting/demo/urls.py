"""Addresses of this room; they exist in the demo only."""

from django.urls import path

from kitting.demo import views

app_name = "demo"
urlpatterns = [
    path("", views.home, name="home"),
    path("be", views.be, name="be"),
    path("device", views.device, name="device"),
    path("clock", views.clock, name="clock"),
    path("stop", views.stop, name="stop"),
    path("morning", views.morning, name="morning"),
    path("progress", views.progress, name="progress"),
    path("mails/", views.mails, name="mails"),
    path("mails/<int:notice_id>/", views.mail, name="mail"),
]
