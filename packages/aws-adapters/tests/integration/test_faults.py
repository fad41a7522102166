"""Throttling, outages, lost answers and expired credentials, over HTTP: the work waits, and nothing is done twice or half."""

from __future__ import annotations

import pytest

from stereo_spot_adapter_contracts.examples import a_completion, a_job, an_activity
from stereo_spot_aws_adapters import clients
from stereo_spot_aws_adapters.moto_faults import Fault
from stereo_spot_aws_adapters.objects import PART_BYTES
from stereo_spot_aws_adapters.platform import open_platform
from stereo_spot_aws_adapters.provision import provision
from stereo_spot_aws_adapters.settings import AwsSettings
from stereo_spot_shared.errors import Conflict, QueueUnavailable, StorageUnavailable, StoreUnavailable
from stereo_spot_shared.jobs import Stage, new_job_id

ONCE = {"retry_mode": "standard", "max_attempts": 1}
TWICE = {"retry_mode": "standard", "max_attempts": 2}
NAMES = {"prefix": "faulty", "bucket": "faulty-bucket"}


@pytest.fixture
def plane(moto, monkeypatch):
    """Tables, queues and a bucket; who connects to them waits a second for an answer."""
    moto.reset()
    monkeypatch.setattr(clients, "_READ_SECONDS", 1)
    provision(clients.connect(AwsSettings(**NAMES, **TWICE)))
    yield
    moto.misbehave()


@pytest.fixture
def hasty(plane):
    """A platform that asks once."""
    return open_platform(AwsSettings(**NAMES, **ONCE))


@pytest.fixture
def platform(plane):
    """A platform that repeats a request once."""
    return open_platform(AwsSettings(**NAMES, **TWICE))


OPERATIONS = {
    "jobs.get": ("dynamodb", StoreUnavailable, lambda platform: platform.jobs.get("aaaaaaaa")),
    "jobs.update": ("dynamodb", StoreUnavailable, lambda platform: platform.jobs.update(a_job())),
    "jobs.list": ("dynamodb", StoreUnavailable, lambda platform: platform.jobs.list()),
    "completions.put": ("dynamodb", StoreUnavailable, lambda platform: platform.completions.put(a_completion("aaaaaaaa", 1))),
    "completions.count": ("dynamodb", StoreUnavailable, lambda platform: platform.completions.count("aaaaaaaa")),
    "activity.report": ("dynamodb", StoreUnavailable, lambda platform: platform.activity.report(an_activity("aaaaaaaa", Stage.RENDER, 1))),
    "queue.send": ("sqs", QueueUnavailable, lambda platform: platform.queues[Stage.RENDER].send("a")),
    "queue.send_batch": ("sqs", QueueUnavailable, lambda platform: platform.queues[Stage.RENDER].send_batch(["a"])),
    "queue.receive": ("sqs", QueueUnavailable, lambda platform: platform.queues[Stage.RENDER].receive()),
    "queue.depth": ("sqs", QueueUnavailable, lambda platform: platform.queues[Stage.RENDER].depth()),
    "storage.put": ("s3", StorageUnavailable, lambda platform: platform.storage.put_bytes(b"x", "a/b", if_absent=True)),
    "storage.get": ("s3", StorageUnavailable, lambda platform: platform.storage.read_range("a/b")),
    "storage.stat": ("s3", StorageUnavailable, lambda platform: platform.storage.stat("a/b")),
    "storage.list": ("s3", StorageUnavailable, lambda platform: platform.storage.list("")),
    "uploads.begin": ("s3", StorageUnavailable, lambda platform: platform.uploads.begin("a/b", 3)),
}

KINDS = {
    "throttled": "too much at once",
    "away": "does not answer",  # what stands before AWS answers with a page of its own
    "expired": "does not take the credentials",
    "forbidden": "is forbidden to this process",
    "lost": "cannot be reached",
    "cut": "cannot be reached",
    "silent": "cannot be reached",
}


SLOW_TO_FAIL = {"jobs.get", "queue.send", "storage.stat"}
"""Silence takes seconds: one operation of each service."""


