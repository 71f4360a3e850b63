"""Addresses of this room."""

from django.urls import path

from kitting.escalation import views
from kitting.escalation.views import alerts, ladder, losses, moves, swaps

app_name = "escalation"
urlpatterns = [
    path("d/<str:code>/report/<slug:kind>", views.report, name="report"),
    path("d/<str:code>/reported", views.reported, name="reported"),
    path("j/<int:journey_id>/swap", swaps.own_swap, name="own_swap"),
    path("tickets/<int:ticket_id>/exchange", swaps.exchange, name="exchange"),
    path("lost", losses.lost, name="lost"),
    path("lost/told", losses.lost_told, name="lost_told"),
    path("j/<int:journey_id>/lost/", losses.own_loss, name="own_loss"),
    path("tickets/losses/", losses.losses, name="losses"),
    path("tickets/losses/<int:report_id>/settled", losses.loss_settled, name="loss_settled"),
    path("tickets/<int:ticket_id>/loss/<slug:line>", losses.loss_tick, name="loss_tick"),
    path("j/<int:journey_id>/help/", views.ask, name="ask"),
    path("j/<int:journey_id>/tickets/<int:ticket_id>/", views.answer, name="answer"),
    path(
        "j/<int:journey_id>/tickets/<int:ticket_id>/photos/<int:photo_id>",
        views.own_photo_file,
        name="own_photo",
    ),
    path(
        "j/<int:journey_id>/tickets/<int:ticket_id>/<slug:verb>",
        views.person_says,
        name="person_says",
    ),
    path("j/<int:journey_id>/offer", moves.offer, name="offer"),
    path("pleas/<int:plea_id>/", moves.plea, name="plea"),
    path("people/<int:journey_id>/paper", views.paper, name="paper"),
    path("tickets/", views.desk, name="desk"),
    path("tickets/alerts/", alerts.alerts, name="alerts"),
    path("tickets/alerts/say", alerts.announce, name="announce"),
    path("tickets/alerts/said/<int:announcement_id>/end", alerts.unsay, name="unsay"),
    path("tickets/alerts/outage", alerts.outage, name="outage"),
    path(
        "tickets/alerts/outages/<int:outage_id>/<slug:verb>",
        alerts.outage_verb,
        name="outage_verb",
    ),
    path("tickets/alerts/waves/<int:wave_id>/<slug:verb>", alerts.wave_verb, name="wave_verb"),
    path("tickets/call/", views.call, name="call"),
    path("tickets/call/<slug:subject>/<int:subject_id>/", views.call_about, name="call_about"),
    path("tickets/ladder/", ladder.ladder, name="ladder"),
    path("tickets/ladder/new", ladder.policy_new, name="policy_new"),
    path("tickets/ladder/<int:policy_id>/", ladder.policy, name="policy"),
    path("tickets/ladder/<int:policy_id>/drop", ladder.policy_drop, name="policy_drop"),
    path("tickets/rota/", ladder.rota, name="rota"),
    path("tickets/rota/<int:duty_id>/drop", ladder.duty_drop, name="duty_drop"),
    path("tickets/<int:ticket_id>/", views.ticket, name="ticket"),
    path("tickets/<int:ticket_id>/move/<slug:verb>", moves.move, name="move"),
    path("tickets/<int:ticket_id>/press/<slug:verb>", moves.press, name="press"),
    path("tickets/<int:ticket_id>/photos/<int:photo_id>", views.photo_file, name="photo"),
    path("tickets/<int:ticket_id>/<slug:verb>", views.ticket_verb, name="ticket_verb"),
]
