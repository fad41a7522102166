"""One AWS API for all tests of this package: moto over HTTP."""

from __future__ import annotations

import pytest

from stereo_spot_aws_adapters.clients import connect
from stereo_spot_aws_adapters.moto_server import moto_server
from stereo_spot_aws_adapters.names import table_name
from stereo_spot_aws_adapters.provision import make_bucket, make_table
from stereo_spot_aws_adapters.settings import AwsSettings
from stereo_spot_aws_adapters.tables import TABLES


@pytest.fixture(scope="session")
def moto():
    """The server; it is told to the SDK of this process, and to that of every process that tests start."""
    with pytest.MonkeyPatch.context() as patch, moto_server() as server:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def account(moto):
    """Clients of an account in which there is nothing. They are the same for all tests: making them takes longer than most tests."""
    moto.reset()
    return connect(AwsSettings(prefix="test", bucket="test-bucket"))


@pytest.fixture
def aws(account):
    """Clients, with fresh tables and a fresh bucket."""
    for table, spec in TABLES.items():
        make_table(account, table_name(account.settings.prefix, table), spec)
    make_bucket(account)
    return account
