"""What people type on the way: box codes, staff numbers, the end of a serial number, a day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from kitting.journeys.rules import (
    PRACTICE,
    SERIAL_PART,
    VERSIONS,
    WHY_NOT_SEEN,
    WHY_TRIED,
    plain_number,
    right_answers,
)
from kitting.journeys.states import Outcome, Why
from kitting.lib.codes import LENGTH, CodeError, normalise, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from typing import Any

LONGEST = 60
LATEST_DAYS = 60
TODAY, NEXT_DAY, OTHER_DAY = "today", "next", "day"


class BoxCodeForm(forms.Form):
    """A box code, typed in any way."""

    code = forms.CharField(
        label=gettext_lazy("Box code"),
        help_text=gettext_lazy("8 characters on the label, such as K7M3-9QXP."),
        max_length=200,
        error_messages={"required": gettext_lazy("Type the 8 characters of the box code.")},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "placeholder": "K7M3-9QXP",
            }
        ),
    )

    def clean_code(self) -> str:
        """Return the code as it is stored, or say what cannot be right about it."""
        typed = self.cleaned_data["code"]
        try:
            return parse(typed)
        except CodeError as error:
            raise ValidationError(code_sentences(typed, error)) from error


class ErrorForm(forms.Form):
    """What somebody remembers of a sentence on the Chromebook's screen."""

    q = forms.CharField(
        label=gettext_lazy("What does the screen say?"),
        help_text=gettext_lazy("A part is enough. Kana will do."),
        max_length=300,
        error_messages={"required": gettext_lazy("Type a part of the sentence.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "enterkeyhint": "search"}),
    )


def code_sentences(typed: str, error: CodeError) -> list[str]:
    """Return in the reader's words what cannot be right about a typed box code."""
    found = []
    if error.characters:
        found.append(
            _("These are never in a box code: %(characters)s. Look at the label once more.")
            % {"characters": " ".join(error.characters)}
        )
    if error.reason == "length":
        count = len(normalise(typed))
        found.append(
            ngettext(
                "A box code has %(length)s characters. This is %(count)s.",
                "A box code has %(length)s characters. These are %(count)s.",
                count,
            )
            % {"length": LENGTH, "count": count}
        )
    if error.reason == "check":
        found.append(_("One character is different. Compare it with the label once more."))
    return found


class StaffNumberForm(forms.Form):
    """The staff number of the person the box is for."""

    staff_number = forms.CharField(
        label=gettext_lazy("Staff number"),
        max_length=LONGEST,
        error_messages={"required": gettext_lazy("Type your staff number.")},
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "off", "spellcheck": "false"}
        ),
    )

    def clean_staff_number(self) -> str:
        """Return the number half-width, without spaces and hyphens."""
        number = plain_number(self.cleaned_data["staff_number"])
        if not number:
            raise ValidationError(_("Type your staff number."), code="required")
        return number


class SerialForm(forms.Form):
    """The last characters of the serial number on the sticker."""

    serial = forms.CharField(
        label=gettext_lazy("Last 4 characters of the serial number"),
        max_length=LONGEST,
        error_messages={"required": gettext_lazy("Type the last 4 characters.")},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
            }
        ),
    )

    def clean_serial(self) -> str:
        """Return the characters as they are compared."""
        serial = plain_number(self.cleaned_data["serial"])
        if len(serial) < SERIAL_PART:
            raise ValidationError(_("Type all 4 characters."), code="short")
        return serial


