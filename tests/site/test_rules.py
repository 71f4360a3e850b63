"""What a browser keeps about reading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.site.rules import RUBY_GRADES, TEXT_SIZES, THEMES, Reading, reading_from

readings = st.builds(
    Reading,
    theme=st.sampled_from(["", *THEMES]),
    text=st.sampled_from(["", *TEXT_SIZES]),
    ruby=st.sampled_from(["", *RUBY_GRADES]),
)


@given(readings)
def test_what_the_browser_keeps_is_read_back(reading):
    assert reading_from(reading.cookie) == reading


@pytest.mark.parametrize("cookie", ["", "dark", "..", "blue.huge.yes", "....", "<script>"])
def test_an_unknown_cookie_is_as_the_device_has_it(cookie):
    assert reading_from(cookie) == Reading(theme="dark" if cookie == "dark" else "")


@given(st.text())
def test_no_cookie_raises(cookie):
    assert isinstance(reading_from(cookie), Reading)
