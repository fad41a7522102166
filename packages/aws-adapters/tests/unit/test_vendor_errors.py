from __future__ import annotations

import errno
import inspect
import re

import pytest
from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker
from urllib3.exceptions import ProtocolError

from stereo_spot_aws_adapters.vendor_errors import CODES, OF_THE_SDK, aws_errors, disk_error, fault_of_sdk
from stereo_spot_shared.errors import NoSpaceLeft, QueueUnavailable, RetryableError, StorageUnavailable, StoreUnavailable

WHAT = "the table x-jobs"

DEFECTS = {
    "AliasConflictParameterError", "ApiVersionNotFoundError", "AwsChunkedWrapperError", "BotoCoreError", "CapacityNotAvailableError",
    "DataNotFoundError", "InvalidDNSNameError", "InvalidExpressionError", "InvalidHostLabelError", "MD5UnavailableError",
    "MissingParametersError", "OperationNotPageableError", "PaginationError", "ParamValidationError", "RangeError", "StubAssertionError",
    "StubResponseError", "UnStubbedResponseError", "UnknownClientMethodError", "UnknownKeyError", "UnknownParameterError",
    "UnknownServiceError", "UnknownServiceStyle", "UnknownSignatureVersionError", "UnseekableStreamError",
    "UnsupportedOutpostResourceError", "UnsupportedS3AccesspointConfigurationError", "UnsupportedS3ArnError",
    "UnsupportedS3ConfigurationError", "UnsupportedS3ControlArnError", "UnsupportedS3ControlConfigurationError",
    "UnsupportedServiceProtocolsError", "UnsupportedSignatureVersionError", "ValidationError", "WaiterConfigError", "WaiterError",
}  # fmt: skip
"""Exceptions of the SDK that say that this program is wrong: it asked for what cannot be asked."""


def kinds_of_the_sdk():
    return {name: kind for name, kind in vars(sdk).items() if inspect.isclass(kind) and issubclass(kind, sdk.BotoCoreError)}


def answer(code, status=400, message="AWS's own words"):
    return sdk.ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutItem")


def translated(error, unavailable=StoreUnavailable):
    with pytest.raises(Exception) as caught, aws_errors(unavailable, WHAT):  # noqa: PT011  # which one is asserted by the caller
        raise error
    return caught.value


def test_every_exception_of_the_sdk_has_a_meaning_or_is_a_defect():
    meaningless = {name for name, kind in kinds_of_the_sdk().items() if fault_of_sdk(kind) is None}
    assert meaningless == DEFECTS


def test_whatever_the_sdk_itself_repeats_has_a_meaning():
    codes = {*ThrottledRetryableChecker._THROTTLED_ERROR_CODES, *TransientRetryableChecker._TRANSIENT_ERROR_CODES}
    assert codes - CODES.keys() == set()
    exceptions = TransientRetryableChecker._TRANSIENT_EXCEPTION_CLS
    assert [kind for kind in exceptions if fault_of_sdk(kind) is None] == []


@pytest.mark.parametrize("unavailable", [StoreUnavailable, QueueUnavailable, StorageUnavailable])
@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_is_raised_as_what_it_means(code, unavailable):
    error = answer(code)
    found = translated(error, unavailable)
    assert type(found) is unavailable
    assert WHAT in found.message
    assert f"{code}: AWS's own words" in found.message
    assert found.hint
    assert found.__cause__ is error


@pytest.mark.parametrize(("status", "words"), [(500, "does not answer"), (503, "does not answer"), (429, "too much at once")])
def test_a_code_that_nobody_knows_is_understood_by_its_status(status, words):
    assert words in translated(answer("Novelty", status)).message


@pytest.mark.parametrize("code", ["ValidationException", "ConditionalCheckFailedException", "PreconditionFailed", "NoSuchKey", "404"])
def test_answers_and_defects_pass_untouched(code):
    error = answer(code, 404)
    assert translated(error) is error
    assert translated(defect := sdk.ParamValidationError(report="no such parameter")) is defect


@pytest.mark.parametrize("kind", sorted(OF_THE_SDK, key=lambda kind: kind.__name__))
def test_each_exception_of_the_sdk_is_raised_as_what_it_means(kind):
    wanted = dict.fromkeys(re.findall(r"{(\w+)", kind.fmt), "x")
    found = translated(kind(**wanted))
    assert isinstance(found, StoreUnavailable)
    assert WHAT in found.message
    assert found.hint


@pytest.mark.parametrize("error", [ProtocolError("the connection broke"), ResponseParserError("<html>")])
def test_what_the_sdk_does_not_wrap_is_translated_too(error):
    assert isinstance(translated(error), StoreUnavailable)


def test_a_full_disk_is_no_space_and_any_other_fault_of_a_disk_waits():
    assert isinstance(disk_error(OSError(errno.ENOSPC, "full"), "/scratch", StorageUnavailable), NoSpaceLeft)
    other = disk_error(OSError(errno.EIO, "broken"), "/scratch", StorageUnavailable)
    assert isinstance(other, StorageUnavailable)
    assert isinstance(other, RetryableError)
    assert "/scratch" in other.message
