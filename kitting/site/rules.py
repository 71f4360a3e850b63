"""What a guide declares about a site, and how people want to read."""

from __future__ import annotations

from dataclasses import dataclass

from kitting.lib.ruby import ALL_KANJI, PRIMARY_SCHOOL

READING_COOKIE = "kitto_reading"
THEMES = ("light", "dark")
TEXT_SIZES = ("lg", "xl")
# Readings stand above kanji learnt after this school grade; without a choice above none.
RUBY_GRADES = {"6": PRIMARY_SCHOOL, "4": 4, "all": ALL_KANJI}


@dataclass(frozen=True)
class Reading:
    """How a person wants to read; empty is as the device has it, and no readings above kanji."""

    theme: str = ""
    text: str = ""
    ruby: str = ""

    @property
    def cookie(self) -> str:
        """Return what the browser keeps of somebody who is not signed in."""
        return f"{self.theme}.{self.text}.{self.ruby}"


def reading_from(cookie: str) -> Reading:
    """Return what a browser kept; anything unknown is as the device has it."""
    theme, text, ruby = ([*cookie.split("."), "", "", ""])[:3]
    return Reading(
        theme=theme if theme in THEMES else "",
        text=text if text in TEXT_SIZES else "",
        ruby=ruby if ruby in RUBY_GRADES else "",
    )


# What a page could ask a browser for; it may ask for nothing that it does not name.
_ASKED_FOR = (
    *("camera", "microphone", "idle-detection", "keyboard-map", "geolocation"),
    *("display-capture", "hid", "midi", "payment", "serial", "usb"),
)


def permissions_policy(*allowed: str) -> str:
    """Return the Permissions-Policy header of a page that needs some features, or none."""
    return ", ".join(
        f"{name}=(self)" if name in allowed else f"{name}=()" for name in _ASKED_FOR
    )


@dataclass(frozen=True, slots=True)
class FlagDefinition:
    """A switch: the values it may take and the one that holds until IT chooses."""

    key: str
    values: tuple[str, ...]
    default: str
    note: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class VariableDefinition:
    """A word every organisation sets once, with an example of it.

    `source` is one of kitting.site.states.VariableSource.
    """

    key: str
    example: str
    source: str
    example_en: str = ""
    note: str = ""
    position: int = 0
