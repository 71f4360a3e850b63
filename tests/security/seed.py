"""A city for real servers: `python -m tests.security.seed 40` migrates, fills, and says who is there.

Prints JSON: a list of e-mail address, staff number and box code.
"""

from __future__ import annotations

import json
import os
import sys

import django


def main(people: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kitting.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415  # only after the set-up

    from kitting.guides.actions import load_guide  # noqa: PLC0415  # as above
    from kitting.guides.forms import SHIPPED_GUIDE, read_guide_file  # noqa: PLC0415  # as above
    from tests.factories import NOW, DepartmentFactory, JourneyFactory  # noqa: PLC0415  # as above

    call_command("migrate", verbosity=0)
    load_guide(draft=read_guide_file(SHIPPED_GUIDE), now=NOW, publish=True)
    department = DepartmentFactory.create()
    journeys = (
        JourneyFactory.create(loan__department=department, loan__person__department=department)
        for _n in range(people)
    )
    loans = (journey.loan for journey in journeys)
    found = [[a.person.email, a.person.staff_number, a.device.code] for a in loans]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
