"""Resolve the dependencies of all packages anew into uv.lock; arguments are handed to `uv lock` (for example --upgrade).

The lock must install anywhere, so it names the public PyPI only, whatever mirror this machine is set up with.
"""

from __future__ import annotations

import re
import subprocess
import sys

from install_deps import ROOT, child_environment, ensure_uv

LOCK = ROOT / "uv.lock"
PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org"}
INDEX_SETTINGS = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS")


def main() -> int:
    """Write uv.lock, or leave it as it was and say why; return the exit status."""
    before = LOCK.read_bytes() if LOCK.is_file() else None
    environment = {key: value for key, value in child_environment().items() if key not in INDEX_SETTINGS}
    command = [*ensure_uv(), "lock", "--default-index", "https://pypi.org/simple", *sys.argv[1:]]
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if status == 0 and (foreign := foreign_hosts(LOCK.read_text(encoding="utf-8"))):
        LOCK.write_bytes(before) if before is not None else LOCK.unlink()
        print(f"stereo-spot: uv.lock is left as it was, because it would name {', '.join(foreign)}", file=sys.stderr)
        return 1
    return status


def foreign_hosts(lock: str) -> list[str]:
    """Return the hosts in a lock that are not the public PyPI's, sorted."""
    return sorted(set(re.findall(r"[a-z+]+://([^/\"\s]*)", lock)) - PUBLIC_HOSTS)


if __name__ == "__main__":
    sys.exit(main())
