"""What a web server runs."""

import os

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kitting.settings")

application = get_wsgi_application()

# Needs the applications loaded, as the line above does.
import_string("kitting.management.watching.start_watching")()
