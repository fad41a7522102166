"""Add up the test reports of all projects and close with one line that says how many tests passed, failed and were skipped.

The `test` targets write reports/tests/PROJECT.xml (JUnit); Nx brings them back from its cache together with the result.
A project without a report, or whose report holds no test, is an error: nothing may look tested that is not.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "reports" / "tests"


def main() -> int:
    """Print one line per project, the skipped tests with their reasons and the total; return the exit status."""
    projects = [json.loads(file.read_text(encoding="utf-8"))["name"] for file in sorted(ROOT.glob("packages/*/project.json"))]
    passed = failed = skipped = 0
    untested = []
    for project in ["stereo-spot", *projects]:
        report = REPORTS / f"{project}.xml"
        cases = list(ET.parse(report).iter("testcase")) if report.is_file() else []
        bad = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
        reasons = [(case, reason) for case in cases if (reason := case.find("skipped")) is not None]
        print(f"{project:20} {len(cases) - bad - len(reasons):5} passed {bad:3} failed {len(reasons):3} skipped")
        for case, reason in reasons:
            print(f"    skipped {case.get('classname')}::{case.get('name')}: {reason.get('message')}")
        passed, failed, skipped = passed + len(cases) - bad - len(reasons), failed + bad, skipped + len(reasons)
        untested += [] if cases else [project]
    if untested:
        print(f"stereo-spot: no test ran for {', '.join(untested)}", file=sys.stderr)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or untested else 0


if __name__ == "__main__":
    sys.exit(main())
