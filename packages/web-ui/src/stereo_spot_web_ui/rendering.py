"""Pages out of templates: what every template knows, and numbers as people read them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from stereo_spot_web_ui.i18n import SOURCE, language_of, languages, translations

STATIC = Path(__file__).parent / "static"


@cache
def environment(language: str) -> Environment:
    """The templates in a language. Everything that is put in is escaped."""
    found = Environment(
        loader=PackageLoader("stereo_spot_web_ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    found.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # of the extension
    numbers = Numbers(language)
    found.filters.update(
        size=numbers.size, duration=numbers.duration, moment=numbers.moment, count=numbers.count,
        percent=numbers.percent, rate=numbers.rate, money=numbers.money, sentence=sentence,
    )  # fmt: skip
    found.globals.update(static=static_url, languages=languages())
    return found


def page(request: Request, template: str, values: Mapping[str, Any], *, status: int = 200) -> HTMLResponse:
    """An answer made of a template, in the language of whoever asks."""
    return HTMLResponse(fragment(request, template, values), status)


def fragment(request: Request, template: str, values: Mapping[str, Any]) -> str:
    """The text of a template."""
    from stereo_spot_web_ui.security.gate import csrf_token

    language = language_of(request)
    common = {
        "language": language,
        "theme": request.cookies.get("theme", "") if request.cookies.get("theme") in {"light", "dark"} else "",
        "csrf": csrf_token(request),
        "zone": zone_of(request),
        "path": request.url.path,
        "signs_in": request.app.state.web.settings.signs_in,
    }
    return environment(language).get_template(template).render(**common, **values)


def zone_of(request: Request) -> tzinfo | None:
    """The time zone that the viewer's browser said in a cookie (`app.js` sets it); None where it said none that is known."""
    name = request.cookies.get("zone")
    return ZoneInfo(name) if name in known_zones() else None


known_zones = cache(available_timezones)


@cache
def static_url(name: str) -> str:
    """The address of a file of ours, which changes with its content, so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def sentence(text: str) -> str:
    """`text`, begun with a capital and ended with a full stop."""
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


class Numbers:
    """Numbers, sizes and times in one language."""

    def __init__(self, language: str) -> None:
        self._language = language or SOURCE

    def count(self, number: float) -> str:
        return format_decimal(number, locale=self._language)

    def percent(self, share: float) -> str:
        return format_percent(int(share * 100) / 100, locale=self._language)  # 99.9 % is not done

    def rate(self, number: float) -> str:
        return format_decimal(round(number, 1), locale=self._language)

    def money(self, amount: float, currency: str) -> str:
        digits = 2 if amount >= 1 else 4
        return format_currency(round(amount, digits), currency, locale=self._language, decimal_quantization=False)

    def size(self, count: float) -> str:
        """In powers of 1000, as disks are sold."""
        for unit in ("B", "kB", "MB", "GB", "TB"):
            if count < 999.5 or unit == "TB":
                break
            count /= 1000
        digits = 0 if unit == "B" or count >= 99.95 else 1
        return f"{format_decimal(round(count, digits), locale=self._language)} {unit}"

    def duration(self, seconds: float) -> str:
        """`0:42`, `3:20`, `2:05:00`."""
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

    def moment(self, then: datetime, zone: tzinfo | None) -> str:
        """A time as the viewer's clock has it; as the server's where the zone is None."""
        return format_datetime(then.astimezone(zone), "medium", locale=self._language)
