"""What is counted adds up, over labels and over processes, and Prometheus's own parser reads what is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from shunpike_gateway.ops.families import COUNTED, LOOKED_AT, SHARED
from shunpike_gateway.ops.series import MOST, OTHER, Family, Series
from shunpike_gateway.ops.shared import FRESH, Share

ASKED = Family("asked_total", 'How often "it"\nwas asked.', "counter", ("who",))
TOOK = Family("took_seconds", "How long it took.", "histogram", ("who",), (0.1, 1.0))
RUNS = Family("runs", "What runs.", "gauge")
ALL = (ASKED, TOOK, RUNS)
SEEN = st.lists(st.tuples(st.text(max_size=8), st.sampled_from([0.0, 0.05, 0.1, 0.5, 1.0, 7.25])), max_size=12)


def counted(seen: list[tuple[str, float]]) -> Series:
    series = Series(ALL)
    for who, seconds in seen:
        series.add("asked_total", (who,))
        series.observe("took_seconds", seconds, (who,))
    return series


def read(series: Series) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What Prometheus reads of it."""
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(series.exposition().decode())
        for one in family.samples
    }


@settings(max_examples=50, deadline=None)
@given(SEEN, SEEN)
def test_what_two_processes_counted_is_what_one_would_have(one: list, other: list) -> None:
    added = counted(one)
    added.merge(counted(other).plain())
    assert read(added) == pytest.approx(read(counted(one + other)))


@settings(max_examples=50, deadline=None)
@given(SEEN)
def test_each_observation_is_in_every_bucket_that_is_wide_enough(seen: list) -> None:
    found = read(counted(seen))
    for who in {name for name, _ in seen}:
        its = [seconds for name, seconds in seen if name == who]
        label = ("who", who)
        for bound in (0.1, 1.0):
            in_bucket = found["took_seconds_bucket", frozenset({label, ("le", str(bound).removesuffix(".0"))})]
            assert in_bucket == sum(seconds <= bound for seconds in its)
        assert found["took_seconds_bucket", frozenset({label, ("le", "+Inf")})] == len(its)
        assert found["took_seconds_count", frozenset({label})] == len(its)
        assert found["took_seconds_sum", frozenset({label})] == pytest.approx(sum(its))
        assert found["asked_total", frozenset({label})] == len(its)


def test_help_and_type_are_told_once_and_nothing_of_what_was_not_counted() -> None:
    text = counted([("a", 1.0), ("b", 1.0)]).exposition().decode()
    assert text.startswith('# HELP asked_total How often "it"\\nwas asked.\n# TYPE asked_total counter\n')
    assert text.count("# TYPE") == 2
    assert "runs" not in text
    assert Series(ALL).exposition() == b""


def test_who_asks_can_not_make_series_without_end() -> None:
    series = counted([(f"name {number}", 1.0) for number in range(3 * MOST)])
    found = read(series)
    assert len([name for name, _ in found if name == "asked_total"]) == MOST + 1
    assert found["asked_total", frozenset({("who", OTHER)})] == 2 * MOST


def test_labels_that_the_family_has_not_are_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="has the labels who"):
        Series(ALL).add("asked_total", ("a", "b"))


def test_what_another_version_or_nobody_wrote_is_left_out() -> None:
    series = Series(ALL)
    series.merge(
        {
            "gone_total": [["a", [1.0]]],
            "asked_total": [["a", [1.0, 2.0]], ["a", "b", [1.0]], [7, [1.0]], ["a", ["x"]], "a", 3],
            "took_seconds": {"a": 1},
        }
    )
    assert read(series) == {}


def test_no_two_families_have_one_name_and_each_says_what_it_counts() -> None:
    families = (*COUNTED, *LOOKED_AT, *SHARED)
    assert len({one.name for one in families}) == len(families)
    for one in families:
        assert one.help.endswith(".")
        assert one.name.endswith("_total") == (one.kind == "counter"), one.name
        assert list(one.bounds) == sorted(set(one.bounds))


def test_workers_add_up_and_a_new_one_goes_on_where_the_last_one_stood(tmp_path: Path) -> None:
    first, second = counted([("a", 0.5)]), counted([("a", 0.5), ("b", 2.0)])
    gauges = Series(ALL)
    gauges.add("runs", (), 3.0)
    Share(tmp_path / "0.json").publish(first, gauges, 100.0)
    Share(tmp_path / "1.json").publish(second, gauges, 100.0)
    total = Series(ALL)
    assert Share(tmp_path / "0.json").add_up(total, 101.0) == 2
    assert read(total)["asked_total", frozenset({("who", "a")})] == 2
    assert read(total)["runs", frozenset()] == 6

    later = 100.0 + 2 * FRESH  # the first one died: what it counted stays, what it said of itself does not
    Share(tmp_path / "1.json").publish(second, gauges, later)
    total = Series(ALL)
    assert Share(tmp_path / "1.json").add_up(total, later) == 1
    assert read(total)["asked_total", frozenset({("who", "a")})] == 2
    assert read(total)["runs", frozenset()] == 3

    successor = Series(ALL)
    Share(tmp_path / "0.json").begin(successor)
    successor.add("asked_total", ("a",))
    Share(tmp_path / "0.json").publish(successor, gauges, later)
    total = Series(ALL)
    assert Share(tmp_path / "1.json").add_up(total, later) == 2
    assert read(total)["asked_total", frozenset({("who", "a")})] == 3


def test_a_file_that_is_damaged_or_can_not_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "0.json").write_text('{"counted": ', encoding="utf-8")
    (tmp_path / "2.json").write_text("[]", encoding="utf-8")
    share, total = Share(tmp_path / "1.json"), Series(ALL)
    share.publish(counted([("a", 0.5)]), Series(ALL), 1.0)
    assert share.add_up(total, 1.0) == 1
    gone = Share(tmp_path / "gone" / "0.json")
    gone.publish(counted([]), Series(ALL), 1.0)
    gone.begin(total)
    assert gone.add_up(total, 1.0) == 0
