"""The roles allow what the code calls, and nothing that it does not call."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path

import botocore.session
from botocore import xform_name

PERMISSIONS = json.loads((Path(__file__).parents[1] / "terraform" / "permissions.json").read_text())
NOT_OF_A_SERVICE = {"provision.py", "smoke_test.py"}
"""Modules that an operator runs, with rights of his own."""
ACTIONS = {
    "sqs": {"SendMessageBatch": ["SendMessage"], "ChangeMessageVisibilityBatch": ["ChangeMessageVisibility"]},
    "s3": {
        "CompleteMultipartUpload": ["PutObject"],
        "CopyObject": ["GetObject", "PutObject"],
        "CreateMultipartUpload": ["PutObject"],
        "HeadBucket": ["ListBucket"],
        "HeadObject": ["GetObject"],
        "DeleteObjects": ["DeleteObject"],
        "ListObjectsV2": ["ListBucket"],
        "ListParts": ["ListMultipartUploadParts"],
        "UploadPart": ["PutObject"],
        "UploadPartCopy": ["GetObject", "PutObject"],
    },
}
"""What an operation needs, where that is not an action of its own name."""


def actions_of(service, operation):
    return {f"{service}:{action}" for action in ACTIONS.get(service, {}).get(operation, [operation])}


def called_by(folder):
    """The actions that the modules of a package need, by the names of the SDK's methods that they call."""
    names = {
        node.func.attr
        for file in folder.glob("*.py")
        if file.name not in NOT_OF_A_SERVICE and "moto" not in file.name and "fake" not in file.name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    session = botocore.session.get_session()
    found = set()
    for service in ("dynamodb", "s3", "sqs"):
        for operation in session.get_service_model(service).operation_names:
            if xform_name(operation) in names:
                found |= actions_of(service, operation)
    return found


def granted():
    services = PERMISSIONS["services"].values()
    lists = [*(one[kind] for one in services for kind in ("table", "object")), *PERMISSIONS["queue"].values(), PERMISSIONS["bucket"]]
    return {action for actions in lists for action in actions}


def test_what_is_granted_is_what_is_called():
    folder = Path(importlib.util.find_spec("stereo_spot_aws_adapters").origin).parent
    assert sorted(granted()) == sorted(called_by(folder))
