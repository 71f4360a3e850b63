"""All addresses."""

from django.urls import URLPattern, URLResolver, include, path

from kitting.journeys.views.door import home

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("", include("kitting.journeys.urls")),
    path("", include("kitting.around.urls")),
    path("", include("kitting.escalation.urls")),
    path("", include("kitting.handoff.urls")),
    path("", include("kitting.labels.urls")),
    path("", include("kitting.site.urls")),
    path("", include("kitting.notices.urls")),
    path("directory/", include("kitting.directory.urls")),
    path("counter/", include("kitting.counter.urls")),
    path("", include("kitting.plan.urls")),
    path("", include("kitting.privacy.urls")),
    path("imports/", include("kitting.imports.urls")),
    path("helpdesk/", include("kitting.helpdesk.urls")),
    path("", include("kitting.dashboard.urls")),
    path("demo/", include("kitting.demo.urls")),
    path("accounts/", include("accounts.urls")),
    path("", include("kitting.jobs.urls")),
    path("", include("kitting.monitor.urls")),
]
handler500 = "kitting.monitor.middleware.broken"
