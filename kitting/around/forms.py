"""What people type around a set-up."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from kitting.around.actions import Given
from kitting.around.queries import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from typing import Any

    from kitting.guides.queries.shapes import SurveyView

NAME_MOST, WORDS_MOST = 120, 1000
NOTHING_SAID = pgettext_lazy("survey", "Not answered")


class MacroForm(forms.Form):
    """One macro."""

    name = forms.CharField(
        label=gettext_lazy("Name of the file or button"),
        help_text=gettext_lazy("Such as 集計ボタン.xlsm. Write no residents' names."),
        max_length=NAME_MOST,
        error_messages={
            "required": gettext_lazy("Write the name."),
            "max_length": gettext_lazy("At most 120 characters, please."),
        },
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    purpose = forms.CharField(
        label=gettext_lazy("What it does"),
        required=False,
        max_length=WORDS_MOST,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    wish = forms.BooleanField(
        label=gettext_lazy("I would like help to do this on the Chromebook"), required=False
    )


class PlanForm(forms.Form):
    """On which day and at what time somebody means to begin."""

    on = forms.DateField(
        label=pgettext_lazy("when to begin", "Day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": gettext_lazy("Choose a day."),
            "invalid": gettext_lazy("Choose a day."),
        },
    )
    at = forms.TimeField(
        label=pgettext_lazy("when to begin", "Time"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={
            "required": gettext_lazy("Choose a time."),
            "invalid": gettext_lazy("Choose a time."),
        },
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        """Take the day it is: nobody begins yesterday."""
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["on"].widget.attrs["min"] = today.isoformat()

    def clean_on(self) -> date:
        """Return the day."""
        on: date = self.cleaned_data["on"]
        if on < self.today:
            raise ValidationError(_("Choose today or a later day."))
        return on

    @property
    def planned_at(self) -> datetime:
        """Return the chosen moment."""
        return datetime.combine(
            self.cleaned_data["on"],
            self.cleaned_data["at"],
            tzinfo=ZoneInfo(settings.TIME_ZONE),
        )


def _scale(label: str) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label,
        required=False,
        coerce=int,
        empty_value=None,
        choices=[(n, str(n)) for n in range(1, 6)],
        widget=forms.RadioSelect,
    )


class ConfidenceForm(forms.Form):
    """One question, if one likes: how sure somebody feels."""

    def __init__(self, *args: Any, question: str, **kwargs: Any) -> None:
        """Take the question as the guide asks it."""
        super().__init__(*args, **kwargs)
        self.fields[CONFIDENCE] = _scale(question)

    @property
    def answers(self) -> dict[str, Given]:
        """Return what was answered."""
        return {CONFIDENCE: Given(scale=self.cleaned_data[CONFIDENCE])}


class SurveyForm(forms.Form):
    """The questions at the end; none must be answered."""

    def __init__(
        self,
        *args: Any,
        questions: Sequence[SurveyView],
        confidence: str,
        steps: Sequence[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        """Take the questions and steps as the guide gives them."""
        super().__init__(*args, **kwargs)
        self.kinds = {question.key: question.type for question in questions}
        for question in questions:
            self.fields[question.key] = self._field(question, steps)
        if confidence:
            self.kinds[CONFIDENCE] = "scale_1_5"
            self.fields[CONFIDENCE] = _scale(confidence)

    @staticmethod
    def _field(question: SurveyView, steps: Sequence[tuple[str, str]]) -> forms.Field:
        match question.type:
            case "scale_1_5":
                return _scale(question.question)
            case "step_choice":
                return forms.ChoiceField(
                    label=question.question,
                    required=False,
                    choices=[("", NOTHING_SAID), *steps],
                )
            case _:
                return forms.CharField(
                    label=question.question,
                    required=False,
                    max_length=WORDS_MOST,
                    widget=forms.Textarea(attrs={"rows": 3}),
                )

    @property
    def answers(self) -> dict[str, Given]:
        """Return what was answered, by question."""
        found = {}
        for key, kind in self.kinds.items():
            value = self.cleaned_data.get(key)
            match kind:
                case "scale_1_5":
                    found[key] = Given(scale=value or None)
                case "step_choice":
                    found[key] = Given(choice=value or "")
                case _:
                    found[key] = Given(text=(value or "").strip())
        return found


class MacroAnswerForm(forms.Form):
    """How the work of a macro is done now."""

    words = forms.CharField(
        label=gettext_lazy("How it is done now"),
        max_length=WORDS_MOST,
        error_messages={"required": gettext_lazy("Write how it is done now.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
