"""Signing in by an OpenID Connect provider (authorization code with PKCE), by Authlib."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from httpx2 import HTTPError
from joserfc.errors import JoseError

from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.errors import NotFound
from stereo_spot_web_ui.context import web_of
from stereo_spot_web_ui.problems import Refused
from stereo_spot_web_ui.security.sign_in import own_path
from stereo_spot_web_ui.settings import WebSettings

router = APIRouter(include_in_schema=False)

CALLBACK = "/sign-in/oidc/done"
SIGNATURES = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"})
"""By the provider's private key. Whatever else it lists (none, or HMAC, whose key others may know) is not believed."""
BROKEN = (AuthlibBaseError, JoseError, KeyError, RuntimeError, TypeError, ValueError)
"""What comes of answers that are refusals, are not signed as they must be, or are not what OpenID Connect says."""


def client_of(settings: WebSettings) -> StarletteOAuth2App:
    """The provider's client. NotFound where none is configured."""
    if settings.oidc_issuer is None or settings.oidc_client_secret is None:
        raise NotFound("Signing in by OpenID Connect is not set up here.")
    return OAuth().register(
        "provider",
        server_metadata_url=f"{str(settings.oidc_issuer).rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        client_kwargs={"scope": settings.oidc_scope, "code_challenge_method": "S256"},
    )


async def discover(client: StarletteOAuth2App, settings: WebSettings) -> None:
    """Ask the provider what it is; ValueError where that is another than the settings name. Authlib believes whatever is there."""
    told = await client.load_server_metadata()
    if str(told["issuer"]).rstrip("/") != str(settings.oidc_issuer).rstrip("/"):
        raise ValueError(f"the provider calls itself {told['issuer']}, not {settings.oidc_issuer}")
    listed = told.get("id_token_signing_alg_values_supported", ())
    told["id_token_signing_alg_values_supported"] = [name for name in listed if name in SIGNATURES] or ["RS256"]


@router.get("/sign-in/oidc")
async def begin(request: Request) -> Response:
    """Send the person to the provider."""
    web = web_of(request)
    client = client_of(web.settings)
    request.session["next"] = own_path(request.query_params.get("next", ""))
    try:
        await discover(client, web.settings)
        answer: Response = await client.authorize_redirect(request, f"{web.address(request)}{CALLBACK}")
    except HTTPError as error:
        raise unreachable(error) from error
    except BROKEN as error:
        get_logger().warning("the provider of the sign-in is not what the settings say", error=str(error))
        raise Refused(
            "The provider of the sign-in is not what the settings of this server say.",
            status=HTTPStatus.BAD_GATEWAY,
            hint="Whoever runs this server finds more in its log.",
        ) from error
    return answer


@router.get(CALLBACK)
async def done(request: Request) -> Response:
    """Let in whom the provider knows and the settings name."""
    web = web_of(request)
    client = client_of(web.settings)
    try:
        await discover(client, web.settings)
        token = await client.authorize_access_token(request)
        claims: dict[str, Any] = dict(token["userinfo"])
        entry = entry_of(web.settings, claims)
        if entry is None and "userinfo_endpoint" in client.server_metadata:
            more = await client.userinfo(token=token)
            if more["sub"] != claims["sub"]:
                raise ValueError("the provider tells of somebody else than who signed in")
            entry = entry_of(web.settings, {**claims, **more})
    except HTTPError as error:
        raise unreachable(error) from error
    except BROKEN as error:
        get_logger().warning("a sign-in by the provider did not work out", error=str(error))
        raise Refused("The sign-in did not work out.", status=HTTPStatus.UNAUTHORIZED, code="sign_in", hint="Try it once more.") from error
    if entry is None:
        get_logger().warning("somebody whom the settings do not name signed in at the provider", subject=str(claims["sub"]))
        raise Refused("You are signed in there, but not known here.", status=HTTPStatus.FORBIDDEN, code="unknown_user")
    wanted = request.session.get("next") or "/"
    web.sessions.begin_by_provider(request, entry)
    return RedirectResponse(wanted, 303)


def entry_of(settings: WebSettings, claims: Mapping[str, Any]) -> str | None:
    """The entry of the settings that lets in who is described so.

    What has an @ is an address, and never a subject: a provider may let people choose their subjects, but not the addresses it verified.
    """
    names = {str(claims["sub"])} if "@" not in str(claims["sub"]) else set()
    address = claims.get("email")
    if isinstance(address, str) and "@" in address and claims.get("email_verified") in {True, "true"}:
        names |= {address.casefold(), f"@{address.casefold().rpartition('@')[2]}"}
    for entry in settings.oidc_users:
        if (entry.casefold() if "@" in entry else entry) in names:
            return entry
    groups = claims.get("groups")
    return next((entry for entry in settings.oidc_groups if isinstance(groups, list) and entry in groups), None)


def unreachable(error: HTTPError) -> Refused:
    """What a person is told when nobody answers there."""
    get_logger().warning("the provider of the sign-in could not be asked", error=str(error) or type(error).__name__)
    return Refused("The provider of the sign-in does not answer.", status=HTTPStatus.BAD_GATEWAY, hint="Try again later.")
