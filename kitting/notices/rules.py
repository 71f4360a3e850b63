"""When to try again, how a message is known, and what its text may look like."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta
from urllib.parse import urlsplit

# A claim must outlast the slowest answer of a mail server, or a second deliverer would send again.
CLAIM = timedelta(minutes=2)
ROUND = timedelta(minutes=1)
SIGN_IN_VALID = timedelta(minutes=10)
UNREACHABLE_PAUSE = timedelta(minutes=1)

# A server that is away for a weekend must lose nothing: the steps add up to more than 72 hours.
STEPS = tuple(timedelta(minutes=m) for m in (1, 2, 5, 15, 30, 60)) + (timedelta(hours=2),) * 36
# What is said to people who did not ask: one a day at most. Answers are none of these.
UNASKED = ("nudge", "invite_lesson", "invite_month", "invite_practice")
# What a lead hears at once the first time; what follows within so long comes as one summary.
GATHERED = ("lead_stuck", "lead_asked")
SUMMARY = "lead_summary"
GATHER_FOR = timedelta(hours=1)
SIGN_IN_STEPS = (
    tuple(timedelta(seconds=s) for s in (5, 10, 20, 30)) + (timedelta(minutes=1),) * 9
)


# Five tries in six hours: one that is away for a morning loses nothing, and what a chat room missed for
# longer nobody wants to read there any more. It is parked.
OUTLET_STEPS = tuple(timedelta(minutes=m) for m in (1, 10, 60, 300))
# So many messages in a row that were parked, and an outlet is switched off.
PARKED_IN_A_ROW = 3
# What is only sent to see whether anything arrives: it never counts against an outlet.
TEST = "test"

# Chat services whose host is known, so that nothing else can be called: by Apprise's short form, and
# by the address their own pages give. Those with a dot name the host that must stand in the address.
CHAT_SCHEMES = {
    "gchat": (),
    "slack": (),
    "discord": (),
    "tgram": (),
    "line": (),
    "webex": (),
    "workflows": (".logic.azure.com", ".api.powerplatform.com"),
    "workflow": (".logic.azure.com", ".api.powerplatform.com"),
    "https": (
        "chat.googleapis.com",
        "hooks.slack.com",
        "discord.com",
        ".logic.azure.com",
        ".api.powerplatform.com",
    ),
}
SECRET_SHORTEST = 20


def is_known_chat(url: str) -> bool:
    """Tell whether an address leads to a chat service whose host is known, and to nothing else."""
    try:
        parts = urlsplit(url.strip())
        allowed = CHAT_SCHEMES.get(parts.scheme.lower())
        if allowed is None or not parts.netloc:
            return False
        if not allowed:
            # What stands where an address has its host is a key, with a colon in it for some.
            return True
        host, user, _port = (parts.hostname or "").rstrip("."), parts.username, parts.port
    except ValueError:
        return False
    return user is None and any(
        host.endswith(one) if one.startswith(".") else host == one for one in allowed
    )


def signature(secret: str, *, timestamp: int, body: bytes) -> str:
    """Return what proves that a body of a moment is ours: HMAC-SHA256 over `timestamp.body`."""
    said = str(timestamp).encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()


def masked(url: str) -> str:
    """Return an address without what opens it: scheme, host where it is no secret, three dots."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    shown = host if "." in host else ""
    return f"{scheme}://{shown}{'/' if shown else ''}…"


def pause_after(
    attempts: int, *, steps: tuple[timedelta, ...], jitter: float
) -> timedelta | None:
    """Return how long to wait after so many failed attempts, or None when it is time to give up.

    `attempts` counts from 1; `jitter` is in [0, 1) and stretches the wait by up to a fifth, so that
    a thousand messages refused together do not come back together.
    """
    if attempts > len(steps):
        return None
    return steps[max(attempts, 1) - 1] * (1 + jitter / 5)


def message_id(dedupe_key: str, *, host: str) -> str:
    """Return the Message-ID of a notice: the same key gives the same id, whenever it is sent."""
    return f"<{hashlib.sha256(dedupe_key.encode()).hexdigest()[:32]}@{host}>"


def split_text(text: str) -> tuple[str, str]:
    """Return subject and body of a rendered message: the first line, and what follows it."""
    subject, _, body = text.strip().partition("\n")
    body = re.sub(r"[ \t]+\n", "\n", body)
    return " ".join(subject.split()), re.sub(r"\n{3,}", "\n\n", body).strip()
