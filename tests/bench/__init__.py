"""How fast Kitto is, beside a floor or a rival measured in the same run: `make bench-NAME`.

Importing this package sets the site up as in production, with folders of its own; the database that
DATABASE_URL names is left alone, only its kind and its server are used (`measure.fresh_database`).
"""

from __future__ import annotations

import atexit
import os
import shutil
from tempfile import mkdtemp

import django

# Who measures whole installations needs a broker; nobody else here touches it.
REDIS_URL = os.environ.get("REDIS_URL", "")
_folder = mkdtemp(prefix="kitto-bench-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
for _name in (
    "SECRET_KEY_FILE",
    "VAR_DIR_FILE",
    "REDIS_URL",
    "REDIS_URL_FILE",
    "ALLOWED_HOSTS",
):
    os.environ.pop(_name, None)
os.environ |= {
    "DEBUG": "0",
    "DJANGO_SETTINGS_MODULE": "kitting.settings",
    "LOG_LEVEL": "WARNING",
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    "SITE_URL": "http://kitto.example.lg.jp",
    "STATIC_ROOT": f"{_folder}/static",
    "VAR_DIR": _folder,
}
django.setup()
