"""Addresses of this room."""

from django.urls import path, re_path

from kitting.labels.views import codes, match, orders, papers, sheet, signin_slips

app_name = "labels"
urlpatterns = [
    path("slips/", signin_slips.slips, name="signin_slips"),
    path("slips/<int:person_id>/", signin_slips.slip, name="signin_slip"),
    path("slips/<int:person_id>/stop/", signin_slips.slip_stop, name="signin_slip_stop"),
    re_path(r"^[dD]/(?P<code>[^/]+)/sheet\.pdf$", sheet.sheet, name="sheet"),
    re_path(r"^[sS]/(?P<code>[^/]+)/?$", match.slip, name="slip"),
    path("labels/", orders.home, name="home"),
    path("labels/printings/<int:job_id>/", orders.show, name="printing"),
    path("labels/printings/<int:job_id>/part", orders.progress, name="progress"),
    path("labels/printings/<int:job_id>/files/<int:number>", orders.file, name="file"),
    path("labels/one/", orders.one, name="one"),
    path("labels/one/<int:device_id>/", orders.one_box, name="one_box"),
    path("labels/slips/", orders.slips, name="slips"),
    path("labels/match/", match.match, name="match"),
    path("labels/codes/", codes.codes, name="codes"),
    path("labels/bind/", codes.bind, name="bind"),
    path("labels/papers/", papers.papers, name="papers"),
    path("labels/papers/<int:paper_id>/drop", papers.drop, name="drop_paper"),
    path("labels/printers/", papers.printers, name="printers"),
    path("labels/printers/test.pdf", papers.ruler, name="ruler"),
]
