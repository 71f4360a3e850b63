"""Addresses of this room."""

from django.urls import path

from kitting.around.views import after, before, desk, end

app_name = "around"
urlpatterns = [
    path("prepare/", before.everybody, name="everybody"),
    path("j/<int:journey_id>/prepare/", before.prepare, name="prepare"),
    path("j/<int:journey_id>/prepare/<slug:key>", before.tick, name="tick"),
    path("j/<int:journey_id>/macros/", before.macros, name="macros"),
    path("j/<int:journey_id>/macros/none", before.no_macros, name="no_macros"),
    path("j/<int:journey_id>/macros/<int:macro_id>/drop", before.drop_macro, name="drop_macro"),
    path("j/<int:journey_id>/confidence/", after.confidence, name="confidence"),
    path("j/<int:journey_id>/returns/", end.returns, name="returns"),
    path("j/<int:journey_id>/returns/old-pc", end.old_pc, name="old_pc"),
    path("j/<int:journey_id>/returns/rules", end.accept, name="accept"),
    path("j/<int:journey_id>/survey/", end.survey, name="survey"),
    path("j/<int:journey_id>/certificate/", end.certificate, name="certificate"),
    path("j/<int:journey_id>/card/", end.card, name="card"),
    path("j/<int:journey_id>/month/", after.month, name="month"),
    path("j/<int:journey_id>/lessons/", after.lesson_list, name="lessons"),
    path("j/<int:journey_id>/lessons/letters", after.letters, name="letters"),
    path("j/<int:journey_id>/lessons/<slug:key>/", after.lesson, name="lesson"),
    path("j/<int:journey_id>/lessons/<slug:key>/read", after.read, name="read"),
    path("j/<int:journey_id>/manual/", after.manual, name="manual"),
    path("macros/", desk.macros, name="macro_desk"),
    path("macros/<int:macro_id>/<slug:verb>", desk.macro_verb, name="macro_verb"),
]
