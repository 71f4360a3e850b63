"""What helpers type when they move a ticket."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from kitting.escalation.models import Ticket
from kitting.escalation.states import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    TicketChoice = forms.ModelChoiceField[Ticket]
else:  # Django's own class takes no types
    TicketChoice = forms.ModelChoiceField


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
