"""Whatever a film is called, its name stays a name in a header."""

from __future__ import annotations

import re
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_shared.disposition import attachment

VALUE = re.compile(r"attachment; filename\*=UTF-8''([A-Za-z0-9._~-]|%[0-9A-F]{2})*")
"""As RFC 8187 has it, and of fewer characters."""


@given(st.text())
def test_a_name_comes_back_and_says_nothing_else(name):
    assert VALUE.fullmatch(attachment(name))
    assert unquote(attachment(name).partition("''")[2]) == name


def test_what_no_header_can_hold_is_replaced():
    assert attachment("a\udc80.mp4") == "attachment; filename*=UTF-8''a%3F.mp4"
