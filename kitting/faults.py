"""Faults told to a Sentry of one's own choice; loaded only where SENTRY_DSN is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sentry_sdk

from kitting.lib.version import VERSION

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

# What an event may carry beside the fault itself; everything a person typed or is stays here.
KEPT_CONTEXTS = ("runtime", "trace")


def report_to(dsn: str) -> None:
    """Send faults to this address from now on: the fault and where in the code, never who or what."""
    sentry_sdk.init(
        dsn=dsn,
        release=VERSION,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=_bare,
    )


def _bare(event: Event, _hint: Hint) -> Event:
    for name in ("request", "user", "extra", "server_name", "breadcrumbs"):
        event.pop(name, None)  # type: ignore[misc]  # a TypedDict wants literals
    contexts = event.get("contexts", {})
    event["contexts"] = {name: contexts[name] for name in KEPT_CONTEXTS if name in contexts}
    return event
