"""What IT types at the desk."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kitting.escalation.forms.asking import WORDS_MAX
from kitting.helpdesk.rules import unknown_names
from kitting.helpdesk.states import Outcome

MINUTES_MOST = 480


def _lines(label: Any, **kwargs: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=WORDS_MAX, widget=forms.Textarea(attrs={"rows": 4}), **kwargs
    )


class OutcomeForm(forms.Form):
    """How a call ended: one press says it, the minutes are chosen before."""

    outcome = forms.ChoiceField(choices=Outcome)
    minutes = forms.TypedChoiceField(
        label=_("Minutes it took"),
        choices=[(n, str(n)) for n in (2, 5, 10, 15, 30, 60)],
        coerce=int,
        initial=5,
        required=False,
    )
    words = forms.CharField(
        label=_("What helped?"),
        required=False,
        max_length=WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ManyForm(forms.Form):
    """One answer to several people."""

    tickets = forms.TypedMultipleChoiceField(
        label=_("Who gets the answer?"),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one person.")},
    )
    words = _lines(_("Answer"), error_messages={"required": _("Write a few words.")})

    def __init__(self, *args: Any, choices: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["tickets"]
        if isinstance(field, forms.TypedMultipleChoiceField):
            field.choices = choices


class SavedReplyForm(forms.Form):
    """An answer that is used again."""

    title = forms.CharField(label=_("What is it about?"), max_length=60)
    text_ja = _lines(_("In Japanese"), required=False)
    text_en = _lines(_("In English"), required=False)

    def __init__(self, *args: Any, names: list[str], taken: set[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = names
        self.taken = taken

    def clean_title(self) -> str:
        """Refuse a title that another answer has."""
        title = str(self.cleaned_data["title"]).strip()
        if title in self.taken:
            raise forms.ValidationError(_("Another answer has this title."))
        return title

    def clean(self) -> dict[str, Any]:
        """Ask for words in one language at least, and for names that can be filled in."""
        said = super().clean() or {}
        if not (said.get("text_ja") or said.get("text_en")):
            self.add_error("text_ja", _("Write it in Japanese or in English."))
        for name in ("text_ja", "text_en"):
            unknown = unknown_names(said.get(name) or "", self.names)
            if unknown:
                names = ", ".join(f"{{{found}}}" for found in unknown)
                self.add_error(
                    name, gettext("Nothing can stand here: %(names)s.") % {"names": names}
                )
        return said


class NoteForm(forms.Form):
    """What everybody at a step should know from now on."""

    text_ja = _lines(_("In Japanese"), required=False)
    text_en = _lines(_("In English"), required=False)

    def clean(self) -> dict[str, Any]:
        """Ask for words in one language at least."""
        said = super().clean() or {}
        if not (said.get("text_ja") or said.get("text_en")):
            self.add_error("text_ja", _("Write it in Japanese or in English."))
        return said


class ProposalForm(forms.Form):
    """A note as the next edition says it: when it happens, and what to try, in both languages."""

    symptom_ja = forms.CharField(label=_("When it happens, in Japanese"), max_length=200)
    symptom_en = forms.CharField(label=_("When it happens, in English"), max_length=200)
    attempt_ja = _lines(_("What to try, in Japanese"))
    attempt_en = _lines(_("What to try, in English"))


class MeetingForm(forms.Form):
    """Where somebody of IT meets people on screen."""

    meeting_url = forms.URLField(
        label=_("Link of your meeting room"),
        max_length=300,
        required=False,
        assume_scheme="https",
        help_text=_("It stands in answers where you put {meeting}."),
    )

    def clean_meeting_url(self) -> str:
        """Take encrypted addresses only: people press this link."""
        url = str(self.cleaned_data["meeting_url"])
        if url and not url.startswith("https://"):
            raise forms.ValidationError(_("The link must begin with https://"))
        return url
