"""One step of the way, read and done in a box session."""

from __future__ import annotations

from itertools import chain, cycle
from statistics import mean
from typing import TYPE_CHECKING

from django.urls import reverse

from accounts.models import User
from kitting.journeys.models import Journey
from kitting.site.queries import current
from tests.bench import measure
from tests.bench.bare import bare_client, fetch, press, site_client
from tests.bench.city import found_city, settle
from tests.bench.measure import Run, milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

PEOPLE = 200
ROUNDS = 7
BURST = 9  # one more within ten seconds would be asked about
ABOUT = """\
A box session walks all 20 steps of the shipped guide: the page of each step with nine of them
done (GET), and steps done in order on ways just begun (POST, answered by a redirect; nine on each way,
because a longer burst is asked about). Through
all middleware, warm. The floor of the page is a bare view in the same process: session, person,
three queries, about 3 kB of HTML. The floor of the POST: session, person, and in one transaction a
row locked, changed, and a line added. Figures are for one request, over all steps."""
Button = tuple["Client", str]
HEAD = ("Request", "ms CPU", "ms passed", "statements", "kB", "ratio (CPU)")


def enter(journey: Journey) -> Client:
    """Begin a journey by its box; return the browser that did."""
    client = site_client()
    address = reverse("journeys:begin", args=[journey.loan.device.code])
    press(client, address, staff_number=journey.person.staff_number or "")
    return client


def buttons_of(journey: Journey, keys: list[str]) -> list[Button]:
    """Begin a journey; return the buttons of its steps in order."""
    client = enter(journey)
    return [(client, reverse("journeys:done", args=[journey.pk, key])) for key in keys]


def find() -> list[str]:
    with measure.static_files():
        _profile, now = current()
        city = found_city(now)
        settle(city, 0, PEOPLE)
        keys = [step.key for step in city.steps]
        # One is read; one warms up, one is counted, the others are measured.
        reader, *walkers = (
            Journey.objects.filter(begun_at__isnull=True)
            .select_related("person", "loan__device")
            .order_by("pk")[: 2 + (ROUNDS + 2) * len(keys) // BURST]
        )
        halfway = buttons_of(reader, keys[:BURST])
        for button in halfway:
            press(*button)
        reading, _address = halfway[0]
        pages = cycle(reverse("journeys:step", args=[reader.pk, key]) for key in keys)
        buttons = chain.from_iterable([buttons_of(walker, keys[:BURST]) for walker in walkers])
        bare = bare_client(User.objects.get(pk=reader.person_id))

        acts: dict[str, Callable[[], int]] = {
            "bare page": lambda: fetch(bare, f"/page/{reader.pk}"),
            "page": lambda: fetch(reading, next(pages)),
            "bare write": lambda: press(bare, f"/write/{reader.pk}"),
            "done": lambda: press(*next(buttons)),
        }
        sizes = {name: mean(act() for _key in keys) for name, act in acts.items()}
        asked = {
            name: mean(measure.statements(act) for _key in keys) for name, act in acts.items()
        }
        costs = measure.side_by_side(
            ROUNDS, {name: Run(act) for name, act in acts.items()}, repeat=len(keys)
        )
    rows = [
        (
            what,
            milliseconds(costs[name].cpu),
            milliseconds(costs[name].wall),
            f"{asked[name]:.1f}",
            f"{sizes[name] / 1000:.1f}",
            measure.ratio(costs[name].times(costs[floor])),
        )
        for what, name, floor in (
            ("page of a step (GET)", "page", "bare page"),
            ("its floor", "bare page", "bare page"),
            ("step done (POST)", "done", "bare write"),
            ("its floor", "bare write", "bare write"),
        )
    ]
    return [measure.table(HEAD, rows)]


if __name__ == "__main__":
    measure.bench(name="steps", about=ABOUT, find=find)
