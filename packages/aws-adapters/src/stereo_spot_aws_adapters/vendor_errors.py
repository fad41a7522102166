"""Where errors of AWS and of its SDK become errors of StereoSpot.

Whatever the platform or its operator may mend is a RetryableError: the work waits, and nothing is counted against it. What says that
this program asked for something wrong is a defect, and is raised as it is; so is what an adapter looks for itself (a condition that
does not hold, an object that is not there).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import urllib3.exceptions
from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from stereo_spot_shared.errors import NoSpaceLeft, RetryableError


@dataclass(frozen=True)
class Fault:
    """What an error means to a person."""

    sentence: str
    hint: str | None = None


_THROTTLED = Fault(
    "{what} is asked for too much at once", "The work goes on by itself; if this lasts, start fewer workers or have the quota raised."
)
_AWAY = Fault("{what} does not answer just now", "AWS has a fault or is being restarted; the work goes on by itself.")
_UNREACHABLE = Fault("{what} cannot be reached", "Check the network, AWS_ENDPOINT_URL and AWS_REGION.")
_CREDENTIALS = Fault(
    "{what} does not take the credentials of this process",
    "They are missing, wrong or have expired: renew them (aws sso login, AWS_PROFILE, the role of the task).",
)
_FORBIDDEN = Fault("{what} is forbidden to this process", "Add the action that is named to the role of this process.")
_MISSING = Fault(
    "{what} does not exist",
    "Check STEREO_SPOT_AWS_PREFIX, STEREO_SPOT_AWS_BUCKET and AWS_REGION; `./nx run aws-adapters:provision` makes what is missing.",
)
_ELSEWHERE = Fault("{what} is in another region", "Set AWS_REGION to the region of the bucket.")
_CLOCK = Fault("{what} does not take the time of this machine", "Set the clock (NTP).")
_KEY = Fault(
    "{what} cannot use its encryption key",
    "Check that the KMS key is enabled and that the role may use it (kms:Decrypt, kms:GenerateDataKey).",
)
_QUOTA = Fault("{what} has reached a quota of the account", "Remove what is not needed, or have the quota raised.")
_SETTINGS = Fault("{what} cannot be asked for with these settings", "Check AWS_REGION, AWS_PROFILE and the files below ~/.aws.")

CODES: dict[str, Fault] = {
    **dict.fromkeys(
        (
            "BandwidthLimitExceeded", "EC2ThrottledException", "KmsThrottled", "KMS.ThrottlingException", "LimitExceededException",
            "OverLimit", "PriorRequestNotComplete", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
            "RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling", "ThrottlingException",
            "TooManyRequestsException", "TransactionInProgressException",
        ),
        _THROTTLED,
    ),
    **dict.fromkeys(
        (
            "ConditionalRequestConflict", "InternalError", "InternalFailure", "InternalServerError", "OperationAborted",
            "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable", "TransactionConflictException",
        ),
        _AWAY,
    ),
    **dict.fromkeys(
        (
            "AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId",
            "InvalidToken", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestExpired", "SignatureDoesNotMatch",
            "TokenRefreshRequired", "UnrecognizedClientException",
            "400",  # of HEAD, whose answers have no body: a session that has expired
        ),
        _CREDENTIALS,
    ),
    **dict.fromkeys(
        (
            "403", "AccessDenied", "AccessDeniedException", "AccountProblem", "AllAccessDisabled", "AccessForbidden", "OptInRequired",
            "UnauthorizedOperation", "InvalidObjectState",
        ),
        _FORBIDDEN,
    ),
    **dict.fromkeys(
        (
            "AWS.SimpleQueueService.NonExistentQueue", "NoSuchBucket", "QueueDoesNotExist", "ResourceNotFoundException",
            "TableNotFoundException",
        ),
        _MISSING,
    ),
    **dict.fromkeys(
        ("301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "TemporaryRedirect"), _ELSEWHERE
    ),
    "RequestTimeTooSkewed": _CLOCK,
    "RequestInTheFuture": _CLOCK,
    **dict.fromkeys(
        (
            "KMS.AccessDeniedException", "KMS.DisabledException", "KMS.InvalidStateException", "KMS.NotFoundException",
            "KMS.KMSInvalidStateException", "KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsInvalidState", "KmsNotFound",
            "InaccessibleEncryptionKeyException",
        ),
        _KEY,
    ),
    **dict.fromkeys(("AccountQuotaExceeded", "QuotaExceeded", "ServiceQuotaExceededException"), _QUOTA),
}  # fmt: skip
"""By the code of AWS's answer. For others the HTTP status decides: 5xx is a fault of AWS, 429 throttling, the rest a defect."""

