"""The requests, over HTTP, with a rendering process that does as it is told."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from stereo_spot_shared import keys
from stereo_spot_shared.inference import RenderState, RenderStatus

ASYNC = {"Prefer": "respond-async", "Content-Type": "application/json"}


def ask(client, request, **headers):
    return client.post("/invocations", content=request.to_json(), headers={"Content-Type": "application/json", **headers})


def state(client, attempt):
    return RenderStatus.model_validate_json(client.get(f"/progress/{attempt}").content).state


def test_a_caller_that_waits_gets_the_result_when_the_segment_is_stored(client, platform, asking):
    answer = ask(client, asking())
    status = RenderStatus.model_validate_json(answer.content)
    assert (answer.status_code, status.state, status.result.frames) == (200, RenderState.DONE, 3)
    stored = platform.storage.read_range(keys.rendered_key("jobrendered", 0, "a1"))
    assert stored == b"picture"
    assert json.loads(platform.storage.read_range(keys.answer_key("jobrendered", 0, "a1")))["fingerprint"] == "f"


def test_a_caller_that_does_not_wait_asks_how_far_it_is(server, client, asking, eventually):
    (server.folder / "hold").touch()
    answer = ask(client, asking(), **ASYNC)
    assert (answer.status_code, answer.headers["location"]) == (202, "/progress/a1")
    seen = eventually(lambda: (status := client.get("/progress/a1").json())["frames"] == 1 and status)
    assert (seen["state"], seen["total"]) == ("rendering", 3)
    (server.folder / "hold").unlink()
    eventually(lambda: state(client, "a1") is RenderState.DONE)
    assert ask(client, asking(), **ASYNC).status_code == 200, "asked again, it is there at once"


def test_a_request_that_is_repeated_is_rendered_once(server, client, asking):
    (server.folder / "hold").touch()
    answers = []

    def wait():
        with server.client() as one:
            answers.append(ask(one, asking()).json())

    waiting = [threading.Thread(target=wait) for _ in range(4)]
    for thread in waiting:
        thread.start()
    ask(client, asking(), **ASYNC)
    (server.folder / "hold").unlink()
    for thread in waiting:
        thread.join()
    assert [answer["state"] for answer in answers] == ["done"] * 4
    assert server.asked() == ["a1"]


def test_an_attempt_that_is_known_for_another_request_is_refused(client, asking):
    ask(client, asking())
    answer = ask(client, asking(last_duration=11))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_more_than_a_few_are_refused_and_the_others_take_their_turn(serving, asking, eventually):
    with serving(max_waiting=1) as server, server.client() as client:
        eventually(lambda: client.get("/ping").status_code == 200)
        (server.folder / "hold").touch()
        assert ask(client, asking("a1"), **ASYNC).status_code == 202
        eventually(lambda: server.asked() == ["a1"])
        assert ask(client, asking("a2"), **ASYNC).status_code == 202
        assert state(client, "a2") is RenderState.WAITING
        refused = ask(client, asking("a3"), **ASYNC)
        assert (refused.status_code, refused.json()["code"]) == (503, "inference_unavailable")
        assert refused.headers["retry-after"]
        (server.folder / "hold").unlink()
        eventually(lambda: state(client, "a2") is RenderState.DONE)
        assert server.asked() == ["a1", "a2"]


def test_each_device_renders_its_own(serving, asking, eventually):
    with serving(devices=("0", "1")) as server, server.client() as client:
        eventually(lambda: client.get("/ping").json() == {"sick": []})
        (server.folder / "hold").touch()
        for attempt in ("a1", "a2"):
            ask(client, asking(attempt), **ASYNC)
        eventually(lambda: sorted(server.asked()) == ["a1", "a2"])
        assert sorted(line.split()[1] for line in (server.folder / "starts").read_text().splitlines()) == ["0", "1"]
        (server.folder / "hold").unlink()


def test_what_fails_is_said_as_the_error_that_it_is(server, client, asking):
    (server.folder / "fails").write_text("UnsupportedMedia")
    answer = ask(client, asking())
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "title": "Unprocessable Entity" if "Entity" in answer.json()["title"] else "Unprocessable Content",
        "status": 422, "code": "unsupported_media", "detail": "It burns.", "hint": "Put it out.",
    }  # fmt: skip
    assert client.get("/progress/a1").json()["problem"]["code"] == "unsupported_media"


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"job_id": "x"}', b"\xff"])
def test_what_is_no_request_is_refused(client, body):
    answer = client.post("/invocations", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] == "invalid_message"


def test_other_addresses_and_methods_are_refused_in_the_same_form(client):
    for answer in (client.get("/nothing"), client.put("/invocations"), client.get("/progress/unknown")):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("field", ["input_uri", "output_uri"])
def test_a_request_names_objects_of_its_job_and_nothing_else(server, client, asking, field):
    answer = ask(client, asking(**{field: "file:///etc/passwd"}))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_message")
    assert server.asked() == []


def test_what_nobody_wants_any_more_is_stopped(server, client, asking, eventually):
    (server.folder / "hold").touch()
    ask(client, asking(), **ASYNC)
    eventually(lambda: server.asked() == ["a1"])
    assert client.delete("/invocations/a1").status_code == 204
    eventually(lambda: state(client, "a1") is RenderState.FAILED)
    (server.folder / "hold").unlink()
    assert ask(client, asking("a2")).status_code == 200, "the device goes on with a fresh process"


def test_what_nobody_asks_after_is_given_up_and_frees_the_device(serving, asking, eventually):
    with serving(abandon_seconds=0.5) as server, server.client() as client:
        eventually(lambda: client.get("/ping").status_code == 200)
        (server.folder / "hold").touch()
        ask(client, asking("a1"), **ASYNC)
        eventually(lambda: server.asked() == ["a1"])
        eventually(lambda: server.renders.find("a1").ended_at is not None)
        (server.folder / "hold").unlink()
        assert ask(client, asking("a2")).status_code == 200


def test_what_ended_long_ago_is_forgotten(serving, asking, eventually):
    with serving(keep_seconds=0.1) as server, server.client() as client:
        eventually(lambda: client.get("/ping").status_code == 200)
        ask(client, asking())
        answer = eventually(lambda: (seen := client.get("/progress/a1")).status_code == 404 and seen)
        assert answer.json()["code"] == "not_found"


def test_a_server_whose_process_does_not_start_says_so_and_comes_back(serving, asking, eventually, monkeypatch):
    monkeypatch.setattr("stereo_spot_inference_server.renders.WAKE_SECONDS", 0.1)
    with serving() as server, server.client() as client:
        (server.folder / "broken").touch()
        eventually(lambda: client.get("/ping").status_code == 200)
        for pid in {int(line.split()[0]) for line in (server.folder / "starts").read_text().splitlines()}:
            os.kill(pid, signal.SIGKILL)
        sick = eventually(lambda: (seen := client.get("/ping")).status_code == 503 and seen)
        assert "before it was ready" in sick.json()["detail"]
        assert ask(client, asking(), **ASYNC).status_code == 503
        (server.folder / "broken").unlink()
        eventually(lambda: client.get("/ping").status_code == 200)
        assert ask(client, asking()).status_code == 200


def test_a_server_that_still_loads_stops_at_once(serving, eventually, tmp_path):
    """Compiling and loading take most of a minute; who stops containers waits for a part of that."""
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "loads").touch()
    with serving() as server, server.client() as client:
        eventually((server.folder / "starts").exists)
        assert client.get("/ping").status_code == 503
    # Here it has stopped, although nothing has said that what it loads is loaded.
    assert (server.folder / "loads").exists()


def test_a_device_on_which_everything_fails_is_sick(server, client, asking):
    (server.folder / "fails").write_text("RenderFailed")
    for number in range(3):
        assert client.get("/ping").status_code == 200
        assert ask(client, asking(f"a{number}")).status_code == 500
    sick = client.get("/ping")
    assert (sick.status_code, sick.json()["detail"]) == (503, "3 segments in a row failed here, the last with: it burns.")
    assert len(set((server.folder / "starts").read_text().split())) > 3, "each failure is followed by a fresh process"


def test_a_sick_device_takes_nothing_from_one_that_is_well(serving, asking, eventually):
    with serving(devices=("0", "1"), max_waiting=20) as server, server.client() as client:
        eventually(lambda: client.get("/ping").json() == {"sick": []})
        (server.folder / "fails on 1").write_text("RenderFailed")
        (server.folder / "hold").touch()
        asked = iter(f"a{number}" for number in range(100))

        def ask_all(*attempts):
            for attempt in attempts:
                assert ask(client, asking(attempt), **ASYNC).status_code == 202
            (server.folder / "hold").unlink(missing_ok=True)
            eventually(lambda: all(state(client, attempt) in {RenderState.DONE, RenderState.FAILED} for attempt in attempts))

        while not client.get("/ping").json()["sick"]:
            ask_all(next(asked), next(asked))
        [sick] = client.get("/ping").json()["sick"]
        assert sick.startswith("1: 3 segments in a row failed here")
        rest = [next(asked) for _ in range(10)]
        ask_all(*rest)
        assert {state(client, attempt) for attempt in rest} == {RenderState.DONE}


def test_segments_that_are_bad_themselves_make_no_device_sick(server, client, asking):
    (server.folder / "fails").write_text("UnsupportedMedia")
    for number in range(4):
        ask(client, asking(f"a{number}"))
    assert client.get("/ping").status_code == 200


def test_without_the_token_nothing_but_the_health_is_told(serving, asking, eventually):
    with serving(token="open sesame") as server, server.client() as client:
        eventually(lambda: client.get("/ping").status_code == 200)
        for wrong in ({}, {"Authorization": "Bearer sesame"}, {"Authorization": "open sesame"}):
            for answer in (ask(client, asking(), **wrong), client.get("/progress/a1", headers=wrong)):
                assert (answer.status_code, answer.json()["code"]) == (401, "not_allowed")
            assert client.delete("/invocations/a1", headers=wrong).status_code == 401
        assert server.asked() == []
        assert ask(client, asking(), Authorization="Bearer open sesame").status_code == 200
