"""Fetching a result over connections that break, into a file that goes on growing where it stopped."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from http import HTTPStatus
from pathlib import Path

from stereo_spot_cli.conversion.display import Display
from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.remote.client import Client
from stereo_spot_cli.remote.errors import Refused, Unreachable
from stereo_spot_cli.remote.transfer import Transfer
from stereo_spot_cli.remote.tries import Tries
from stereo_spot_cli.words import size
from stereo_spot_shared.api.jobs import OutputView


def part_of(place: Path, job_id: str, file: OutputView) -> Path:
    """Where a result grows beside its place. Another content, or another place, is another file."""
    facts = b"\0".join([job_id.encode(), file.etag.encode(), os.fsencode(place.name)])
    return place.with_name(f".stereo-spot-{hashlib.sha256(facts).hexdigest()[:24]}.part")


def download(client: Client, file: OutputView, part: Path, show: Display) -> None:
    """Fetch what `part` lacks of a result. Unreachable where the server stays away; what has come is kept for the next run."""
    shown = Transfer("fetching the result", file.bytes, show)
    tries = Tries(shown.waits)
    check_space(part, file.bytes)
    while (here := length(part)) != file.bytes:
        try:
            fetch(client, file, part, here, shown)
        except Unreachable as error:
            if length(part) > here:
                tries.went_on()
            tries.again_after(error)
        except Refused as error:
            if error.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            part.unlink()
            tries.again_after(error)
    shown.reached(file.bytes)


def fetch(client: Client, file: OutputView, part: Path, here: int, shown: Transfer) -> None:
    """One request: from byte `here` on if the server agrees, else all of it."""
    headers = {"Range": f"bytes={here}-", "If-Range": f'"{file.etag}"'} if here else {}
    with client.download(file.download_url, headers) as answer:
        goes_on = answer.status_code == HTTPStatus.PARTIAL_CONTENT
        if goes_on and not answer.headers.get("content-range", "").startswith(f"bytes {here}-"):
            raise CommandFailed("internal", f"{client.address} answers another part of {file.name} than it was asked for")
        here = here if goes_on else 0
        try:
            with part.open("ab" if goes_on else "wb") as target:
                for block in answer.iter_raw():
                    here += len(block)
                    if here > file.bytes:
                        raise CommandFailed("internal", f"{client.address} sends more of {file.name} than the job says")
                    target.write(block)
                    shown.reached(here)
        except OSError as error:
            raise unwritable(part, error) from error
    if here < file.bytes:
        raise Unreachable(f"the connection to {client.address} broke")


def length(part: Path) -> int:
    """Bytes that are here already."""
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def check_space(part: Path, wanted: int) -> None:
    """CommandFailed where the rest would not fit."""
    lacking, free = wanted - length(part), shutil.disk_usage(part.parent).free
    if lacking > free:
        raise CommandFailed(
            "no_space_left",
            f"there is not enough space: {size(lacking)} are needed on the disk of {part.parent}, {size(free)} are free",
            hint="free some space; the same command goes on from here",
        )


def unwritable(part: Path, error: OSError) -> CommandFailed:
    """What the system says to writing."""
    code = "no_space_left" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "output_not_writable"
    hint = "see to it; the same command goes on from here"
    return CommandFailed(code, f"nothing more can be written in {part.parent}: {error.strerror or error}", hint=hint)
