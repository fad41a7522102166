from __future__ import annotations

import pickle

import pytest

from stereo_spot_aws_adapters.clients import connect
from stereo_spot_aws_adapters.settings import AwsSettings, settings_of_environment
from stereo_spot_shared.errors import PermanentError, StoreUnavailable


@pytest.fixture
def environment(moto, monkeypatch, tmp_path):
    """An environment in which nothing is missing, and no profile of whoever runs the tests."""
    monkeypatch.setenv("STEREO_SPOT_AWS_PREFIX", "stereo")
    monkeypatch.setenv("STEREO_SPOT_AWS_BUCKET", "stereo-bucket")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return monkeypatch


@pytest.mark.parametrize("name", ["STEREO_SPOT_AWS_PREFIX", "STEREO_SPOT_AWS_BUCKET"])
def test_a_variable_that_is_missing_is_named(environment, name):
    environment.delenv(name)
    with pytest.raises(PermanentError, match=f"^{name} is not set$"):
        settings_of_environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STEREO_SPOT_AWS_PREFIX", "Not/A Prefix"),
        ("STEREO_SPOT_AWS_BUCKET", "s3://bucket"),
        ("AWS_RETRY_MODE", "often"),
        ("AWS_MAX_ATTEMPTS", "none"),
    ],
)
def test_a_variable_that_is_wrong_is_named(environment, name, value):
    environment.setenv(name, value)
    with pytest.raises(PermanentError, match=f"^{name} cannot be used: "):
        settings_of_environment()


def test_the_sdks_own_conventions_hold(environment, tmp_path):
    environment.setenv("AWS_RETRY_MODE", "standard")
    environment.setenv("AWS_MAX_ATTEMPTS", "7")
    environment.setenv("AWS_REGION", "eu-west-3")
    aws = connect(settings_of_environment())
    assert aws.s3.meta.region_name == "eu-west-3"
    assert aws.s3.meta.config.retries["mode"] == "standard"
    assert aws.s3.meta.config.retries["total_max_attempts"] == 7


def test_without_a_word_it_retries_adaptively_and_takes_the_region_of_the_profile(environment, tmp_path):
    (tmp_path / "config").write_text("[profile other]\nregion = sa-east-1\n")
    environment.delenv("AWS_REGION")
    environment.setenv("AWS_PROFILE", "other")
    aws = connect(settings_of_environment())
    assert aws.s3.meta.config.retries["mode"] == "adaptive"
    assert aws.s3.meta.region_name == "sa-east-1"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("AWS_REGION", None, "region"), ("AWS_PROFILE", "nobody", "nobody"), ("AWS_ENDPOINT_URL", "no address", "no address")],
)
def test_what_the_sdk_misses_is_said_in_a_sentence(environment, name, value, words):
    environment.delenv(name, raising=False)
    if value is not None:
        environment.setenv(name, value)
    with pytest.raises(StoreUnavailable, match=words) as caught:
        connect(AwsSettings(prefix="never", bucket="connected"))
    assert name in (caught.value.hint or "")


def test_clients_are_made_once_for_each_settings_and_pickled_by_them(account):
    assert connect(AwsSettings(prefix="test", bucket="test-bucket")) is account
    assert pickle.loads(pickle.dumps(account)) is account
    assert connect(AwsSettings(prefix="test", bucket="another-bucket")) is not account
