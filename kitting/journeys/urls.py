"""Addresses of this room; those of the box are printed on labels and never change."""

from django.urls import path, re_path

from kitting.journeys.views import door, errors, fast, offline, paper, shared, step, way

app_name = "journeys"
urlpatterns = [
    path("box", door.find_box, name="find_box"),
    path("shared/", shared.next_person, name="next_person"),
    path("shared/switch", shared.switch, name="shared_switch"),
    path("shared/stay", shared.stay, name="shared_stay"),
    path("shared/next", shared.leave_to_next, name="shared_next"),
    # Labels carry the address in capitals: the code is smaller then.
    re_path(r"^[dD]/(?P<code>[^/]+)/?$", door.box, name="box"),
    re_path(r"^[dD]/(?P<code>[^/]+)/begin$", door.begin, name="begin"),
    re_path(r"^[dD]/(?P<code>[^/]+)/again$", door.open_again, name="open_again"),
    re_path(r"^[dD]/(?P<code>[^/]+)/booklet$", paper.booklet, name="booklet"),
    path("moved/", paper.moved, name="moved"),
    path("sw.js", offline.worker, name="worker"),
    path("offline/", offline.waiting, name="waiting"),
    path("offline/pass", offline.entry, name="pass"),
    path("j/<int:journey_id>/keep", offline.keep, name="keep"),
    path("j/<int:journey_id>/", way.overview, name="overview"),
    path("j/<int:journey_id>/start", way.start, name="start"),
    path("j/<int:journey_id>/arrive", way.arrive, name="arrive"),
    path("j/<int:journey_id>/declare", way.declare, name="declare"),
    path("j/<int:journey_id>/read", way.read, name="read"),
    path("j/<int:journey_id>/later", way.later, name="later"),
    path("j/<int:journey_id>/paper", paper.mark, name="paper"),
    path("j/<int:journey_id>/leave", door.leave, name="leave"),
    path("j/<int:journey_id>/ready/", way.ready, name="ready"),
    path("j/<int:journey_id>/done/", way.finished, name="finished"),
    path("j/<int:journey_id>/phase/<slug:key>/", fast.phase, name="phase"),
    path("j/<int:journey_id>/test/", fast.test, name="test"),
    path("errors/", errors.errors, name="errors"),
    path("errors/<slug:key>/", errors.error, name="error"),
    path("j/<int:journey_id>/errors/", errors.own_errors, name="own_errors"),
    path("j/<int:journey_id>/errors/<slug:key>/", errors.own_error, name="own_error"),
    path("j/<int:journey_id>/s/<slug:key>/", step.step, name="step"),
    path("j/<int:journey_id>/s/<slug:key>/done", step.done, name="done"),
    path("j/<int:journey_id>/s/<slug:key>/undo", step.undo, name="undo"),
    path("j/<int:journey_id>/s/<slug:key>/skip", step.skip, name="skip"),
    path("j/<int:journey_id>/s/<slug:key>/later", way.later, name="step_later"),
    path("j/<int:journey_id>/s/<slug:key>/check", step.check, name="check"),
    path("j/<int:journey_id>/s/<slug:key>/opened", step.opened, name="opened"),
    path("j/<int:journey_id>/s/<slug:key>/trouble", step.trouble, name="trouble"),
]
