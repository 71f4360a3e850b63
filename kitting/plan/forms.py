"""What is typed about rollouts and waves."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.fields import RowsField
from accounts.models import Department, Place
from kitting.rollout.actions import RolloutValues, WaveValues
from kitting.rollout.models import PERCENT_MOST, Rollout, Wave
from kitting.rollout.states import ON_THE_SPOT, MarkKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accounts.models import User

WORDS_MAX = 2000
SMALL_MOST = 32000
LARGE_MOST = 1_000_000
MINUTES_MOST = 60_000


def _day(label: Any, **kwargs: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": _("Choose a day."),
            "invalid": _("Choose a day."),
        },
        **kwargs,
    )


def _time(label: Any, **kwargs: Any) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"required": _("Choose a time."), "invalid": _("Choose a time.")},
        **kwargs,
    )


def _number(label: Any, *, least: int = 1, most: int = SMALL_MOST, **kwargs: Any) -> Any:
    return forms.IntegerField(
        label=label, min_value=least, max_value=most, required=False, **kwargs
    )


def _percent(label: Any, *, least: int = 0, **kwargs: Any) -> Any:
    return _number(label, least=least, most=PERCENT_MOST, **kwargs)


class RolloutForm(forms.Form):
    """One rollout: its days, what IT can give, what the pilot must show."""

    name = forms.CharField(label=_("Name"), max_length=80)
    starts_on = _day(_("First day"))
    deadline_on = _day(_("Everybody is to be ready by"))
    help_minutes_a_day = forms.IntegerField(
        label=_("Minutes a day IT can help"),
        min_value=1,
        max_value=MINUTES_MOST,
        help_text=_("All of IT together. One person's working day is 480 minutes."),
    )
    starts_a_day = _number(
        _("People who may begin on one day, at most"),
        most=LARGE_MOST,
        help_text=_("Leave it empty if it does not matter."),
    )
    pilot_ready_percent = _percent(_("Pilot: at least so many % are ready"))
    pilot_active_minutes = _number(_("Pilot: half of them need at most so many minutes"))
    pilot_help_percent = _percent(_("Pilot: at most so many questions for 100 people"))

    def clean(self) -> dict[str, Any]:
        """Refuse a deadline before the first day."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("starts_on"), cleaned.get("deadline_on")
        if first and last and last < first:
            self.add_error("deadline_on", _("Choose a day after the first day."))
        return cleaned

    @property
    def pilot_fields(self) -> list[forms.BoundField]:
        """Return what is asked of the pilot."""
        return [self[name] for name in self.fields if name.startswith("pilot_")]

    def values(self) -> RolloutValues:
        """Return what was typed, as the action takes it."""
        return RolloutValues(**self.cleaned_data)


def rollout_initial(rollout: Rollout | None) -> dict[str, Any]:
    """Return what a form about a rollout begins with."""
    if rollout is None:
        return {"help_minutes_a_day": Rollout._meta.get_field("help_minutes_a_day").default}
    return {name: getattr(rollout, name) for name in RolloutForm.base_fields}


class VerdictForm(forms.Form):
    """Whether the others go on after the pilot, and why."""

    verdict = forms.ChoiceField(
        label=_("Do the others go on?"),
        choices=Verdict,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one.")},
    )
    why = forms.CharField(
        label=_("Why?"),
        max_length=WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write a few words.")},
    )


class WaveForm(forms.Form):
    """One wave: for whom, when, who helps, and when it stops by itself."""

    name = forms.CharField(label=_("Name"), max_length=80)
    starts_on = _day(_("First day"))
    starts_time = _time(_("Time on the first day"))
    ends_on = _day(_("Last day"))
    departments = RowsField(
        label=_("Department"),
        queryset=Department.objects.none(),
        required=False,
        error_messages={"invalid_choice": _("Choose from the list.")},
    )
    places = RowsField(
        label=_("Place"),
        queryset=Place.objects.none(),
        required=False,
        error_messages={"invalid_choice": _("Choose from the list.")},
    )
    from_time = _time(_("Set-up together, each day from"), required=False)
    to_time = _time(_("until"), required=False)
    seats = _number(_("Seats there"))
    helper = forms.TypedChoiceField(
        label=_("Who helps"), coerce=int, empty_value=None, required=False
    )
    starts_limit = _number(
        _("People who begin at the same time at one place, at most"),
        help_text=_("Whoever comes then reads when there is room. Nobody is kept out."),
    )
    stuck_limit_percent = _percent(
        _("Hold the wave by itself when more than so many % are stuck"),
        least=1,
        help_text=_("Of those who have begun, from ten people on. Empty: never."),
    )
    note = forms.CharField(
        label=_("A sentence to the people of this wave"),
        max_length=200,
        required=False,
        help_text=_("Such as where the boxes stand. Whoever scans a box can read it."),
    )
    is_pilot = forms.BooleanField(label=_("This wave is the pilot"), required=False)
    tells_people = forms.BooleanField(
        label=_("Write to everybody by mail on the working day before"), required=False
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        *args: Any,
        helpers: Sequence[User],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("nobody yet")), *((person.pk, person.name) for person in helpers)]
        self._set("helper", "choices", choices)
        self._set("departments", "queryset", Department.objects.order_by("pk"))
        self._set("places", "queryset", Place.objects.order_by("name"))

    def _set(self, field: str, name: str, value: object) -> None:
        setattr(self.fields[field], name, value)

    def clean(self) -> dict[str, Any]:
        """Refuse days and times that end before they begin, and a wave for nobody."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("starts_on"), cleaned.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", _("Choose the first day or one after it."))
        opens, closes = cleaned.get("from_time"), cleaned.get("to_time")
        if bool(opens) != bool(closes) or (opens and closes and closes <= opens):
            self.add_error("to_time", _("Choose both times, the second after the first."))
        if not (cleaned.get("departments") or cleaned.get("places")):
            self.add_error("departments", _("Choose at least one department or place."))
        return cleaned

    def values(self) -> WaveValues:
        """Return what was typed, as the action takes it."""
        said = self.cleaned_data
        return WaveValues(
            name=said["name"],
            starts_at=_moment(said["starts_on"], said["starts_time"]),
            helper_id=said["helper"],
            **{name: said[name] for name in SAME},
        )


SAME = (
    *("ends_on", "from_time", "to_time", "seats", "starts_limit"),
    *("stuck_limit_percent", "is_pilot", "tells_people", "note"),
)


def _moment(on: date, at: time) -> datetime:
    return datetime.combine(on, at, ZoneInfo(settings.TIME_ZONE))


def wave_initial(wave: Wave | None) -> dict[str, Any]:
    """Return what a form about a wave begins with."""
    if wave is None:
        return {"tells_people": True, "starts_time": time(9)}
    begins = wave.starts_at.astimezone(ZoneInfo(settings.TIME_ZONE))
    return {
        "name": wave.name,
        "starts_on": begins.date(),
        "starts_time": begins.time(),
        "helper": wave.helper_id,
        "departments": [department.pk for department in wave.departments.all()],
        "places": [place.pk for place in wave.places.all()],
        "version": wave.version,
        **{name: getattr(wave, name) for name in SAME},
    }


class MarkForm(forms.Form):
    """What was looked at on the spot; `undo` takes it back."""

    kind = forms.TypedChoiceField(
        choices=[(kind.value, kind.label) for kind in ON_THE_SPOT], coerce=MarkKind
    )
    undo = forms.BooleanField(required=False)
