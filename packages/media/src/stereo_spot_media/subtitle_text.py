"""The words of text subtitles, out of one wrapping and into another.

Styling (italics, colours, positions) does not survive a change of wrapping; words, line breaks and times do.
"""

from __future__ import annotations

import html
import re

MAX_TIMED_TEXT_BYTES = 0xFFFF

TAGS = re.compile(r"</?(?:b|i|u|s|font|c|v|lang|ruby|rt)(?:[\s.][^>]*)?>|<\d[\d:.]*>", re.IGNORECASE)
ASS_OVERRIDES = re.compile(r"\{\\?[^}]*\}")
ASS_DRAWING = re.compile(r"\{[^}]*\\p[1-9]")
ASS_FIELDS_BEFORE_TEXT = 8
"""ReadOrder, Layer, Style, Name, MarginL, MarginR, MarginV, Effect: how Matroska and FFmpeg store an event."""

ASS_HEADER = (
    "[Script Info]\r\nScriptType: v4.00+\r\nPlayResX: 384\r\nPlayResY: 288\r\n\r\n[V4+ Styles]\r\n"
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
    "Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, "
    "MarginV, Encoding\r\n"
    "Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\r\n\r\n[Events]\r\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)
"""What FFmpeg's timed text encoder makes its sample description (font, size, colour, place) from."""


def words_of(codec: str, payload: bytes) -> str:
    """The plain text of one subtitle packet of `codec` (FFmpeg's name); empty where it shows nothing."""
    if codec == "mov_text":
        return _timed_text(payload)
    text = payload.decode("utf-8", errors="replace").replace("\r\n", "\n").strip("\0")
    if codec == "ass":
        return _ass_event(text)
    text = TAGS.sub("", ASS_OVERRIDES.sub("", text) if codec == "subrip" else text)
    return (html.unescape(text) if codec == "webvtt" else text).strip("\n")


def wrapped(codec: str, text: str) -> bytes:
    """One packet of `codec` (`mov_text`: 16-bit length and UTF-8; `subrip`: UTF-8) that shows `text`."""
    encoded = text.encode()
    if codec != "mov_text":
        return encoded
    if len(encoded) > MAX_TIMED_TEXT_BYTES:
        encoded = encoded[:MAX_TIMED_TEXT_BYTES].decode(errors="ignore").encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _timed_text(payload: bytes) -> str:
    length = int.from_bytes(payload[:2], "big")
    text = payload[2 : 2 + length]
    encoding = "utf-16" if text[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8"
    return text.decode(encoding, errors="replace").replace("\r\n", "\n").strip("\n")


def _ass_event(text: str) -> str:
    fields = text.split(",", ASS_FIELDS_BEFORE_TEXT)
    if len(fields) <= ASS_FIELDS_BEFORE_TEXT or ASS_DRAWING.search(fields[-1]):
        return ""
    shown = ASS_OVERRIDES.sub("", fields[-1])
    return shown.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", "\u00a0").strip("\n")
