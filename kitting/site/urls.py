"""Addresses of this room."""

from django.urls import path

from kitting.site import views

app_name = "site"
urlpatterns = [
    path("settings/", views.profile, name="profile"),
    path("settings/hours/", views.hours, name="hours"),
    path("settings/hours/<int:hours_id>/", views.hours_of, name="hours_of"),
    path("settings/hours/<int:hours_id>/closed", views.close_days, name="close_days"),
    path(
        "settings/hours/<int:hours_id>/closed/<int:day_id>/open",
        views.open_day,
        name="open_day",
    ),
    path("settings/places/<int:place_id>/hours", views.place_hours, name="place_hours"),
    path("settings/leave/", views.leaves, name="leaves"),
    path("settings/leave/<int:person_id>/", views.leave, name="leave"),
    path("reading/", views.reading, name="reading"),
    path("language/", views.language, name="language"),
]
