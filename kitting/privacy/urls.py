"""Addresses of this room."""

from django.urls import path

from kitting.privacy import views

app_name = "privacy"
urlpatterns = [
    path("privacy/", views.privacy, name="privacy"),
    path("privacy/people/", views.people, name="people"),
    path("privacy/people/<int:person_id>/", views.person, name="person"),
    path("privacy/people/<int:person_id>/export", views.export, name="export"),
    path("privacy/people/<int:person_id>/remove", views.remove, name="remove"),
]
