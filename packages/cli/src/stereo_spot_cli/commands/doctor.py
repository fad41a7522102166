"""`stereo-spot doctor`: what is there, what is missing, and what to do about it."""

from __future__ import annotations

from stereo_spot_cli.commands.options import DataDirOption, JsonOption


def doctor(data_dir: DataDirOption = None, as_json: JsonOption = False) -> int:
    """Say what is there and what is missing.

    Looks at codecs, depth estimators, processors, memory, disk, platform. Exit status 1 where a conversion cannot work.

    Example:  stereo-spot doctor
    """
    from stereo_spot_cli import output
    from stereo_spot_cli.diagnosis import Verdict, diagnose
    from stereo_spot_cli.tables import plain_table

    findings = diagnose(data_dir)
    fit = all(finding.verdict is not Verdict.MISSING for finding in findings)
    if as_json:
        output.emit({"fit": fit, "findings": [finding.model_dump(mode="json") for finding in findings]})
        return 0 if fit else 1
    table = plain_table("", "what", "found", "what to do")
    for finding in findings:
        table.add_row(finding.verdict.value, finding.what, finding.found, finding.advice or "")
    output.show(table)
    output.say("Everything that a conversion needs is there." if fit else "A conversion cannot work here: see the lines marked “missing”.")
    return 0 if fit else 1
