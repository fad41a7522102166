"""docs/cli.md is made from the command itself; this says when it has to be made again."""

import subprocess
import sys
from pathlib import Path

REFERENCE = Path(__file__).parents[4] / "docs" / "cli.md"
MAKE = ["typer", "stereo_spot_cli.main", "utils", "docs", "--name", "stereo-spot", "--title", "The command stereo-spot"]


def test_the_reference_is_current() -> None:
    made = subprocess.run([sys.executable, "-m", *MAKE], capture_output=True, text=True, check=True).stdout
    assert REFERENCE.read_text().rstrip() == made.rstrip(), f"make it again: {' '.join(MAKE)} --output docs/cli.md"
