"""Addresses of this room."""

from django.urls import path

from kitting.plan import views

app_name = "plan"
urlpatterns = [
    path("plan/", views.home, name="home"),
    path("plan/new", views.rollout_form, name="rollout_new"),
    path("plan/<int:rollout_id>/", views.rollout, name="rollout"),
    path("plan/<int:rollout_id>/edit", views.rollout_form, name="rollout_edit"),
    path("plan/<int:rollout_id>/verdict", views.verdict, name="verdict"),
    path("plan/<int:rollout_id>/feed", views.feed_new, name="feed_new"),
    path("plan/<int:rollout_id>/waves/new", views.wave_form, name="wave_new"),
    path("plan/<int:rollout_id>/<slug:verb>", views.rollout_verb, name="rollout_verb"),
    path("plan/waves/<int:wave_id>/", views.wave, name="wave"),
    path("plan/waves/<int:wave_id>/edit", views.wave_edit, name="wave_edit"),
    path("plan/waves/<int:wave_id>/calendar.ics", views.wave_calendar, name="wave_calendar"),
    path("plan/waves/<int:wave_id>/places/<int:place_id>", views.mark, name="mark"),
    path("plan/waves/<int:wave_id>/<slug:verb>", views.wave_verb, name="wave_verb"),
    path("calendar/<slug:secret>.ics", views.feed, name="feed"),
    path("d/<str:code>/calendar.ics", views.box_calendar, name="box_calendar"),
    path("j/<int:journey_id>/calendar.ics", views.own_calendar, name="own_calendar"),
]
