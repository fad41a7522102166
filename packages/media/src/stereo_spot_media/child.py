"""The program that `sandbox.run_in_child` starts: reads one call, gives up rights, runs it, answers in lines of JSON.

`{"progress": ...}` any number of times, then `{"result": ...}` or `{"error": {type, message, hint}}`.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import to_json

from stereo_spot_media.sandbox import Call, apply_limits, encode_error


def main() -> None:
    """Serve one call. The exit status means nothing; the last line does."""
    answers = claim_stdout()
    call = Call.model_validate_json(sys.stdin.buffer.readline())
    apply_limits(call.limits, parent=call.parent)
    try:
        result = invoke(call, lambda progress: send(answers, "progress", progress))
        send(answers, "result", result)
    except BaseException as error:  # noqa: BLE001 - whatever it was, the parent is told
        traceback.print_exc()
        send(answers, "error", encode_error(error))


def claim_stdout() -> BinaryIO:
    """Keep standard output for the answers: whatever else prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def invoke(call: Call, report: Callable[[Any], None]) -> Any:
    """Import the function and call it with its arguments, validated against its first annotation."""
    module, name = call.function.split(":")
    function = getattr(import_module(module), name)
    first = next(iter(get_type_hints(function).values()))
    return function(TypeAdapter(first).validate_python(call.arguments), report)


def send(answers: BinaryIO, kind: str, value: Any) -> None:
    """Write one line of the answer."""
    answers.write(to_json({kind: value}) + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