class QuizForm(forms.Form):
    """Questions with one right answer each; a wrong one brings its reason, never a score."""

    tries = forms.IntegerField(
        required=False, min_value=0, max_value=99, widget=forms.HiddenInput
    )
    version = forms.ChoiceField(
        required=False, choices=[("", ""), *((code, code) for code in sorted(VERSIONS))]
    )

    def __init__(
        self, *args: Any, questions: Sequence[Mapping[str, Any]], **kwargs: Any
    ) -> None:
        """Take the questions of a step as the guide gives them."""
        super().__init__(*args, **kwargs)
        self.questions = questions
        for question in questions:
            self.fields[_name(question)] = forms.TypedChoiceField(
                label=question["question"],
                coerce=int,
                choices=[(choice["number"], choice["text"]) for choice in question["choices"]],
                widget=forms.RadioSelect,
                error_messages={"required": gettext_lazy("Choose one answer.")},
            )

    @property
    def answers(self) -> dict[int, int]:
        """Return what was answered, by the number of the question."""
        return {
            question["number"]: self.cleaned_data[_name(question)]
            for question in self.questions
            if _name(question) in self.cleaned_data
        }

    @property
    def tries_before(self) -> int:
        """Return how often the answers were sent before."""
        return int(self.cleaned_data.get("tries") or 0)

    @property
    def is_right(self) -> bool:
        """Tell whether every answer is right."""
        return len(right_answers(self.questions, self.answers)) == len(self.questions)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return each question with its field and, once answered, the reason why (not)."""
        answers = self.answers if self.is_bound and hasattr(self, "cleaned_data") else {}
        right = right_answers(self.questions, answers)
        lines = []
        for question in self.questions:
            chosen = answers.get(question["number"])
            said = next((c for c in question["choices"] if c["number"] == chosen), None)
            lines.append(
                {
                    "field": self[_name(question)],
                    "reason": said["reason"] if said else "",
                    "right": question["number"] in right,
                }
            )
        return lines


def _name(question: Mapping[str, Any]) -> str:
    return f"q{question['number']}"


class SeenForm(forms.Form):
    """What the page says of its check; only what a check of this type can say is taken."""

    outcome = forms.ChoiceField(choices=Outcome.choices)
    reason = forms.CharField(required=False, max_length=LONGEST)

    def __init__(self, *args: Any, check_type: str, **kwargs: Any) -> None:
        """Take the type of the step's check."""
        super().__init__(*args, **kwargs)
        self.check_type = check_type

    def clean(self) -> dict[str, Any]:
        """Refuse an outcome or a reason that this check does not know."""
        cleaned = dict(super().clean() or {})
        outcome, reason = cleaned.get("outcome", ""), cleaned.get("reason", "")
        if outcome == Outcome.TRIED:
            known = reason in WHY_TRIED.get(self.check_type, frozenset())
        elif outcome == Outcome.ANOTHER_WAY:
            known = self.check_type in PRACTICE and not reason
        else:
            known = not reason
        if not known:
            raise ValidationError(_("Please press the button once more."), code="unknown")
        return cleaned


class OwnWordForm(forms.Form):
    """Why the page did not see what the person says is done."""

    reason = forms.CharField(required=False, max_length=LONGEST)

    def __init__(self, *args: Any, check_type: str, **kwargs: Any) -> None:
        """Take the type of the step's check."""
        super().__init__(*args, **kwargs)
        self.check_type = check_type

    def clean_reason(self) -> str:
        """Return the reason; where a page could have looked, no word means that it did not."""
        reason = str(self.cleaned_data["reason"])
        known = WHY_NOT_SEEN.get(self.check_type, frozenset())
        if reason and reason not in known:
            raise ValidationError(_("Please press the button once more."), code="unknown")
        return reason or (Why.NOT_CHECKED.value if known else "")


class LaterForm(forms.Form):
    """When to go on."""

    when = forms.ChoiceField(
        label=gettext_lazy("When do you go on?"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose when to go on.")},
    )
    on = forms.DateField(
        label=gettext_lazy("If another day: which one?"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("Choose a day.")},
    )

    def __init__(
        self, *args: Any, choices: Sequence[tuple[str, str]], today: date, **kwargs: Any
    ) -> None:
        """Take the moments that are offered, and the day it is."""
        super().__init__(*args, **kwargs)
        self.first = today + timedelta(days=1)
        self.last = today + timedelta(days=LATEST_DAYS)
        field = self.fields["when"]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices
        self.fields["on"].widget.attrs |= {
            "min": self.first.isoformat(),
            "max": self.last.isoformat(),
        }

    def clean(self) -> dict[str, Any]:
        """Ask for the day where a day was chosen."""
        cleaned = dict(super().clean() or {})
        if cleaned.get("when") != OTHER_DAY or "on" in self.errors:
            return cleaned
        on = cleaned.get("on")
        if on is None:
            self.add_error("on", _("Choose a day."))
        elif not self.first <= on <= self.last:
            self.add_error("on", _("Choose a day within the next 60 days."))
        return cleaned
