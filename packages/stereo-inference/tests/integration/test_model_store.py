"""Fetching models: resumed, checked, never taken for what they are not; from a server on this machine that plays the hub."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest
from model_hub import REVISION, Hub, serving

from stereo_inference.depth import load_estimator
from stereo_inference.depth.catalogue import DEFAULT_MODEL, MODELS, Evidence, ModelEntry, Runtime, Speed
from stereo_inference.depth.model_store import REACH_SECONDS, ModelStore, NotFetched
from stereo_spot_shared.errors import ModelMissing, PermanentError

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def hub(monkeypatch):
    """The hub, and the library's idea of where it is."""
    with serving(Hub(CONTENT)) as hub:
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.address + "/{repo_id}/resolve/{revision}/{filename}")
        yield hub


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "models", offline=False)


def entry(hub: Hub, **changed: object) -> ModelEntry:
    known = {
        "name": "some-model",
        "runtime": Runtime.ONNX,
        "repository": "somebody/some-model",
        "revision": REVISION,
        "file": "onnx/model.onnx",
        "sha256": hub.sha256,
        "evidence": Evidence.ONE,
        "size": len(hub.content),
        "licence": "Apache-2.0",
        "speed": Speed.FAST,
        "about": "",
    }
    return ModelEntry.model_validate(known | changed)


def test_a_model_is_fetched_once_and_nothing_else_is_left(hub, store):
    heard = []
    model = entry(hub)
    assert not store.is_present(model)
    assert store.reachable(model)
    path = store.pull(model, lambda here, total: heard.append((here, total)))
    assert path.read_bytes() == CONTENT
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert heard == sorted(heard)
    assert store.verified(model) == path == store.pull(model)
    assert len(hub.ranges) == 1
    assert {file.name for file in store.folder.rglob("*") if file.is_file()} <= {"model.onnx", "model.lock"}


def test_a_download_goes_on_behind_what_an_interrupted_one_left(hub, store):
    """As after a power cut: another process left the beginning of the file."""
    model = entry(hub)
    path = store.path(model)
    path.parent.mkdir(parents=True)
    path.with_suffix(".part").write_bytes(CONTENT[:1_234_567])
    heard = []
    store.pull(model, lambda here, total: heard.append((here, total)))
    assert store.verified(model).read_bytes() == CONTENT
    assert hub.ranges == ["bytes=1234567-"]
    assert heard[0] == (1_234_567, len(CONTENT))


def test_a_connection_that_breaks_is_taken_up_again(hub, store):
    hub.breaks_after = 2_000_000
    assert store.pull(entry(hub)).read_bytes() == CONTENT
    assert len(hub.ranges) == 2


def test_a_file_that_lies_on_another_server_is_fetched_from_there(hub, store):
    """As the hub keeps large files."""
    with serving(Hub(CONTENT, path="/elsewhere")) as other:
        hub.elsewhere = other.address.replace("127.0.0.1", "localhost") + other.path
        assert store.pull(entry(hub)).read_bytes() == CONTENT
        assert (hub.ranges, other.ranges) == ([], [None])


@pytest.mark.parametrize("own_address", [False, True])
def test_what_was_fetched_whole_before_an_interruption_is_not_asked_for_again(hub, store, own_address):
    """A server answers with an error to who asks for what lies behind the end."""
    with serving(Hub(CONTENT, path="/elsewhere")) as other:
        hub.elsewhere, hub.silent_about_size = other.address.replace("127.0.0.1", "localhost") + other.path, own_address
        model = entry(hub, url=hub.address + hub.path if own_address else None)
        path = store.path(model)
        path.parent.mkdir(parents=True)
        path.with_suffix(".part").write_bytes(CONTENT)
        assert store.pull(model).read_bytes() == CONTENT
        assert other.ranges == []


def test_what_is_longer_than_the_file_is_of_another_one(hub, store):
    model = entry(hub)
    path = store.path(model)
    path.parent.mkdir(parents=True)
    path.with_suffix(".part").write_bytes(bytes(len(CONTENT) + 1))
    assert store.pull(model).read_bytes() == CONTENT
    assert hub.ranges == [None]


def test_a_wrong_beginning_is_found_out_and_thrown_away(hub, store):
    model = entry(hub)
    path = store.path(model)
    path.parent.mkdir(parents=True)
    path.with_suffix(".part").write_bytes(bytes(1000))
    with pytest.raises(NotFetched, match="another file than expected"):
        store.pull(model)
    assert store.pull(model).read_bytes() == CONTENT


def test_a_file_with_another_hash_is_refused_and_deleted(hub, store):
    model = entry(hub, sha256="0" * 64)
    with pytest.raises(NotFetched, match=f"another file than expected .SHA-256 {hub.sha256}, expected 0000"):
        store.pull(model)
    assert not store.is_present(model)
    assert {file.name for file in store.folder.rglob("*") if file.is_file()} <= {"model.lock"}