WITHOUT_A_BODY = {"storage.put", "storage.stat"}
"""Of whose answers nothing can be cut off."""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in OPERATIONS
        for kind in KINDS
        if not (kind == "silent" and name not in SLOW_TO_FAIL) and not (kind == "cut" and name in WITHOUT_A_BODY)
    ],
)
def test_each_fault_of_each_service_is_its_own_error_with_what_to_do(hasty, moto, name, kind):
    service, error, use = OPERATIONS[name]
    moto.misbehave(Fault(kind, service, seconds=1.5))
    words = "does not answer" if (name, kind) == ("storage.stat", "throttled") else KINDS[kind]  # to HEAD, S3 says a number only
    with pytest.raises(error, match=words) as caught:
        use(hasty)
    assert type(caught.value) is error
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["throttled", "away", "lost"])
def test_a_fault_that_passes_is_not_noticed(platform, moto, kind):
    job = platform.jobs.create(a_job())
    for service in ("dynamodb", "sqs", "s3"):
        moto.misbehave(Fault(kind, service, times=1))
        platform.storage.put_bytes(b"x", "a/b")
        platform.queues[Stage.RENDER].send("a")
        job = platform.jobs.update(job.evolve(cut=job.cut + 1))
    assert platform.jobs.get(job.job_id).cut == 3


class TestAnAnswerThatWasLost:
    """What was asked for was done, and the SDK asks again: that must not look like somebody else's doing."""

    def test_of_a_job(self, platform, moto):
        moto.misbehave(Fault("lost", "dynamodb PutItem", times=1))
        job = platform.jobs.create(a_job())
        moto.misbehave(Fault("lost", "dynamodb PutItem", times=1))
        assert platform.jobs.update(job.evolve(cut=1)).version == 2
        with pytest.raises(Conflict):
            platform.jobs.update(job.evolve(cut=1))

    def test_of_a_completion(self, platform, moto):
        completion = a_completion(new_job_id(), 3)
        moto.misbehave(Fault("lost", "dynamodb PutItem", times=1))
        assert platform.completions.put(completion) == completion
        assert platform.completions.put(a_completion(completion.job_id, 3, "second")) == completion

    def test_of_an_object_that_was_not_to_be_replaced(self, platform, moto):
        moto.misbehave(Fault("lost", "s3 PUT", times=1))
        stored = platform.storage.put_bytes(b"ours", "a/b", if_absent=True)
        assert platform.storage.stat("a/b") == stored
        moto.misbehave(Fault("lost", "s3 PUT", times=1))
        with pytest.raises(Conflict):
            platform.storage.put_bytes(b"ours", "a/b", if_absent=True)

    def test_of_a_large_object_that_was_not_to_be_replaced(self, platform, moto, tmp_path):
        (tmp_path / "in").write_bytes(b"x" * (3 * PART_BYTES))
        moto.misbehave(Fault("lost", "s3 POST uploads", times=1), Fault("lost", "s3 POST parts", times=1))  # beginning and completion
        stored = platform.storage.put_file(tmp_path / "in", "a/b", if_absent=True)
        assert platform.storage.stat("a/b") == stored

    def test_of_bytes_of_an_upload(self, platform, moto):
        platform.uploads.begin("a/b", 6)
        moto.misbehave(Fault("lost", "s3 PUT", times=1))
        with pytest.raises(Conflict, match="goes on at byte 3"):  # whoever sent them looks where it goes on
            platform.uploads.append("a/b", 0, b"abc")
        platform.uploads.append("a/b", 3, b"def")
        platform.uploads.finish("a/b")
        assert platform.storage.read_range("a/b") == b"abcdef"


def test_a_download_that_breaks_in_the_middle_goes_on(platform, moto, tmp_path):
    data = bytes(range(256)) * (3 * PART_BYTES // 256)
    platform.storage.put_bytes(data, "a/b")
    moto.misbehave(Fault("cut", "s3 GET", times=3))
    platform.storage.get_file("a/b", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == data


def test_a_download_that_always_breaks_is_said_and_leaves_nothing(platform, moto, tmp_path):
    platform.storage.put_bytes(b"x" * 100_000, "a/b")
    moto.misbehave(Fault("cut", "s3 GET"))
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        platform.storage.get_file("a/b", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_upload_of_parts_that_fails_leaves_no_parts(platform, moto, tmp_path):
    (tmp_path / "in").write_bytes(b"x" * (3 * PART_BYTES))
    moto.misbehave(Fault("forbidden", "s3 PUT"))
    with pytest.raises(StorageUnavailable, match="forbidden"):
        platform.storage.put_file(tmp_path / "in", "a/b")
    s3 = clients.connect(AwsSettings(**NAMES, **TWICE)).s3
    assert s3.list_multipart_uploads(Bucket="faulty-bucket").get("Uploads", []) == []


def test_without_credentials_the_sentence_says_so(moto, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    platform = open_platform(AwsSettings(prefix="nobody", bucket="nobodys"))
    with pytest.raises(StoreUnavailable, match="credentials") as caught:
        platform.jobs.get("aaaaaaaa")
    assert "aws sso login" in caught.value.hint
