"""Every form of every page, as a browser finds it: found by looking, so that no field can be forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

NEVER_SENT = {"submit", "button", "reset", "image", "file"}
# What an honest browser could send in a field of each kind.
HONEST = {
    "email": "a@asahi.example.jp",
    "number": "1",
    "date": "2026-11-20",
    "datetime-local": "2026-11-20T10:00",
    "time": "10:00",
    "url": "https://meet.example.jp/a",
    "tel": "1234",
}


@dataclass
class Form:
    """One form: where it goes, and for each of its fields what an honest browser would send."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    # Fields somebody types into; the others are chosen from, ticked, or carried along.
    typed: list[str] = field(default_factory=list)
    page: str = ""

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """Return what two pictures of the same form have in common."""
        return self.action, self.method, tuple(self.values)


class _Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.forms, self.form = page, [], None  # type: ignore[var-annotated]  # filled below
        self.select = ""
        self.outside: list[tuple[str, str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urlsplit(urljoin(self.page, said.get("action") or self.page))
            self.form = Form(action.path, said.get("method", "get").lower(), page=self.page)
            self.forms.append(self.form)
        elif self.form is not None:
            self._field(self.form, tag, said)

    def _field(self, form: Form, tag: str, said: dict[str, str]) -> None:
        name, kind = said.get("name", ""), said.get("type", "text")
        if tag == "option" and self.select:
            self._option(form, said)
        elif not name or name == "csrfmiddlewaretoken":
            return
        elif tag == "textarea":
            form.values[name] = "はい"
            form.typed.append(name)
        elif tag == "select":
            self.select = name
            form.values[name] = ""
        elif tag == "input" and kind not in NEVER_SENT:
            self._input(form, name, kind, said)

    def _option(self, form: Form, said: dict[str, str]) -> None:
        if "selected" in said or (said.get("value") and not form.values[self.select]):
            form.values[self.select] = said.get("value", "")

    def _input(self, form: Form, name: str, kind: str, said: dict[str, str]) -> None:
        value = said.get("value", "")
        if kind in ("radio", "checkbox"):
            if "checked" in said or name not in form.values:
                form.values[name] = value or "on"
        elif kind == "hidden":
            form.values[name] = value
        else:
            form.values[name] = value or HONEST.get(kind, "1")
            form.typed.append(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select":
            self.select = ""


def forms_on(page: str, html: str) -> list[Form]:
    """Return the forms of a page that carry at least one field."""
    reader = _Reader(page)
    reader.feed(html)
    return [form for form in reader.forms if form.values]


def each_once(forms: Iterable[Form]) -> list[Form]:
    """Return every form once, however many pages show it."""
    return list({form.key: form for form in forms}.values())


def texts_in(answer: Any) -> str:
    """Return the words of an answer, whether it is sent at once or in pieces."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(body.decode("utf-8", "replace"))
