"""What a web server runs."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kitting.settings")

# What is loaded here stays: to look through it again and again for what may go took a seventh of the start.
gc.disable()
application = get_wsgi_application()
# The first visitor does not wait for the addresses, either.
_ = get_resolver().url_patterns

# Needs the applications loaded, as the lines above do.
import_string("kitting.management.watching.start_watching")()
gc.freeze()
gc.enable()
