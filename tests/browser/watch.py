"""What a browser complains about while a test drives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# The console says so of every page that answers 404 or 422 too; answers are watched on their own.
ANSWER = "Failed to load resource"
# What a browser says where a test allows no worker behind the page.
NO_WORKER = "Service Worker registration blocked"
NOT_SENT = ("data:", "blob:", "about:")


@dataclass
class Watch:
    """Collects what must never happen on any page: errors, broken policy, foreign addresses."""

    origin: str
    complaints: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("console", self._console)
        context.on("weberror", self._error)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", *NOT_SENT)):
            self.complaints.append(f"asked another address: {request.url}")

    def _response(self, response: Response) -> None:
        request = response.request
        if request.service_worker is not None:
            return  # the worker judges what it asked for; the page gets its answer
        if response.status >= 400 and not request.is_navigation_request():
            self.complaints.append(f"{response.status} for {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(
            (ANSWER, NO_WORKER)
        ):
            self.complaints.append(f"console: {message.text}")

    def _error(self, error: WebError) -> None:
        self.complaints.append(f"script: {error.error.message}")
