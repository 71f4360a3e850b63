"""What people type when they ask for help or give it."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Department, Place, User
from kitting.escalation import rules
from kitting.escalation.actions.policies import LevelValues, PolicyValues
from kitting.escalation.models import Policy, Ticket
from kitting.escalation.states import Case, Level, Part, Quiet, Reach, TicketKind, Wish
from kitting.lib import photos
from kitting.rollout.models import Wave
from kitting.site.actions import AnnouncementValues

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.core.files.uploadedfile import UploadedFile
    from django.utils.functional import _StrPromise

    TicketChoice = forms.ModelChoiceField[Ticket]
    DepartmentChoice = forms.ModelChoiceField[Department]
else:  # Django's own class takes no types
    TicketChoice = DepartmentChoice = forms.ModelChoiceField

WORDS_MAX = 2000
SEARCH_MAX = 80

# What may be reported on a box page before anybody has typed a number.
REPORTS = (TicketKind.HELP, TicketKind.WRONG_BOX, TicketKind.LOSS, TicketKind.FOUND)


def _words(
    *, required: bool, label: _StrPromise, missing: _StrPromise | None = None
) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": missing} if missing else None,
    )


class PhotoField(forms.FileField):
    """A photo to send along, written anew on its way in; `full` where no more may be sent."""

    full = False
    widget = forms.FileInput(attrs={"accept": "image/*,.heic,.heif"})
    refused = {
        "large": _("This picture is larger than 10 MB. Your words are still here."),
        "unknown": _("Only pictures can be sent: JPEG, PNG, WebP or HEIC."),
        "points": _("This picture is too fine to be read. Take it again with fewer points."),
        "busy": _("Many pictures arrive just now. Choose yours again in a moment."),
        "broken": _("This picture cannot be read. Take it again, or send your words alone."),
        "full": _("That is enough pictures. Send your words alone."),
    }

    def __init__(self) -> None:
        super().__init__(
            label=_("A picture of the screen"),
            help_text=_(
                "Please leave out passwords and names. Only those who help you see it."
            ),
            required=False,
            max_length=255,
        )

    def clean(self, data: Any, initial: Any = None) -> photos.Photo | None:
        """Return the photo as it will be kept, if one was sent; there is never an `initial` one."""
        return self._taken_in(data) if data else initial

    def _taken_in(self, data: UploadedFile[Any]) -> photos.Photo:
        if self.full:
            self._refuse("full")
        if (data.size or 0) > photos.BYTES_MOST:
            self._refuse("large")
        try:
            return photos.take_in(data.read())
        except photos.PhotoError as error:
            self._refuse(error.why)

    def _refuse(self, why: str) -> NoReturn:
        raise forms.ValidationError(self.refused[why], code=why)


class AskForm(forms.Form):
    """Which trouble it is, own words, a picture, and how the answer should come."""

    choice = forms.ChoiceField(
        label=_("What is the trouble?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what is nearest.")},
    )
    words = _words(required=False, label=_("What do you see?"))
    photo = PhotoField()
    wish = forms.ChoiceField(
        label=_("How would you like the answer?"),
        choices=Wish,
        widget=forms.RadioSelect,
        initial=Wish.SCREEN,
        required=False,
    )

    def __init__(
        self,
        *args: object,
        choices: Sequence[tuple[str, str]],
        full: bool = False,
        camera: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are
        _close_album(self, full=full)
        if camera:
            # Who came by the box holds a phone beside the Chromebook's screen.
            self.fields["photo"].widget.attrs |= {
                "accept": "image/*",
                "capture": "environment",
            }
        field = self.fields["choice"]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices
        # Where no guide says what may be wrong, own words are enough.
        field.required = bool(choices)

    def clean_wish(self) -> str:
        """Answer on the screen unless the person wishes otherwise."""
        return str(self.cleaned_data["wish"] or Wish.SCREEN)


class ReportForm(forms.Form):
    """Own words about a box, from whoever holds it."""

    words = _words(required=False, label=_("What happened?"))


class WrongBoxForm(ReportForm):
    """A box that is not one's own, with one's own number: two who say it exchange their boxes."""

    staff_number = forms.CharField(
        label=_("Your own staff number"),
        max_length=20,
        required=False,
        help_text=_(
            "If the one who has your box says the same there, both boxes are exchanged by themselves."
        ),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class LossForm(forms.Form):
    """A loss as anybody tells it: who, and where to call back; nothing is looked up here."""

    staff_number = forms.CharField(
        label=_("Staff number"),
        max_length=20,
        error_messages={"required": _("Type your staff number.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    call_back = forms.CharField(
        label=_("A number where we can call you"),
        max_length=40,
        error_messages={"required": _("Type a number where we can call you.")},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
    )
    words = _words(required=False, label=_("Where and when did you have it last?"))


class MoreForm(forms.Form):
    """What the person adds to an own question."""

    words = _words(required=False, label=_("Anything to add?"))
    photo = PhotoField()

    def __init__(self, *args: object, full: bool = False, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are
        _close_album(self, full=full)

    def clean(self) -> None:
        """Ask for words where no picture says it."""
        given = self.cleaned_data
        if not given.get("words") and not given.get("photo") and "photo" not in self.errors:
            self.add_error("words", _("Write what you want to add."))


def _close_album(form: forms.Form, *, full: bool) -> None:
    field = form.fields["photo"]
    if isinstance(field, PhotoField):
        field.full = full


class ReplyForm(forms.Form):
    """An answer to the person."""

    words = _words(required=True, label=_("Answer"), missing=_("Write a few words."))


class WordsForm(forms.Form):
    """Words that may be left out."""

    words = _words(required=False, label=_("Words"))


class CallerForm(forms.Form):
    """Whom a call is about, in whatever the caller can say."""

    q = forms.CharField(
        label=_("Name, staff number, extension, asset tag or box code"),
        max_length=SEARCH_MAX,
        error_messages={"required": _("Type a name or a number.")},
    )


class CallForm(forms.Form):
    """What somebody said on the phone."""

    what = forms.ChoiceField(
        label=_("What is it about?"),
        widget=forms.RadioSelect,
        initial=TicketKind.HELP,
    )
    words = _words(required=False, label=_("What did they say?"))

    def __init__(self, *args: object, has_device: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are
        field = self.fields["what"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [
                (TicketKind.HELP, _("Needs help")),
                *([(TicketKind.LOSS, _("Lost or stolen"))] if has_device else []),
            ]


EVERYONE = "all"
AT_PLACE, IN_WAVE = "place", "wave"
ANNOUNCEMENT_MAX = 300


class AnnouncementForm(forms.Form):
    """What is said to people on their pages, to whom and until when."""

    text = forms.CharField(
        label=_("What people read"),
        max_length=ANNOUNCEMENT_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write a few words.")},
    )
    text_en = forms.CharField(
        label=_("The same in English"),
        required=False,
        max_length=ANNOUNCEMENT_MAX,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    scope = forms.ChoiceField(label=_("To whom"))
    until = forms.DateTimeField(
        label=_("Until when"),
        required=False,
        help_text=_("Empty: until somebody ends it."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
    )
    stops_starts = forms.BooleanField(label=_("Nobody begins until then"), required=False)
    pauses_clocks = forms.BooleanField(
        label=_("Clocks stand still: nobody is reminded"), required=False
    )

    def __init__(
        self,
        *args: Any,
        places: Iterable[Place],
        waves: Iterable[Wave],
        now: datetime,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        field = self.fields["scope"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [
                (EVERYONE, _("Everyone")),
                *((f"{IN_WAVE}-{wave.pk}", wave.name) for wave in waves),
                *((f"{AT_PLACE}-{place.pk}", place.name) for place in places),
            ]

    def clean_until(self) -> datetime | None:
        """Refuse an end that is over already."""
        until: datetime | None = self.cleaned_data["until"]
        if until is not None and until <= self.now:
            raise forms.ValidationError(_("Choose a moment to come."))
        return until

    def values(self) -> AnnouncementValues:
        """Return what was typed, as the action takes it."""
        kind, _dash, pk = self.cleaned_data["scope"].partition("-")
        return AnnouncementValues(
            text=self.cleaned_data["text"],
            text_en=self.cleaned_data["text_en"],
            place_id=int(pk) if kind == AT_PLACE else None,
            wave_id=int(pk) if kind == IN_WAVE else None,
            expires_at=self.cleaned_data["until"],
            stops_starts=self.cleaned_data["stops_starts"],
            pauses_clocks=self.cleaned_data["pauses_clocks"],
        )


class OutageForm(forms.Form):
    """Something that is broken: which step, and where."""

    step = forms.ChoiceField(label=_("Which step does not work"))
    places = forms.ModelMultipleChoiceField(
        label=_("Where"),
        queryset=Place.objects.none(),
        required=False,
        help_text=_("None chosen: everywhere."),
    )

    def __init__(self, *args: Any, steps: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        step, places = self.fields["step"], self.fields["places"]
        if isinstance(step, forms.ChoiceField):
            step.choices = steps
        if isinstance(places, forms.ModelMultipleChoiceField):
            places.queryset = Place.objects.order_by("name")


# --- helpers' moves -------------------------------------------------------------------------------


class MoveForm(forms.Form):
    """What a page had seen of a ticket, and why it is moved."""

    seen = forms.IntegerField(min_value=0, initial=0, widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Why"), max_length=300, required=False)


class HoldForm(MoveForm):
    """Why a ticket rests until somebody takes it off hold."""

    reason = forms.CharField(
        label=_("Why"), max_length=300, error_messages={"required": _("Write why.")}
    )


class SnoozeForm(HoldForm):
    """Until when a ticket is put off, and why."""

    until = forms.DateTimeField(
        label=_("Until when"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        error_messages={"required": _("Choose a moment to come.")},
    )
    field_order = ("until", "reason", "seen")
    longest = timedelta(days=92)

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean_until(self) -> datetime:
        """Take a moment to come, within three months."""
        until: datetime = self.cleaned_data["until"]
        if until <= self.now:
            raise forms.ValidationError(_("Choose a moment to come."))
        if until > self.now + self.longest:
            raise forms.ValidationError(_("At most three months. Put it on hold instead."))
        return until


class ReassignForm(MoveForm):
    """Who has a ticket from now on."""

    to = forms.ModelChoiceField(
        label=_("To whom"),
        queryset=User.objects.none(),
        empty_label=None,
        error_messages={"required": _("Choose somebody.")},
    )
    field_order = ("to", "reason", "seen")

    def __init__(self, *args: Any, team: Sequence[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        to = self.fields["to"]
        if isinstance(to, forms.ModelChoiceField):
            to.queryset = User.objects.filter(pk__in=[person.pk for person in team]).order_by(
                "kana", "pk"
            )


class _TicketField(TicketChoice):
    """Chooses a ticket by number and kind."""

    def label_from_instance(self, obj: Any) -> str:
        """Return what people call a ticket."""
        return f"{obj.number} {obj.get_kind_display()}"


class MergeForm(MoveForm):
    """Into which other ticket of the same person a ticket goes."""

    into = _TicketField(
        label=_("Into which ticket"),
        queryset=Ticket.objects.none(),
        empty_label=None,
        error_messages={"required": _("Choose a ticket.")},
    )
    field_order = ("into", "seen")

    def __init__(self, *args: Any, others: Sequence[Ticket], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["reason"]
        into = self.fields["into"]
        if isinstance(into, forms.ModelChoiceField):
            into.queryset = Ticket.objects.filter(pk__in=[one.pk for one in others])


class PleaForm(forms.Form):
    """What a colleague wants to say along with the answer."""

    words = forms.CharField(label=_("A word for the helpers"), max_length=300, required=False)


class DutyForm(forms.Form):
    """Who is on duty, from when to when."""

    person = forms.ModelChoiceField(
        label=_("Who"),
        queryset=User.objects.none(),
        empty_label=None,
        error_messages={"required": _("Choose somebody.")},
    )
    from_on = forms.DateField(
        label=_("First day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    to_on = forms.DateField(
        label=_("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    part = forms.ChoiceField(label=_("Which hours"), choices=Part)

    def __init__(self, *args: Any, team: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        person = self.fields["person"]
        if isinstance(person, forms.ModelChoiceField):
            person.queryset = User.objects.filter(pk__in=[one.pk for one in team]).order_by(
                "kana", "pk"
            )

    def clean(self) -> dict[str, Any]:
        """Refuse a duty that ends before it begins, or that lasts for ever."""
        said = super().clean() or {}
        first, last = said.get("from_on"), said.get("to_on")
        if first and last and last < first:
            self.add_error("to_on", _("The last day is before the first."))
        if first and last and last - first > timedelta(days=366):
            self.add_error("to_on", _("At most one year at a time."))
        return said


# --- the rules of the ladder ------------------------------------------------------------------------

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
            self.fields["named_who"] = forms.ModelMultipleChoiceField(
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
