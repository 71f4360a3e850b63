"""Chat services through Apprise: loaded by deliverers only, named in the setting CHAT_SENDER."""

from __future__ import annotations

from email import charset

import apprise

# How mails of the standard library write UTF-8. One of Apprise's services changes that for the whole
# process when it is first looked at, and subjects of our mails would begin with a space from then on.
OURS = (charset.SHORTEST, charset.BASE64, "utf-8")


def room_of(url: str) -> apprise.NotifyBase | None:
    """Return the room that an address leads to, or nothing where the library knows no such service."""
    try:
        room = apprise.Apprise.instantiate(url)
    finally:
        charset.add_charset("utf-8", *OURS)
    return room if isinstance(room, apprise.NotifyBase) else None


# Which part of the time goes to reaching the service; the rest is for its answer.
TO_CONNECT = 0.4


def say(url: str, *, title: str, body: str, seconds: float) -> bool:
    """Send one message to a chat room; tells whether it was taken. Never retries by itself, follows no redirect.

    A service that hangs is left after `seconds`.
    """
    room = room_of(url)
    if room is None:
        return False
    room.socket_connect_timeout = seconds * TO_CONNECT
    room.socket_read_timeout = seconds * (1 - TO_CONNECT)
    # Only the host whose name was judged may be called, wherever it points.
    room.redirects = False
    return bool(room.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT))