def test_a_model_with_an_address_of_its_own_is_fetched_from_there(hub, store):
    model = entry(hub, url=hub.address + hub.path, repository="not/on-the-hub")
    path = store.path(model)
    path.parent.mkdir(parents=True)
    path.with_suffix(".part").write_bytes(CONTENT[:1000])
    assert store.pull(model).read_bytes() == CONTENT
    assert hub.ranges == ["bytes=1000-"]


def test_a_file_that_the_hub_does_not_have_is_named(hub, store):
    hub.missing = True
    assert not store.reachable(entry(hub))
    with pytest.raises(NotFetched, match="some-model could not be fetched from somebody/some-model"):
        store.pull(entry(hub))


def test_a_file_that_was_changed_is_not_used_and_pulled_anew(hub, store):
    model = entry(hub)
    path = store.pull(model)
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(ModelMissing, match="is not the file that it should be"):
        store.verified(model)
    assert store.pull(model).read_bytes() == CONTENT


def test_a_model_put_there_by_hand_is_used_from_a_folder_that_cannot_be_written(hub, store):
    model = entry(hub)
    path = store.path(model)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    for folder in (path.parent, store.folder):
        folder.chmod(0o555)
    assert store.verified(model) == path


def test_offline_nothing_is_asked(hub, tmp_path):
    store = ModelStore(tmp_path, offline=True)
    assert not store.reachable(entry(hub))
    with pytest.raises(NotFetched, match="cannot be fetched offline") as refusal:
        store.pull(entry(hub))
    assert refusal.value.hint == "STEREO_SPOT_OFFLINE is set."
    assert hub.ranges == []


def test_the_hubs_own_word_for_offline_is_heeded(hub, store, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # as its library reads it when it is imported
    assert not store.reachable(entry(hub))
    with pytest.raises(NotFetched, match="HF_HUB_OFFLINE"):
        store.pull(entry(hub))
    assert hub.ranges == []


def test_a_closed_door_is_no_network(store, hub, monkeypatch):
    from huggingface_hub import constants

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"http://127.0.0.1:{nobody.getsockname()[1]}/{{repo_id}}/{{revision}}/{{filename}}"
        )
        assert not store.reachable(entry(hub))


@pytest.mark.parametrize("own_address", [False, True])
def test_a_server_that_says_nothing_is_given_up(store, hub, monkeypatch, own_address):
    """It takes the connection and is silent. Whoever waits is told after REACH_SECONDS, which are made short here."""
    from huggingface_hub import constants

    from stereo_inference.depth import model_store

    assert REACH_SECONDS <= 5
    monkeypatch.setattr(model_store, "REACH_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"http://127.0.0.1:{port}/{{repo_id}}/{{revision}}/{{filename}}")
        model = entry(hub, url=f"http://127.0.0.1:{port}/model.onnx" if own_address else None)
        assert not store.reachable(model)
        with pytest.raises(NotFetched, match=r"could not be fetched from somebody/some-model: (no answer within 0.2 seconds|.*timed out)"):
            store.pull(model)
    deadline = time.monotonic() + 60
    while any(thread.name == "model-hub" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "the thread that asked never ends"
        time.sleep(0.02)


def test_a_full_disk_is_not_taken_for_the_networks_fault(hub, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(NotFetched, match="cannot be written to"):
        ModelStore(file / "models", offline=False).pull(entry(hub))


def test_auto_is_basic_without_the_default_model_and_never_a_wrong_file(tmp_path):
    store = ModelStore(tmp_path)
    assert load_estimator("auto", store=store).name == "basic"
    path = store.path(MODELS[DEFAULT_MODEL])
    path.parent.mkdir()
    path.write_bytes(b"something else")
    with pytest.raises(ModelMissing, match="is not the file that it should be"):
        load_estimator("auto", store=store)


def test_names_are_known_or_listed(tmp_path):
    with pytest.raises(PermanentError, match="no depth estimator called 'midas'") as refusal:
        load_estimator("midas")
    assert "auto, basic, depth-anything-v2-small" in str(refusal.value.hint)
    with pytest.raises(ModelMissing, match="dpt-hybrid-midas is not on this machine") as missing:
        load_estimator("dpt-hybrid-midas", store=ModelStore(tmp_path))
    assert "stereo-spot models pull dpt-hybrid-midas" in str(missing.value.hint)
    with pytest.raises(ModelMissing, match="no depth model at"):
        load_estimator("own-model", model=tmp_path / "nowhere.onnx")


def test_the_catalogue_names_exact_files():
    for name, model in MODELS.items():
        assert name == model.name
        assert len(model.sha256) == 64
        if model.url is None:
            assert len(model.revision) == 40
            assert int(model.revision, 16)
        else:
            assert model.url.startswith(f"https://github.com/{model.repository}/releases/download/{model.revision}/")
        assert int(model.sha256, 16)
        assert model.commercial == ("NC" not in model.licence)
