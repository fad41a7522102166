"""What is written down comes back the same: models, messages, keys, times; and what is wrong is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import ValidationError

from stereo_spot_shared import keys
from stereo_spot_shared.base import SCHEMA_VERSION, utc_now
from stereo_spot_shared.errors import InvalidMessage, UnknownSchema
from stereo_spot_shared.jobs import Job, JobResult, Plan, Source, Stage, SubtitleFile, new_attempt_id, new_job_id
from stereo_spot_shared.messages import ChunkRequest, Message, ReassembleRequest, RenditionRequest, SegmentReady, SweepRequest
from stereo_spot_shared.pipeline import STAGES
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Ticks, parse_fraction

job_ids = st.from_regex(r"[0-9a-z]{8,40}", fullmatch=True)
attempt_ids = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)
containers = st.sampled_from(["mp4", "mov", "mkv", "nut"])
indices = st.integers(0, 10**7)

messages = st.one_of(
    job_ids.map(lambda job: ChunkRequest(job_id=job)),
    job_ids.map(lambda job: ReassembleRequest(job_id=job)),
    job_ids.map(lambda job: SweepRequest(job_id=job)),
    job_ids.map(lambda job: RenditionRequest(job_id=job)),
    st.builds(lambda job, index: SegmentReady(job_id=job, segment_index=index), job_ids, indices),
)


class TestMessages:
    @given(message=messages)
    def test_a_message_comes_back_the_same_through_its_stage(self, message: Message) -> None:
        assert STAGES[message.stage].message.decode(message.encode()) == message

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{",
            pytest.param("[" * 100_000, id="deep"),
            "[]",
            "null",
            "7",
            '"a"',
            "{}",
            '{"schema_version": "1"}',
            '{"schema_version": null}',
        ],
    )
    def test_what_no_version_wrote_is_invalid(self, body: str) -> None:
        with pytest.raises(InvalidMessage, match="ChunkRequest"):
            ChunkRequest.decode(body)

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"job_id": "job00001"},
            {"job_id": "job00001", "segment_index": "x"},
            {"job_id": "job00001", "segment_index": -1},
            {"job_id": "j", "segment_index": 1, "more": 2},
        ],
    )
    def test_a_message_of_this_version_with_wrong_fields_is_invalid(self, fields: dict) -> None:
        with pytest.raises(InvalidMessage):
            SegmentReady.decode(json.dumps({"schema_version": SCHEMA_VERSION, **fields}))

    @pytest.mark.parametrize("version", [0, -1, True, 1.0])
    def test_a_version_that_never_was_is_invalid(self, version: object) -> None:
        with pytest.raises(InvalidMessage):
            ChunkRequest.decode(json.dumps({"schema_version": version, "job_id": "job00001"}))

    def test_a_message_of_a_newer_version_is_left_for_a_newer_worker(self) -> None:
        """Fault 27, even where its fields are unknown here."""
        with pytest.raises(UnknownSchema, match=str(SCHEMA_VERSION + 1)):
            ChunkRequest.decode(json.dumps({"schema_version": SCHEMA_VERSION + 1, "job": {"id": 1}}))

    @given(body=st.text())
    def test_no_text_brings_the_reader_down(self, body: str) -> None:
        with pytest.raises((InvalidMessage, UnknownSchema)):
            ChunkRequest.decode(body)


class TestKeys:
    @given(job=job_ids, index=indices, attempt=attempt_ids, container=containers)
    def test_every_key_that_is_built_is_parsed_to_what_it_was_built_from(self, job: str, index: int, attempt: str, container: str) -> None:
        parsed = keys.parse_key
        assert parsed(keys.source_key(job)) == keys.ParsedKey("source", job)
        assert parsed(keys.manifest_key(job)) == keys.ParsedKey("manifest", job)
        assert parsed(keys.segment_key(job, index, container)) == keys.ParsedKey("segment", job, index, extension=container)
        assert parsed(keys.rendered_key(job, index, attempt)) == keys.ParsedKey("rendered", job, index, attempt)
        assert parsed(keys.answer_key(job, index, attempt)) == keys.ParsedKey("answer", job, index, attempt)
        assert parsed(keys.request_key(job, index, attempt, index % 7)) == keys.ParsedKey(
            "request", job, index, attempt, failures=index % 7
        )
        assert parsed(keys.output_key(job, attempt, container)) == keys.ParsedKey("output", job, attempt_id=attempt, extension=container)
        right = keys.output_key(job, attempt, container, right=True)
        assert parsed(right) == keys.ParsedKey("output", job, attempt_id=attempt, extension=container, view="right")
        assert parsed(keys.poster_key(job)) == keys.ParsedKey("poster", job)
        assert parsed(keys.rendition_key(job)) == keys.ParsedKey("rendition", job)
        assert parsed(keys.subtitles_key(job, index)) == keys.ParsedKey("subtitles", job, stream_index=index)
        assert parsed(keys.result_key(job)) == keys.ParsedKey("result", job)
        assert parsed(keys.record_key(job)) == keys.ParsedKey("record", job)

    @given(job=job_ids, index=indices, attempt=attempt_ids)
    def test_everything_of_a_job_but_its_record_lies_under_its_prefix(self, job: str, index: int, attempt: str) -> None:
        watched = (keys.poster_key(job), keys.rendition_key(job), keys.subtitles_key(job, index))
        for key in (keys.source_key(job), keys.rendered_key(job, index, attempt), keys.result_key(job), *watched):
            assert key.startswith(keys.job_prefix(job))
        assert keys.rendered_key(job, index, attempt).startswith(keys.rendered_prefix(job, index))
        assert not keys.record_key(job).startswith(keys.job_prefix(job))

    @given(first=st.integers(0, 999_999), second=st.integers(0, 999_999))
    def test_segments_lie_in_the_order_of_their_numbers(self, first: int, second: int) -> None:
        in_order = keys.segment_key("job00001", first, "nut") <= keys.segment_key("job00001", second, "nut")
        assert in_order == (first <= second)

    @pytest.mark.parametrize(
        "key",
        ["", "jobs/", "jobs/job00001", "jobs/job00001/", "jobs/JOB00001/source", "jobs/../secrets/source", "jobs/job00001/source\n",
         "/jobs/job00001/source", "jobs/job00001/segments/1/source.nut", "jobs/job00001/output/..",
         "jobs/job00001/output/subtitles/01.vtt", "records/job00001.txt"],
    )  # fmt: skip
    def test_what_is_none_of_ours_is_refused(self, key: str) -> None:
        with pytest.raises(ValueError, match="not a key"):
            keys.parse_key(key)


class TestTime:
    @given(times=st.lists(st.integers(-(10**12), 10**12)).map(sorted))
    def test_ticks_hold_exactly_the_times_they_were_made_of(self, times: list[int]) -> None:
        ticks = Ticks.of(times)
        assert list(ticks.times()) == times
        assert len(ticks) == len(times)
        assert Ticks.model_validate_json(ticks.to_json()) == ticks
        assert Ticks.of(iter(times)) == ticks

    @given(times=st.lists(st.integers(), min_size=2).filter(lambda times: times != sorted(times)))
    def test_times_out_of_order_are_refused(self, times: list[int]) -> None:
        with pytest.raises(ValueError, match="must not decrease"):
            Ticks.of(times)

    def test_ten_hours_of_a_constant_rate_are_one_run(self) -> None:
        assert Ticks.of(range(0, 864_000 * 512, 512)) == Ticks(start=0, runs=((512, 863_999),))

    @given(value=st.fractions())
    def test_rationals_are_written_exactly(self, value: Fraction) -> None:
        plan = Plan(plan_id="p", segment_count=1, frame_count=1, duration=value)
        assert json.loads(plan.to_json())["duration"] == f"{value.numerator}/{value.denominator}"
        assert Plan.model_validate_json(plan.to_json()).duration == value

    @pytest.mark.parametrize("value", [0.1, "1/0", "x", None, []])
    def test_what_is_not_an_exact_rational_is_refused(self, value: object) -> None:
        with pytest.raises(ValueError, match=r"rational|Fraction"):
            parse_fraction(value)

    def test_now_is_aware(self) -> None:
        assert utc_now().tzinfo is UTC


class TestJobs:
    def job(self, **fields) -> Job:
        return Job(job_id=new_job_id(), source=Source(key="k", name="naïve ☃.mp4"), params=RenderParams(), **fields)

    def test_a_job_comes_back_the_same(self) -> None:
        job = self.job(plan=Plan(plan_id="p", segment_count=1, frame_count=1, duration=Fraction(1001, 30000)), hinted_at=utc_now())
        assert Job.model_validate_json(job.to_json()) == job

    def test_a_result_that_was_written_before_there_were_subtitles_is_read(self) -> None:
        subtitles = (SubtitleFile(key="s", language="eng"),)
        result = JobResult(output_key="o", etag="e", bytes=1, frames=1, width=2, height=2, depth="basic", subtitles=subtitles)
        assert JobResult.model_validate_json(result.to_json()) == result
        earlier = json.loads(result.to_json())
        del earlier["subtitles"]
        assert JobResult.model_validate(earlier) == result.model_copy(update={"subtitles": ()})

    def test_evolve_validates_and_notes_the_time(self) -> None:
        job = self.job(updated_at=datetime(2000, 1, 1, tzinfo=UTC))
        assert job.evolve(cut=1).updated_at > job.updated_at
        assert job.evolve(cut=1, updated_at=job.updated_at).updated_at == job.updated_at
        with pytest.raises(ValidationError):
            job.evolve(no_such_field=1)
        with pytest.raises(ValidationError):
            job.evolve(cut="many")

    def test_values_are_frozen_and_strict(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            self.job().cut = 1
        with pytest.raises(ValidationError):
            Source(key="k", name="n", colour="blue")

    @pytest.mark.parametrize("job_id", ["", "short", "UPPERCASE1", "../etc/passwd", "a" * 41, "job 00001", "job00001\n"])
    def test_an_id_that_is_not_ours_is_refused(self, job_id: str) -> None:
        with pytest.raises(ValidationError):
            Job(job_id=job_id, source=Source(key="k", name="n"), params=RenderParams())

    def test_ids_are_distinct_sort_by_time_and_fit_into_keys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = []
        for second in (1_000_000_000, 1_700_000_000, 2_000_000_000, 4_000_000_000):
            monkeypatch.setattr("time.time", lambda second=second: float(second))
            made += sorted({new_job_id() for _ in range(100)})
        assert len(set(made)) == 400
        assert made == sorted(made)
        assert keys.parse_key(keys.source_key(made[0])).job_id == made[0]
        assert len({new_attempt_id() for _ in range(100)}) == 100

    @pytest.mark.parametrize(
        "fields",
        [{"max_disparity": -1}, {"max_disparity": 11}, {"convergence": 2}, {"convergence": float("nan")}, {"segment_seconds": 0},
         {"depth": "../x"}, {"depth": ""}, {"layout": "sideways"}],
    )  # fmt: skip
    def test_render_parameters_have_limits(self, fields: dict) -> None:
        with pytest.raises(ValidationError):
            RenderParams(**fields)

    def test_stage_names_are_the_queue_names_of_the_table(self) -> None:
        assert set(STAGES) == set(Stage)
        assert len({spec.queue for spec in STAGES.values()}) == len(Stage)
        assert all(spec.message.stage is stage for stage, spec in STAGES.items())
        assert all(spec.stall_seconds < spec.resend_seconds for spec in STAGES.values()), (
            "a stalled handler is ended before its message is resent"
        )
