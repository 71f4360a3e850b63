"""Ask a web process on this machine whether it is well; exit status 0 if it is."""

import os
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit


def is_well(bind: str, site_url: str) -> bool:
    """Tell whether /healthz answers 200 at an address such as 0.0.0.0:8000."""
    host, _, port = bind.rpartition(":")
    everywhere = host in ("", "0.0.0.0")  # noqa: S104  # compared, not bound
    line = HTTPConnection("127.0.0.1" if everywhere else host, int(port), timeout=4)
    site = urlsplit(site_url)
    try:
        line.request(
            "GET", "/healthz", headers={"Host": site.netloc, "X-Forwarded-Proto": site.scheme}
        )
        return line.getresponse().status == 200  # noqa: PLR2004  # OK
    except OSError:
        return False
    finally:
        line.close()


if __name__ == "__main__":
    sys.exit(
        not is_well(
            os.environ.get("BIND", "127.0.0.1:8000"),
            os.environ.get("SITE_URL", "http://127.0.0.1:8000"),
        )
    )
