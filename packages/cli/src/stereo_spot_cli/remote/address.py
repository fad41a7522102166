"""Which server is meant, and what of a command can be asked of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

import typer

from stereo_spot_cli.settings import CliSettings

Command = TypeVar("Command", bound=Callable[..., Any])

HOW_TO_STAY = "leave out --server (or unset STEREO_SPOT_SERVER)"


def is_remote() -> bool:
    """Whether commands are for a server rather than for this machine."""
    return bool(CliSettings().server)


def address_of(text: str) -> str:
    """The address of a server as `https://host:port`. Wrong usage where it is none. It is not repeated then: it may hold a secret."""
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise wrong("that is no address of a server, as https://films.example is one") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong("write the whole address of the server, as https://films.example")
    if parts.username is not None or parts.password is not None:
        raise wrong("leave user and password out of the address; the server's token goes into STEREO_SPOT_TOKEN")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise wrong("give the server's address without a path, as https://films.example")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def wrong(told: str) -> typer.BadParameter:
    """A usage error about the server's address."""
    return typer.BadParameter(told, param_hint="'--server'")


def stay_here() -> None:
    """Wrong usage where a server is asked for: what comes has to do with this machine."""
    if is_remote():
        raise typer.TyperException(f"this command works on this machine only, not at a server; {HOW_TO_STAY}")


def here_only(command: Command) -> Command:
    """The command, refused where a server is asked for; its help is not."""

    @wraps(command)
    def checked(*arguments: Any, **options: Any) -> Any:
        stay_here()
        return command(*arguments, **options)

    return checked  # type: ignore[return-value]  # the same parameters, by `wraps`


def all_here_only(group: typer.Typer) -> typer.Typer:
    """A group of commands, each of which is refused so."""
    for command in group.registered_commands:
        if command.callback is not None:
            command.callback = here_only(command.callback)
    return group


def refuse_local_options(**given: object) -> None:
    """Wrong usage where one of these options, by their names, was given: they have to do with this machine."""
    named = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if named:
        raise typer.TyperException(
            f"{' and '.join(named)} cannot be used with a server; leave that out, or convert on this machine: {HOW_TO_STAY}"
        )
