"""Addresses of this room."""

from django.urls import path

from kitting.imports import views

app_name = "imports"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("transfers/", views.transfers, name="transfers"),
    path("transfers/<int:transfer_id>/drop", views.drop_transfer, name="drop_transfer"),
    path("<int:import_id>/", views.show, name="show"),
    path("<int:import_id>/part", views.part, name="part"),
    path("<int:import_id>/columns", views.columns, name="columns"),
    path("<int:import_id>/take", views.take, name="take"),
    path("<int:import_id>/drop", views.drop, name="drop"),
    path("<int:import_id>/undo", views.undo, name="undo"),
    path("<int:import_id>/marked", views.marked, name="marked"),
]
