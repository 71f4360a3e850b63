"""A whole guide small enough to read in a test."""

from __future__ import annotations

from typing import Any


def both(text: str) -> dict[str, str]:
    return {"ja": f"{text}です。", "en": f"{text}."}


def step(key: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": key,
        "phase": "first",
        "milestone": "ready",
        "minutes": 3,
        "title": both(f"Title {key}"),
        "actions": [both("Do")],
        "done_when": both("Done"),
        "check": {"type": "self_report"},
        **fields,
    }


def small_guide() -> dict[str, Any]:
    """Return a guide without a problem; tests change what they are about."""
    return {
        "guide": {"slug": "small", "title": both("Guide")},
        "variables": {
            "it_name": {"example": "情報政策課", "source": "site"},
            "asset_tag": ["CB-1", "device: on the sticker"],
        },
        "flags": {
            "keyboard": {"values": ["jis", "us"], "default": "jis"},
            "camera": {"values": [True, False], "default": True},
        },
        "phases": [
            {"id": "first", "title": both("Phase 1"), "read_on": "phone_or_paper"},
            {"id": "learn", "title": both("Phase 2"), "read_on": "chromebook"},
        ],
        "steps": [
            step(
                "one",
                actions=[both("Plug in"), {**both("Press かな"), "when": "keyboard == jis"}],
                troubles=[
                    {
                        "symptom": both("No {it_name}"),
                        "try": both("Wait"),
                        "call_it": both("Call {it_name}"),
                        "when": "keyboard == us",
                    },
                    {"symptom": both("Dark"), "try": both("Charge")},
                ],
            ),
            step("two", when="camera == true", required=False),
            step("three", phase="learn", milestone="at_home", minutes=4),
        ],
        "extra_lessons": [
            {"id": "shot", "minutes": 2, "title": both("Shot"), "actions": [both("Press")]}
        ],
        "completion": {
            "title": both("All done"),
            "body": both("Fine"),
            "survey": [{"id": "ease", "type": "scale_1_5", "q": both("How")}],
        },
        "stuck_reasons": [{"id": "network", **both("No Wi-Fi")}],
        "paper_sheet": {"steps": ["one"]},
    }


def quiz(*choices: dict[str, Any]) -> dict[str, Any]:
    return {"type": "quiz", "questions": [{"q": both("Which"), "choices": list(choices)}]}
