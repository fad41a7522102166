"""`stereo-spot smoke-test`: does this platform work, from end to end?"""

from __future__ import annotations

from typing import Annotated

import typer

from stereo_spot_cli.commands.options import DataDirOption, JsonOption


def smoke_test(
    running_workers: Annotated[
        bool, typer.Option("--running-workers", help="Let the workers do it that run already, instead of starting some for this test.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long to wait for the result.")] = 120.0,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> int:
    """Check the platform from end to end.

    Sends a tiny clip through it, looks at what comes out frame by frame, removes all of it, and says what is wrong.

    Examples:

      stereo-spot smoke-test

      STORAGE_ADAPTER=aws stereo-spot smoke-test --running-workers
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.smoke import run_smoke_test
    from stereo_spot_cli.words import duration

    result = run_smoke_test(data_dir, running_workers=running_workers, timeout=timeout, tell=None if as_json else output.say)
    if as_json:
        output.emit(result)
    elif result.ok:
        output.say(f"Everything works ({duration(result.seconds)}).")
    elif result.error is not None:
        output.report(output.CommandFailed(result.error.code, result.error.message, hint=result.error.hint))
    return 0 if result.ok else 1
