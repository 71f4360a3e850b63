"""What visitors of the demo choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from kitting.demo.states import Device, Move, Way

if TYPE_CHECKING:
    from datetime import date

    from django.http import QueryDict


class SearchForm(forms.Form):
    """Somebody to be."""

    q = forms.CharField(
        label=_("Name, staff number, department or place"), max_length=80, required=False
    )


class BeForm(forms.Form):
    """Who to be, by which door, and which page to see then; nobody is a choice too."""

    person = forms.ModelChoiceField(User.objects.none(), required=False)
    way = forms.ChoiceField(choices=Way)
    next = forms.CharField(max_length=200, required=False)

    def __init__(self, data: QueryDict, *, on: date) -> None:
        """Offer everybody who works here on a day."""
        super().__init__(data)
        self.fields["person"] = forms.ModelChoiceField(
            User.objects.present(on=on), required=False
        )

    def clean(self) -> dict[str, Any]:
        """Ask for a person where one is needed."""
        values = super().clean() or {}
        if values.get("way") != Way.NOBODY and values.get("person") is None:
            self.add_error("person", _("Choose somebody."))
        return values


class DeviceForm(forms.Form):
    """What the pages should take this browser for."""

    device = forms.ChoiceField(label=_("Act as"), choices=Device)
    next = forms.CharField(max_length=200, required=False)


class ClockForm(forms.Form):
    """Where the clock should go."""

    move = forms.ChoiceField(choices=Move)
