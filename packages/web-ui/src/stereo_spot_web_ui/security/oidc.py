"""Signing in by an OpenID Connect provider (authorization code with PKCE), by Authlib."""

from __future__ import annotations

from http import HTTPStatus

from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from httpx import HTTPError

from stereo_spot_shared.errors import NotFound
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.problems import Refused
from stereo_spot_web_ui.security.sign_in import let_in, own_path
from stereo_spot_web_ui.settings import WebSettings

router = APIRouter(include_in_schema=False)

CALLBACK = "/sign-in/oidc/done"


def client_of(settings: WebSettings) -> StarletteOAuth2App:
    """The provider's client. NotFound where none is configured."""
    if settings.oidc_issuer is None or settings.oidc_client_secret is None:
        raise NotFound("Signing in by OpenID Connect is not set up here.")
    return OAuth().register(
        "provider",
        server_metadata_url=f"{str(settings.oidc_issuer).rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        client_kwargs={"scope": "openid email", "code_challenge_method": "S256"},
    )


@router.get("/sign-in/oidc")
async def begin(request: Request) -> Response:
    """Send the person to the provider."""
    web = web_of(request)
    request.session["next"] = own_path(request.query_params.get("next", ""))
    try:
        answer: Response = await client_of(web.settings).authorize_redirect(request, f"{web.address(request)}{CALLBACK}")
    except (OAuthError, HTTPError) as error:
        raise Refused("The provider of the sign-in does not answer.", status=HTTPStatus.BAD_GATEWAY, hint="Try again later.") from error
    return answer


@router.get(CALLBACK)
async def done(request: Request) -> Response:
    """Let in whom the provider knows and the settings name."""
    web = web_of(request)
    try:
        token = await client_of(web.settings).authorize_access_token(request)
    except (OAuthError, HTTPError) as error:
        raise Refused("The sign-in did not work out.", status=HTTPStatus.UNAUTHORIZED, code="sign_in", hint="Try it once more.") from error
    claims = token.get("userinfo") or {}
    names = {claims.get("sub")} | ({claims.get("email")} if claims.get("email_verified") else set())
    user = next((name for name in names if name in web.settings.oidc_users), None)
    if user is None:
        raise Refused("You are signed in there, but not known here.", status=HTTPStatus.FORBIDDEN, code="unknown_user")
    wanted = own_path(request.session.get("next", ""))
    let_in(request, user)
    return RedirectResponse(wanted or "/", 303)
