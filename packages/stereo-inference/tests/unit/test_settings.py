"""Settings: their names in the environment, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from stereo_inference.settings import Settings, available_cores


def test_defaults_use_every_core_under_a_limit_and_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RENDER_THREADS", "RENDER_ADDRESS_SPACE", "RENDER_NETWORK"):
        monkeypatch.delenv(f"STEREO_SPOT_{name}", raising=False)
    settings = Settings()
    assert settings.render_threads == available_cores() >= 1
    assert settings.render_address_space == 8 << 30
    assert settings.render_network is False


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEREO_SPOT_RENDER_THREADS", "3")
    monkeypatch.setenv("STEREO_SPOT_RENDER_ADDRESS_SPACE", "0")
    monkeypatch.setenv("STEREO_SPOT_RENDER_NETWORK", "true")
    monkeypatch.setenv("STEREO_SPOT_OFFLINE", "0")
    settings = Settings()
    assert (settings.render_threads, settings.render_address_space, settings.render_network, settings.offline) == (3, 0, True, False)


@pytest.mark.parametrize("value", ["", "ON", "never"])
def test_variables_of_the_hub_are_its_own_and_break_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.delenv("STEREO_SPOT_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert Settings().offline is False


@pytest.mark.parametrize(("name", "value"), [("RENDER_THREADS", "0"), ("RENDER_THREADS", "many"), ("RENDER_ADDRESS_SPACE", "-1")])
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"STEREO_SPOT_{name}", value)
    with pytest.raises(ValidationError):
        Settings()
