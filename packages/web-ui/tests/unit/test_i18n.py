"""Every sentence of the templates is in every language, with its placeholders."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import stereo_spot_web_ui
from stereo_spot_web_ui.i18n import FOLDER, SOURCE, languages, translations
from stereo_spot_web_ui.rendering import Numbers

TEMPLATES = Path(stereo_spot_web_ui.__file__).parent / "templates"
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
OTHERS = sorted(set(languages()) - {SOURCE})


def sentences() -> set[str]:
    found = set()
    for file in TEMPLATES.glob("*.html"):
        with file.open("rb") as content:
            found |= {str(message) for _, message, *_ in extract("jinja2.ext:babel_extract", content)}
    return found


def test_there_is_another_language():
    assert OTHERS == ["de"]
    assert languages() == {"en": "English", "de": "Deutsch"}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_there_with_its_placeholders(language):
    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file) if message.id}
    assert sentences() - catalogue.keys() == set()
    assert catalogue.keys() - sentences() == set()
    for sentence, translated in catalogue.items():
        assert translated, sentence
        assert sorted(PLACEHOLDER.findall(translated)) == sorted(PLACEHOLDER.findall(sentence)), sentence
        assert translations(language).gettext(sentence) == translated


def test_the_browser_or_the_person_chooses(client):
    assert "Library" in client.get("/").text
    german = client.get("/", headers={"Accept-Language": "fr, de-AT;q=0.8"})
    assert '<html lang="de"' in german.text
    assert "Bibliothek" in german.text
    client.cookies.set("language", "en")
    assert "Library" in client.get("/", headers={"Accept-Language": "de"}).text


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "0:00"), (42, "0:42"), (200, "3:20"), (7500, "2:05:00")])
def test_durations(seconds, shown):
    assert Numbers("en").duration(seconds) == shown


def test_numbers_are_those_of_the_language():
    assert (Numbers("en").size(1_234_567_890), Numbers("de").size(1_234_567_890)) == ("1.2 GB", "1,2 GB")
    assert Numbers("en").size(999) == "999 B"
    assert Numbers("en").percent(0.9999) == "99%"  # not done yet
    assert Numbers("en").money(0.0123, "USD") == "$0.0123"


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/St_Johns"])
def test_times_are_those_of_the_viewers_clock(client, zone):
    job = client.post("/api/v1/jobs", json={"name": "a.mp4", "bytes": 5}).json()
    there = datetime.fromisoformat(job["created_at"]).astimezone(ZoneInfo(zone))
    client.cookies.set("zone", zone)
    assert f", {there:%-I:%M:%S}" in client.get(f"/jobs/{job['id']}/state").text


@pytest.mark.parametrize("zone", ["", "Nowhere", "../../../etc/passwd", "/etc/localtime", "%00", "a" * 3000])
def test_a_zone_that_is_none_is_no_trouble(client, zone):
    job = client.post("/api/v1/jobs", json={"name": "a.mp4", "bytes": 5}).json()
    assert client.get(f"/jobs/{job['id']}/state", headers={"Cookie": f"zone={zone}"}).status_code == 200
