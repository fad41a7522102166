"""Letting headset players in. They have no page to sign in on: the password is in their messages.

A refusal is an answer like any other to them (HTTP 200)."""

from __future__ import annotations

from fastapi import Request

from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.problems import Refused
from stereo_spot_web_ui.security.sign_in import password_is


async def is_known(request: Request) -> bool:
    """Whether whoever asks needs to say nothing: nobody does, or a browser did."""
    web = web_of(request)
    return not web.settings.signs_in or await web.sessions.holds(request)


def knows_password(request: Request, given: object) -> bool:
    """Whether it is the password. An empty one is no try, for players send it before a person has typed any."""
    if not isinstance(given, str) or not given:
        return False
    try:
        return password_is(request, given)
    except Refused:  # too many tries: a player understands only that it is not let in
        return False
