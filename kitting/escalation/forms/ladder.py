"""The rules of the ladder, as the IT lead types them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.fields import RowsField
from accounts.models import Department, User
from kitting.escalation import rules
from kitting.escalation.actions.policies import LevelValues, PolicyValues
from kitting.escalation.models import Policy
from kitting.escalation.states import Case, Level, Quiet, Reach
from kitting.rollout.models import Wave

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    DepartmentChoice = forms.ModelChoiceField[Department]
else:  # Django's own class takes no types
    DepartmentChoice = forms.ModelChoiceField


_UNITS = (
    ("d", 0, re.compile(r"(\d+)\s*(?:日|days?|d)")),
    ("h", 60, re.compile(r"(\d+)\s*(?:時間|hours?|h)")),
    ("m", 1, re.compile(r"(\d+)\s*(?:分|minutes?|min|m)")),
)
OFFICE_DAY = int(rules.DAY.total_seconds()) // 60
WALL_DAY = 24 * 60
MINUTES_MOST = 60 * 24 * 60


def said_minutes(minutes: int, *, by_wall: bool) -> str:
    """Say a wait as people write it: 1 day 2 hours; a working day has the office's hours."""
    day = WALL_DAY if by_wall else OFFICE_DAY
    days, rest = divmod(minutes, day)
    hours, left = divmod(rest, 60)
    parts = [
        ngettext("%(n)s day", "%(n)s days", days) % {"n": days} if days else "",
        ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours} if hours else "",
        ngettext("%(n)s minute", "%(n)s minutes", left) % {"n": left} if left else "",
    ]
    return " ".join(part for part in parts if part)


class WaitField(forms.CharField):
    """A wait as people write it: 30 minutes, 2 hours, 1 day; in whole minutes inside."""

    def __init__(self, *, by_wall: bool, **kwargs: Any) -> None:
        super().__init__(max_length=40, **kwargs)
        self.by_wall = by_wall

    def prepare_value(self, value: Any) -> Any:
        """Show minutes in words; what was typed stays as it was."""
        return said_minutes(value, by_wall=self.by_wall) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        """Return whole minutes; nothing where nothing was typed and nothing is needed."""
        text = super().clean(value)
        if not text:
            return None
        minutes = 0
        rest = unicodedata.normalize("NFKC", str(text)).lower()
        for unit, worth, pattern in _UNITS:
            day = WALL_DAY if self.by_wall else OFFICE_DAY
            for found in pattern.findall(rest):
                minutes += int(found) * (day if unit == "d" else worth)
            rest = pattern.sub("", rest)
        if rest.strip() or not 0 < minutes <= MINUTES_MOST:
            raise forms.ValidationError(
                gettext("Write it like 30 minutes, 2 hours or 1 day; at most 60 days.")
            )
        return minutes


