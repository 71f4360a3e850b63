"""Addresses of this room; short, because people type the first one."""

from django.urls import path

from kitting.handoff import views

app_name = "handoff"
urlpatterns = [
    path("code/", views.type_code, name="type"),
    path("code/typed/", views.typed, name="typed"),
    path("code/show/", views.show, name="show"),
    path("code/show/new", views.new, name="new"),
    path("code/show/stop", views.stop, name="stop"),
    path("code/answer", views.answer, name="answer"),
    path("code/fetch", views.fetch, name="fetch"),
]
