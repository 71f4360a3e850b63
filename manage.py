#!/usr/bin/env python
"""Run Kitto's commands."""

import os
import sys


def main() -> None:
    """Hand the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kitting.settings")
    if sys.argv[1:2] in (["demo"], ["simulate"]):
        # The invented city exists with DEBUG only: who types its name has asked for it.
        os.environ.setdefault("DEBUG", "1")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
