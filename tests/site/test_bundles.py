"""What pages need together comes as one file, made from the sources beside each other."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command

from kitting import bundles
from kitting.bundles import BUNDLES, BundleError, content_of


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_is_found_and_holds_all_its_sources(name: str) -> None:
    path = finders.find(name)
    assert path is not None
    with open(str(path), encoding="utf-8") as file:  # noqa: PTH123  # as whitenoise opens it
        found = file.read()
    for source in BUNDLES[name]:
        assert (settings.BASE_DIR / "static" / source).read_text(encoding="utf-8") in found


def test_collecting_finds_every_bundle() -> None:
    listed = {path for finder in finders.get_finders() for path, _storage in finder.list([])}
    assert set(BUNDLES) <= listed


@pytest.mark.django_db
def test_pages_and_the_worker_name_collected_files_as_in_production(
    client, settings, tmp_path
) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        },
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    for path in ("/", "/sw.js", "/accounts/login/"):
        page = client.get(path)
        assert page.status_code == 200
    assert re.search(r"/static/css/person\.[0-9a-f]{12}\.css", client.get("/").content.decode())


def test_print_rules_bind_on_paper_only() -> None:
    assert "@media print {\n/* On paper" in content_of("css/site.css")


def test_a_script_that_imports_cannot_be_put_beside_others(monkeypatch, tmp_path) -> None:
    (tmp_path / "static" / "js").mkdir(parents=True)
    (tmp_path / "static" / "js" / "one.js").write_text("import './two.js';\n", encoding="utf-8")
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    monkeypatch.setitem(bundles.BUNDLES, "js/bad.js", ("js/one.js",))
    with pytest.raises(BundleError):
        content_of("js/bad.js")