OF_THE_SDK: dict[type[sdk.BotoCoreError], Fault] = {
    **dict.fromkeys(
        (
            sdk.HTTPClientError, sdk.ConnectionError, sdk.MetadataRetrievalError, sdk.IncompleteReadError,
            sdk.ChecksumError, sdk.FlexibleChecksumError,
        ),
        _UNREACHABLE,
    ),
    **dict.fromkeys(
        (
            sdk.NoCredentialsError, sdk.PartialCredentialsError, sdk.CredentialRetrievalError, sdk.SSOError, sdk.TokenRetrievalError,
            sdk.NoAuthTokenError, sdk.UnknownCredentialError, sdk.RefreshWithMFAUnsupportedError, sdk.LoginError,
        ),
        _CREDENTIALS,
    ),
    **dict.fromkeys(
        (
            sdk.NoRegionError, sdk.ProfileNotFound, sdk.ConfigNotFound, sdk.ConfigParseError, sdk.InvalidConfigError,
            sdk.InfiniteLoopConfigError, sdk.InvalidProxiesConfigError, sdk.InvalidRetryConfigurationError,
            sdk.InvalidDefaultsMode, sdk.InvalidSTSRegionalEndpointsConfigError, sdk.ServiceNotInRegionError,
            sdk.InvalidIMDSEndpointError, sdk.InvalidIMDSEndpointModeError, sdk.BaseEndpointResolverError, sdk.InvalidRegionError,
            sdk.UnknownRegionError, sdk.InvalidEndpointConfigurationError, sdk.EndpointProviderError, sdk.InvalidChecksumConfigError,
            sdk.InvalidS3AddressingStyleError, sdk.InvalidS3UsEast1RegionalEndpointConfigError,
            sdk.InvalidEndpointDiscoveryConfigurationError, sdk.UnknownTokenProviderError, sdk.MissingDependencyException,
        ),
        _SETTINGS,
    ),
}  # fmt: skip
"""By the SDK's own exceptions, the nearest ancestor deciding; one without any is a defect (a test names them all)."""


@contextmanager
def aws_errors(unavailable: type[RetryableError], what: str) -> Iterator[None]:
    """Raise what AWS or its SDK says of `what` ("the table x-jobs") as `unavailable`; defects and answers pass untouched."""
    try:
        yield
    except sdk.ClientError as error:
        if (fault := fault_of_answer(error)) is None:
            raise
        raise _translated(unavailable, fault, what, _words(error)) from error
    except sdk.BotoCoreError as error:
        if (fault := fault_of_sdk(type(error))) is None:
            raise
        raise _translated(unavailable, fault, what, str(error)) from error
    except (urllib3.exceptions.HTTPError, ResponseParserError) as error:
        # From a body that is read piece by piece, which the SDK does not wrap everywhere; and an answer that is none of AWS's.
        raise _translated(unavailable, _UNREACHABLE, what, str(error)) from error


def code_of(error: sdk.ClientError) -> str:
    """AWS's name for what went wrong; the HTTP status where the answer had no body (HEAD)."""
    return str(error.response.get("Error", {}).get("Code", ""))


def fault_of_answer(error: sdk.ClientError) -> Fault | None:
    """What an answer of AWS means; None for a defect, and for what only its caller can understand."""
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in CODES:
        return CODES[code]
    if status == 429:
        return _THROTTLED
    return _AWAY if status >= 500 else None


def is_refusal(error: BaseException) -> bool:
    """Whether it is made of an answer that denies a right, or the use of a key: who asks again is denied again."""
    return isinstance(error.__cause__, sdk.ClientError) and fault_of_answer(error.__cause__) in {_FORBIDDEN, _KEY}


def fault_of_sdk(kind: type[sdk.BotoCoreError]) -> Fault | None:
    """What an exception of the SDK means; None for a defect."""
    return next((OF_THE_SDK[ancestor] for ancestor in kind.__mro__ if ancestor in OF_THE_SDK), None)


def disk_error(error: OSError, place: str, unavailable: type[RetryableError]) -> RetryableError:
    """What an error of this machine's disk at `place` is in our tree."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpaceLeft(f"there is no space left on the disk of {place}", hint="Make room on that disk; the work goes on by itself.")
    return unavailable(f"{place} could not be used: {error.strerror or error}", hint="Check the directory and its disk.")


def _translated(unavailable: type[RetryableError], fault: Fault, what: str, words: str) -> RetryableError:
    return unavailable(f"{fault.sentence.format(what=what)} ({words})", hint=fault.hint)


def _words(error: sdk.ClientError) -> str:
    """AWS's own sentence names the action and the resource that a role lacks."""
    message = str(error.response.get("Error", {}).get("Message", "")).strip()
    return f"{code_of(error)}: {message}" if message else code_of(error)
