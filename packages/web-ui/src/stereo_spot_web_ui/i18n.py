"""The language of the pages: gettext catalogues (locales/<language>.po), compiled when the server starts."""

from __future__ import annotations

import gettext
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

FOLDER = Path(__file__).parent / "locales"
SOURCE = "en"
COOKIE = "language"


@cache
def languages() -> dict[str, str]:
    """Every language that there is, by its code, in its own words."""
    codes = [SOURCE, *sorted(file.stem for file in FOLDER.glob("*.po"))]
    return {code: (Locale.parse(code).get_display_name(code) or code).capitalize() for code in codes}


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; of English none is needed."""
    if language == SOURCE:
        return gettext.NullTranslations()
    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def language_of(request: Request) -> str:
    """What a person chose, else what the browser asks for, else English."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in languages():
        return chosen
    asked = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    return negotiate_locale([code for code in asked if code], list(languages()), sep="-") or SOURCE
