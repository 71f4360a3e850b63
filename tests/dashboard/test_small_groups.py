"""Whoever sees figures only can subtract, and still never reaches fewer than five people."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from kitting.dashboard import rules

cities = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 9)), min_size=1, max_size=12)


def shown_sets(sizes: dict[int, int], above: dict[int, int | None]) -> list[frozenset[int]]:
    """Return every group of departments an auditor gets to see, through all addresses there are."""
    whole = rules.blocks(sizes, above)
    seen = [frozenset(group) for group in whole]
    if whole:
        seen.append(frozenset(pk for pk, size in sizes.items() if size))
    for bureau in set(above.values()):
        if bureau is None or not rules.may_show(bureau, whole, above):
            continue
        inside = {pk: size for pk, size in sizes.items() if above[pk] == bureau}
        seen.append(frozenset(pk for pk, size in inside.items() if size))
        seen += [frozenset(group) for group in rules.blocks(inside, above)]
    return seen


@given(cities)
@example([(1, 10), (2, 1), (2, 1)])
@example([(1, 4), (2, 4), (3, 3)])
@example([(1, 5), (2, 4)])
def test_no_sum_or_difference_of_what_is_shown_is_a_small_group(
    city: list[tuple[int, int]],
) -> None:
    sizes = {100 + at: size for at, (_bureau, size) in enumerate(city)}
    above: dict[int, int | None] = {100 + at: bureau for at, (bureau, _s) in enumerate(city)}
    shown = shown_sets(sizes, above)
    # People who stand in the same shown groups cannot be told apart; all others can, by
    # subtracting. So these classes are the least that anybody can work out.
    classes: Counter[tuple[bool, ...]] = Counter()
    for pk, size in sizes.items():
        classes[tuple(pk in group for group in shown)] += size
    for signature, people in classes.items():
        if any(signature):
            assert people >= rules.LEAST, (sizes, above, shown)


@given(cities)
def test_nobody_is_left_out_and_nobody_counted_twice(city: list[tuple[int, int]]) -> None:
    sizes = {100 + at: size for at, (_bureau, size) in enumerate(city)}
    above: dict[int, int | None] = {100 + at: bureau for at, (bureau, _s) in enumerate(city)}
    groups = rules.blocks(sizes, above)
    together = [pk for group in groups for pk in group]
    assert len(together) == len(set(together))
    total = sum(sizes.values())
    assert sum(sizes[pk] for pk in together) == (total if total >= rules.LEAST else 0)


parts = st.lists(
    st.tuples(st.integers(1, 3), st.lists(st.integers(0, 6), min_size=3, max_size=3)),
    min_size=1,
    max_size=9,
)


@given(parts)
@example([(1, [5, 0, 0]), (1, [0, 5, 0]), (2, [3, 3, 0])])
@example([(1, [9, 1, 0])])
def test_waves_that_are_shown_tell_of_no_small_group(
    city: list[tuple[int, list[int]]],
) -> None:
    cells = {
        (100 + at, wave): size
        for at, (_bureau, of_waves) in enumerate(city)
        for wave, size in enumerate(of_waves)
        if size
    }
    sizes: Counter[int] = Counter()
    for (pk, _wave), size in cells.items():
        sizes[pk] += size
    above: dict[int, int | None] = {100 + at: bureau for at, (bureau, _w) in enumerate(city)}
    whole = rules.blocks(sizes, above)
    waves_of = {pk: {wave for of, wave in cells if of == pk} for pk in sizes}
    hidden = rules.mixed(whole, waves_of)
    shown_waves = {wave for _pk, wave in cells} - hidden
    classes: Counter[tuple[bool, ...]] = Counter()
    for (pk, wave), size in cells.items():
        seen = [pk in group for group in whole] + [wave == one for one in sorted(shown_waves)]
        classes[tuple(seen)] += size
    for signature, people in classes.items():
        if any(signature):
            assert people >= rules.LEAST, (cells, whole, shown_waves)