class PolicyForm(forms.Form):
    """A rule of the ladder: what holds for all levels, then each level that may be asked."""

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any = None,
        *,
        ladder: rules.Ladder,
        version: int,
        team: Sequence[User],
    ) -> None:
        super().__init__(data, initial={"version": version})
        self.ladder = ladder
        self.by_wall = ladder.taken.by_wall
        self.team = team
        self._add_facts()
        for level in rules.LEVELS_OF[ladder.case]:
            self._add_level(level, ladder.at(level))

    def _wait(self, label: Any, wait: rules.Wait | None, **kwargs: Any) -> WaitField:
        minutes = int(wait.amount.total_seconds()) // 60 if wait else None
        return WaitField(label=label, initial=minutes, by_wall=self.by_wall, **kwargs)

    def _add_facts(self) -> None:
        ladder, case = self.ladder, self.ladder.case
        if case in rules.PATIENT:
            self.fields["patience"] = self._wait(
                _("How long nothing happens before Kitto wonders"), ladder.patience
            )
        if case in rules.FROM_PAPER:
            self.fields["patience_days"] = _number(
                _("In working days, where people work in shifts"),
                ladder.patience.shift_days if ladder.patience else 1,
            )
            self.fields["paper"] = self._wait(
                _("The same for who works from paper"), ladder.on_paper
            )
            self.fields["paper_days"] = _number(
                _("From paper, in working days where people work in shifts"),
                ladder.on_paper.shift_days if ladder.on_paper else 1,
            )
        self.fields["answer"] = self._wait(
            _("How soon somebody who asks is answered"), ladder.answer
        )
        self.fields["taken"] = self._wait(
            _("How long whoever takes it has before the next is told"), ladder.taken
        )
        self.fields["repeats"] = _number(
            _("How often the last one is told again at most"),
            ladder.repeats_most,
            least=0,
            required=False,
            help_text=_("Empty: until somebody acts. The ticket stays in the list either way."),
        )
        if case in (Case.NEVER_STARTED, Case.SILENT, Case.SLOW, Case.FAILING):
            self.fields["stops_on_progress"] = forms.BooleanField(
                label=_("It ends by itself when the person goes on"),
                required=False,
                initial=ladder.stops_on_progress,
            )
            self.fields["stops_on_rest"] = forms.BooleanField(
                label=_("It waits while the person pauses, is away or the wave is on hold"),
                required=False,
                initial=ladder.stops_on_rest,
            )
        since, until = ladder.night
        self.fields["night_from"] = _clock(_("Night begins at"), since)
        self.fields["night_to"] = _clock(_("Night ends at"), until)

    def _add_level(self, level: Level, rung: rules.Rung | None) -> None:
        given = rung or rules.Rung(level, rules.Wait(rules.DAY))
        name = level.value
        self.fields[f"{name}_on"] = forms.BooleanField(
            label=_("Ask this level"), required=False, initial=rung is not None
        )
        self.fields[f"{name}_wait"] = self._wait(
            _("Time before the next level is asked"), given.wait, required=False
        )
        self.fields[f"{name}_days"] = _number(
            _("In working days, where people work in shifts"), given.wait.shift_days
        )
        self.fields[f"{name}_times"] = _number(
            _("How often it is asked before the next level"), given.times, most=10
        )
        self.fields[f"{name}_reach"] = forms.ChoiceField(
            label=_("By what"), choices=_reaches(level), initial=given.reach
        )
        if self.ladder.case != Case.LOSS:
            self.fields[f"{name}_quiet"] = forms.ChoiceField(
                label=_("Left in peace"), choices=Quiet, initial=given.quiet
            )
        if level not in (Level.PERSON, Level.IT, Level.IT_LEAD):
            self.fields[f"{name}_people"] = _number(
                _("How many people at once (0: everybody)"), given.people, least=0
            )
        if level == Level.NAMED:
            self.fields["named_who"] = RowsField(
                label=_("Who"),
                queryset=User.objects.filter(pk__in=[one.pk for one in self.team]).order_by(
                    "kana", "pk"
                ),
                required=False,
                initial=list(given.named),
                widget=forms.CheckboxSelectMultiple,
                help_text=_("Members of IT, and leads for their own people."),
            )

    @property
    def facts(self) -> list[forms.BoundField]:
        """Return the fields that hold for all levels."""
        names = {level.value for level in rules.LEVELS_OF[self.ladder.case]}
        return [
            field
            for field in self
            if field.name != "version" and not _is_of_level(field.name, names)
        ]

    @property
    def levels(self) -> list[dict[str, Any]]:
        """Return the levels in the order they are asked, each with its fields."""
        return [
            {
                "level": level,
                "is_on": bool(self[f"{level.value}_on"].value()),
                "is_needed": level in rules.NEEDED[self.ladder.case],
                "has_errors": any(name.startswith(f"{level.value}_") for name in self.errors),
                "switch": self[f"{level.value}_on"],
                "fields": [
                    field
                    for field in self
                    if _is_of_level(field.name, {level.value})
                    and not field.name.endswith("_on")
                ],
            }
            for level in rules.LEVELS_OF[self.ladder.case]
        ]

    def clean(self) -> dict[str, Any]:
        """Ask for what a level needs, and keep what no rule may take away."""
        said = super().clean() or {}
        for level in rules.LEVELS_OF[self.ladder.case]:
            self._clean_level(level, said)
        floor = int(rules.SLOW_FLOOR.total_seconds()) // 60
        if self.ladder.case == Case.SLOW and (said.get("patience") or floor) < floor:
            self.add_error(
                "patience", _("At least 30 minutes: below it too many would be disturbed.")
            )
        return said

    def _clean_level(self, level: Level, said: dict[str, Any]) -> None:
        name = level.value
        if not said.get(f"{name}_on"):
            if level in rules.NEEDED[self.ladder.case]:
                self.add_error(f"{name}_on", _("This level cannot be left out."))
            return
        wait = said.get(f"{name}_wait")
        if not wait and f"{name}_wait" not in self.errors:
            self.add_error(f"{name}_wait", _("How long does this level have?"))
        is_nagging = level == Level.PERSON and (said.get(f"{name}_times") or 1) > 1
        if is_nagging and (wait or 0) < OFFICE_DAY:
            self.add_error(f"{name}_wait", _("A person is reminded at most once a day."))
        if level == Level.NAMED and not said.get("named_who"):
            self.add_error("named_who", _("Choose somebody."))

    def values(self) -> PolicyValues:
        """Return what was typed, as the action takes it."""
        said = self.cleaned_data
        chosen = [
            level
            for level in rules.LEVELS_OF[self.ladder.case]
            if said.get(f"{level.value}_on")
        ]
        return PolicyValues(
            facts={
                "by_wall": self.by_wall,
                "patience_minutes": said.get("patience"),
                "patience_days": said.get("patience_days") or 1,
                "paper_minutes": said.get("paper"),
                "paper_days": said.get("paper_days") or 1,
                "answer_minutes": said["answer"],
                "taken_minutes": said["taken"],
                "repeats_most": said["repeats"],
                "stops_on_progress": said.get("stops_on_progress", True),
                "stops_on_rest": said.get("stops_on_rest", True),
                "night_from": said["night_from"],
                "night_to": said["night_to"],
            },
            levels=[self._level_values(level.value) for level in chosen],
        )

    def _level_values(self, name: str) -> LevelValues:
        said = self.cleaned_data
        return LevelValues(
            level=name,
            wait_minutes=said[f"{name}_wait"],
            wait_days=said[f"{name}_days"],
            times=said[f"{name}_times"],
            reach=said[f"{name}_reach"],
            quiet=said.get(f"{name}_quiet", Quiet.NEVER),
            people_most=said.get(f"{name}_people", 0),
            named=tuple(said.get("named_who") or ()) if name == Level.NAMED else (),
        )


