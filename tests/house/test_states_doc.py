"""The page of states says what the code says."""

from __future__ import annotations

from tests.house.states_doc import PAGE, render


def test_the_page_of_states_follows_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == render()
