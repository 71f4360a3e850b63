from __future__ import annotations

import os
import subprocess
import sys

from kitting.lib.analyser import Suggestion, suggestions, unread
from kitting.lib.ruby import Readings, marked
from tests.house.source import ROOT


def test_each_word_with_kanji_is_suggested_once_with_its_sentence():
    found = suggestions(["鉛筆をかう", "鉛筆とノート"])
    assert found == [Suggestion("鉛筆", "えんぴつ", "鉛筆をかう")]


def test_what_is_known_or_marked_is_not_suggested_again():
    assert unread(["鉛筆を使う"], Readings({"鉛筆": "えんぴつ", "使う": "つかう"})) == []
    assert unread([marked("{鉛筆|えんぴつ}")], Readings({})) == []


def test_pages_and_tasks_never_load_the_analyser():
    program = (
        "import sys, django; django.setup();"
        "import kitting.urls, kitting.wsgi, kitting.celery;"
        "from django.template.loader import get_template; get_template('journeys/step.html');"
        "sys.exit(any(name.startswith('sudachi') for name in sys.modules))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "DEBUG": "1"},
            check=False,
        ).returncode
        == 0
    )