def _is_of_level(field: str, names: Iterable[str]) -> bool:
    """Tell whether a field belongs to one of some levels; `it` and `it_lead` begin alike."""
    known = sorted((level.value for level in Level), key=len, reverse=True)
    own = next((name for name in known if field.startswith(f"{name}_")), "")
    return own in set(names)


def _reaches(level: Level) -> list[tuple[str, Any]]:
    fits = [
        reach
        for reach in Reach
        if (reach != Reach.CHAT or level in (Level.IT, Level.IT_LEAD))
        and (reach != Reach.PAGE or level != Level.COLLEAGUE)
    ]
    return [(reach.value, reach.label) for reach in fits]


def _number(
    label: Any, value: int | None, *, least: int = 1, most: int = 99, **kwargs: Any
) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, initial=value, min_value=least, max_value=most, **kwargs
    )


def _clock(label: Any, value: Any) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        initial=value,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )


class _DepartmentField(DepartmentChoice):
    """Chooses a department by bureau and section."""

    def label_from_instance(self, obj: Any) -> str:
        """Return the full name."""
        return str(obj.full_name)


class ScopeForm(forms.Form):
    """For which matter and whom a new rule holds."""

    case = forms.ChoiceField(label=_("For what"), choices=Case)
    department = _DepartmentField(
        label=_("Only for a department"), queryset=Department.objects.none(), required=False
    )
    wave = forms.ModelChoiceField(
        label=_("Only for a wave"), queryset=Wave.objects.none(), required=False
    )

    def __init__(self, *args: Any, waves: Sequence[Wave], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        department, wave = self.fields["department"], self.fields["wave"]
        if isinstance(department, forms.ModelChoiceField):
            department.queryset = (
                Department.objects.filter(valid_to_on__isnull=True)
                .select_related("parent")
                .order_by("parent__name", "name")
            )
        if isinstance(wave, forms.ModelChoiceField):
            wave.queryset = Wave.objects.filter(pk__in=[one.pk for one in waves])

    def clean(self) -> dict[str, Any]:
        """Ask for whom, where the rule for everybody is there already."""
        said = super().clean() or {}
        has_scope = said.get("department") or said.get("wave")
        known = Policy.objects.filter(case=said.get("case"), department=None, wave=None)
        if not self.errors and not has_scope and known.exists():
            self.add_error("department", _("Choose a department or a wave."))
        return said
