"""Build the documentation site into site/, or run another mkdocs command (serve), in an environment of its own.

The docs group is not part of .venv: a person who converts videos does not install a site generator.
"""

from __future__ import annotations

import subprocess
import sys

from install_deps import ROOT, child_environment, ensure_uv


def main() -> int:
    """Run `mkdocs ARGUMENTS…` (default: build) and return its exit status."""
    mkdocs = ["run", "--isolated", "--frozen", "--only-group", "docs", "mkdocs", *(sys.argv[1:] or ["build"])]
    environment = {**child_environment(), "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run([*ensure_uv(), *mkdocs], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
