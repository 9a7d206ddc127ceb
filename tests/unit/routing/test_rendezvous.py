"""The laws of weighted rendezvous hashing."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shunpike.routing.rendezvous import order

labels = st.lists(st.integers(0, 1000), min_size=1, max_size=6).map(
    lambda weights: {f"target {place}": weight / 4 for place, weight in enumerate(weights)}
)
keys = st.integers(0, 2**32).map(str)


@given(keys, labels)
def test_each_label_stands_once_and_in_the_same_place_however_they_come(key, weights):
    found = order(key, weights.items())
    assert sorted(found) == sorted(weights)
    assert found == order(key, reversed(weights.items()))


@given(keys, labels)
def test_who_is_taken_away_changes_nothing_for_the_others(key, weights):
    found = order(key, weights.items())
    for gone in found:
        left = {label: weight for label, weight in weights.items() if label != gone}
        assert order(key, left.items()) == tuple(label for label in found if label != gone)


@given(keys, labels)
def test_who_weighs_more_never_falls_back(key, weights):
    found = order(key, weights.items())
    for label in found:
        more = weights | {label: weights[label] * 2 + 1}
        assert order(key, more.items()).index(label) <= found.index(label)


@given(keys, labels)
def test_what_weighs_nothing_comes_last(key, weights):
    found = [weights[label] > 0 for label in order(key, weights.items())]
    assert found == sorted(found, reverse=True)


def test_keys_are_shared_out_by_weight():
    weights, keys = {"a": 1.0, "b": 2.0, "c": 5.0}, 8_000
    first = Counter(order(f"conversation {number}", weights.items())[0] for number in range(keys))
    for label, weight in weights.items():
        assert abs(first[label] - keys * weight / 8) < 3.5 * (keys * weight / 8) ** 0.5


def test_it_is_the_same_in_every_process_and_every_version():
    assert order("session-1", [("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 3.0)]) == ("d", "a", "c", "b")
