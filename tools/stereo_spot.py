"""Run the stereo-spot command for an Nx target: in the directory where the user stands, with the user's own words.

`./nx run stereo-spot:convert --input=movie.mp4 --output=movie_3d.mp4` becomes `stereo-spot convert movie.mp4 --output movie_3d.mp4`;
without --input it becomes `stereo-spot convert --demo --output demo_3d.mp4`. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

COMMAND_OF = {"serve": "up"}  # the other targets have the names of their commands
DEMO_OUTPUT = "demo_3d.mp4"


def main() -> int:
    """Run the command of the target named by the only argument, and return its exit status."""
    target = sys.argv[1]
    environment = dict(os.environ)
    try:
        words = words_after(target, json.loads(environment.pop("INIT_ARGV")))
        place = environment.pop("INIT_CWD")
    except (KeyError, ValueError):
        print(f"stereo-spot: start this as ./nx run stereo-spot:{target} [arguments]", file=sys.stderr)
        return 2
    program = Path(sys.executable).with_name("stereo-spot")
    arguments = [str(program), COMMAND_OF.get(target, target), *(conversion(words) if target == "convert" else words)]
    os.chdir(place)
    if os.name != "nt":
        os.execve(program, arguments, environment)  # the same process, so that Ctrl-C reaches the command and nobody else
    return subprocess.run(arguments, env=environment, check=False).returncode


def words_after(target: str, invocation: Sequence[str]) -> list[str]:
    """Return what follows `stereo-spot:TARGET` on Nx's command line, without a leading `--`; ValueError where it is not there."""
    words = list(invocation[list(invocation).index(f"stereo-spot:{target}") + 1 :])
    return words[1:] if words[:1] == ["--"] else words


def conversion(words: Sequence[str]) -> list[str]:
    """Turn --input and --output into the arguments of `stereo-spot convert`; everything else stays as it is."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--input")
    parser.add_argument("--output", "-o")
    known, rest = parser.parse_known_args(words)
    output = known.output or (None if known.input else DEMO_OUTPUT)
    source = [known.input] if known.input else ["--demo"]
    return [*source, *(["--output", output] if output else []), *rest]


if __name__ == "__main__":
    sys.exit(main())
