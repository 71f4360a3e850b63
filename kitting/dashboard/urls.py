"""Addresses of this room."""

from django.urls import path

from kitting.dashboard.views import api, board, out, wall

app_name = "dashboard"
urlpatterns = [
    path("dashboard/", board.overview, name="overview"),
    path("dashboard/overview.<slug:kind>", out.overview_sheet, name="overview_sheet"),
    path("dashboard/departments/<int:department_id>/", board.department, name="department"),
    path(
        "dashboard/departments/<int:department_id>/people.<slug:kind>",
        out.department_sheet,
        name="department_sheet",
    ),
    path(
        "dashboard/departments/<int:department_id>/register.<slug:kind>",
        out.register,
        name="register",
    ),
    path("dashboard/insights/", board.insights, name="insights"),
    path("dashboard/insights.<slug:kind>", out.insights_sheet, name="insights_sheet"),
    path("dashboard/people/<int:journey_id>/", board.journey, name="journey"),
    path("dashboard/devices/<int:device_id>/", board.device, name="device"),
    path("dashboard/after/", out.after, name="after"),
    path("dashboard/after.<slug:kind>", out.after_sheet, name="after_sheet"),
    path("dashboard/summary/", out.summary, name="summary"),
    path("dashboard/summary.xlsx", out.summary_sheet, name="summary_sheet"),
    path("wall/<slug:secret>/", wall.wall, name="wall"),
    path("api/openapi.json", api.openapi, name="openapi"),
    path("api/v1/<slug:what>", api.api, name="api"),
]
