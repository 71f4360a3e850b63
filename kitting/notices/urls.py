"""Addresses of this room."""

from django.urls import path

from kitting.notices import views

app_name = "notices"
urlpatterns = [
    path("outlets/", views.outlets, name="outlets"),
    path("outlets/new", views.outlet, name="outlet_new"),
    path("outlets/<int:outlet_id>/", views.outlet, name="outlet"),
    path("outlets/<int:outlet_id>/<slug:verb>", views.outlet_verb, name="outlet_verb"),
    path("outbox/", views.parked, name="parked"),
    path("outbox/again", views.all_again, name="all_again"),
    path("outbox/<int:notice_id>/<slug:verb>", views.parked_verb, name="parked_verb"),
]
