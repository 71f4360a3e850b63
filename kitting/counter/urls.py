"""Addresses of this room."""

from django.urls import path

from kitting.counter import views
from kitting.counter.views import life

app_name = "counter"
urlpatterns = [
    path("", views.home, name="home"),
    path("arrive/", views.arrive, name="arrive"),
    path("boxes/", views.listing, name="boxes"),
    path("devices/", life.devices, name="devices"),
    path("devices/<int:device_id>/", life.device, name="device"),
    path("devices/<int:device_id>/<slug:verb>", life.deed, name="deed"),
    path("paths/", life.paths, name="paths"),
    path("scan", views.scan, name="scan"),
    path("scans/<int:scan_id>/undo", views.undo, name="undo"),
]
