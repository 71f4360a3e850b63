"""What the IT lead says before somebody's data is handed out or removed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kitting.lib.sheets import clean_number_string

REASON_MOST = 400


def _reason() -> forms.CharField:
    return forms.CharField(
        label=_("Why?"),
        max_length=REASON_MOST,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It stands in the audit log with your name."),
        error_messages={"required": _("Write a few words.")},
    )


class ExportForm(forms.Form):
    """Why everything about somebody is handed out, and in what form."""

    reason = _reason()
    kind = forms.ChoiceField(
        label=_("File"),
        choices=[("pdf", _("PDF, to read and print")), ("json", _("JSON, for programs"))],
        widget=forms.RadioSelect,
        initial="pdf",
        error_messages={"required": _("Choose one."), "invalid_choice": _("Choose one.")},
    )


class RemoveForm(forms.Form):
    """Why somebody is removed, and that it is the right one."""

    reason = _reason()
    number = forms.CharField(
        label=_("Staff number of this person, once more"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={"required": _("Type the staff number.")},
    )

    def __init__(self, *args: Any, number: str, **kwargs: Any) -> None:
        """Know whose number is to be typed."""
        super().__init__(*args, **kwargs)
        self._number = number

    def clean_number(self) -> str:
        """See that the number is this person's."""
        said = clean_number_string(str(self.cleaned_data["number"]))
        if said != self._number:
            raise forms.ValidationError(_("This is not the number of this person."))
        return said
