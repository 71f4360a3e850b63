"""What is said to many at once, and what is known to be broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.fields import RowsField
from accounts.models import Place
from kitting.site.actions import AnnouncementValues

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from kitting.rollout.models import Wave


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
    places = RowsField(
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
        if isinstance(places, RowsField):
            places.queryset = Place.objects.order_by("name")
