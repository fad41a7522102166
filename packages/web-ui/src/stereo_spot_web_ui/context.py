"""What every request finds: the platform, the settings, and what is kept between requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from starlette.requests import Request

from stereo_spot_shared.interfaces import Platform
from stereo_spot_web_ui.settings import WebSettings

if TYPE_CHECKING:
    from stereo_spot_web_ui.companion import Companion
    from stereo_spot_web_ui.jobs.look import Looker
    from stereo_spot_web_ui.jobs.watch import Watcher
    from stereo_spot_web_ui.notify.push import Push
    from stereo_spot_web_ui.notify.webhook import Webhook
    from stereo_spot_web_ui.preferences import PreferencesStore
    from stereo_spot_web_ui.security.links import Links
    from stereo_spot_web_ui.security.sessions import Sessions
    from stereo_spot_web_ui.security.sign_in import Attempts


@dataclass(frozen=True)
class Web:
    """One web server's parts."""

    platform: Platform
    settings: WebSettings
    links: Links
    looker: Looker
    watcher: Watcher
    preferences: PreferencesStore
    push: Push
    webhook: Webhook
    companion: Companion
    sessions: Sessions
    attempts: Attempts

    def address(self, request: Request) -> str:
        """How the outside names this server, without a slash at its end."""
        return str(self.settings.base_url or request.base_url).rstrip("/")


def web_of(request: Request) -> Web:
    """The parts of the server that was asked."""
    return cast("Web", request.app.state.web)
