"""Addresses of this room."""

from django.urls import path

from kitting.directory import views

app_name = "directory"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("look", views.look_now, name="look"),
    path("import/", views.take_in, name="take_in"),
    path("write-back", views.write_back, name="write_back"),
    path("findings/<slug:finding>/", views.finding, name="finding"),
    path("findings/<slug:finding>/export.<slug:kind>", views.export, name="export"),
    path("devices/<int:device_id>/", views.device, name="device"),
    path("devices/<int:device_id>/change", views.change, name="change"),
    path("changes/<int:change_id>/done", views.change_done, name="change_done"),
]
