"""Addresses of this room."""

from django.urls import path

from kitting.helpdesk import views

app_name = "helpdesk"
urlpatterns = [
    path("next/", views.next_ticket, name="next"),
    path("round/", views.round_by_place, name="round"),
    path("without-mail/", views.without_mail, name="without_mail"),
    path("answer/", views.answer, name="answer"),
    path("replies/", views.replies, name="replies"),
    path("replies/new", views.reply, name="reply_new"),
    path("replies/<int:reply_id>/", views.reply, name="reply"),
    path("replies/<int:reply_id>/drop", views.drop, name="drop"),
    path("devices/<int:device_id>/serial", views.reveal, name="reveal"),
    path("meeting/", views.meeting, name="meeting"),
    path("notes/", views.notes, name="notes"),
    path("notes/<int:note_id>/propose", views.propose, name="propose"),
    path("notes/editions/<int:edition_id>/publish", views.publish, name="publish"),
    path("notes/<int:note_id>/end", views.end, name="end"),
    path("tickets/<int:ticket_id>/outcome", views.outcome, name="outcome"),
    path("tickets/<int:ticket_id>/note/", views.note, name="note"),
    path("tickets/<int:ticket_id>/look", views.look, name="look"),
]
