"""What people say about their site and their reading, checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.actions import HoursValues
from accounts.models import WorkingHours
from kitting.lib.later import Later
from kitting.lib.weeks import ClockError, parse_week
from kitting.site.actions import ProfileValues, Word
from kitting.site.rules import RUBY_GRADES, TEXT_SIZES, THEMES, Reading
from kitting.site.states import VariableSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from django.forms import BoundField
    from django.utils.functional import _StrPromise

    from kitting.site.models import Flag, SiteProfile, Variable

# Words and switches of the guide that comes with Kitto; others are called by their key.
WORD_LABELS: dict[str, _StrPromise] = {
    "org_name": _("Name of your organisation"),
    "it_name": _("Name of the IT team"),
    "it_phone": _("Phone of the IT team"),
    "it_hours": _("When the IT team answers"),
    "lost_phone": _("Phone for lost devices, day and night"),
    "guide_url": _("Address of this guide"),
    "wifi_name": _("Name of the Wi-Fi"),
    "account_example": _("What an account looks like"),
    "account_domain": _("Accounts end with (after @)"),
    "password_rule": _("Rule for passwords"),
    "min_os_milestone": _("Oldest ChromeOS version you allow"),
    "practice_word": _("Word to practise typing with"),
    "practice_romaji": _("The same word in Latin letters"),
}
WORD_HELP: dict[str, _StrPromise] = {
    "wifi_name": _("A place can have a Wi-Fi of its own."),
    "account_example": _("Show the form only, never the address of a real person."),
    "lost_phone": _("Somebody must answer here at night and on holidays too."),
}
FLAG_LABELS: dict[str, _StrPromise] = {
    "enrollment": _("How devices are enrolled"),
    "wifi_auth": _("How devices join the Wi-Fi"),
    "wifi_mac_registration": _("The Wi-Fi address of each device is registered first"),
    "sso": _("Where people sign in"),
    "two_step": _("Second step when signing in"),
    "pin_allowed": _("People may set a PIN"),
    "fingerprint_allowed": _("People may use a fingerprint"),
    "first_run_screens": _("Screens after the first sign-in"),
    "touchscreen": _("The devices have a touchscreen"),
    "keyboard": _("Keyboard of the devices"),
    "office": _("Where documents are written"),
    "onedrive_in_files": _("OneDrive is shown in Files"),
    "printing": _("People print from the Chromebook"),
    "camera": _("The devices have a camera and a microphone"),
    "input_language": _("Language people type in"),
}
VALUE_LABELS: dict[str, _StrPromise] = {
    "true": _("Yes"),
    "false": _("No"),
    "none": _("None"),
    "enrollment.zero_touch": _("By themselves (zero-touch)"),
    "enrollment.user_enrolls": _("Each person does it"),
    "enrollment.it_enrolled": _("IT has done it already"),
    "wifi_auth.managed_after_enroll": _("By themselves after enrolment"),
    "wifi_auth.psk": _("With one password for all"),
    "wifi_auth.peap": _("With each person's name and password (PEAP)"),
    "wifi_auth.open_portal": _("With a page on which people agree"),
    "wifi_auth.wired_or_lte": _("Without Wi-Fi: by cable or mobile network"),
    "sso.google": _("On Google's page"),
    "sso.saml": _("On your own page (SAML)"),
    "two_step.phone_prompt": _("Yes on the phone"),
    "two_step.code": _("A number that is sent"),
    "two_step.security_key": _("A security key"),
    "first_run_screens.minimal": _("Few"),
    "first_run_screens.some": _("Several"),
    "keyboard.jis": _("Japanese (JIS)"),
    "keyboard.us": _("US"),
    "office.microsoft365": _("Microsoft 365"),
    "office.google": _("Google"),
    "office.both": _("Both"),
    "input_language.ja": _("Japanese"),
    "input_language.other": _("Another language"),
}
holidays = Later("holidays")


@cache
def countries() -> frozenset[str]:
    """Return the countries whose holidays are known; asking the package itself would load all three hundred."""
    return frozenset(codes[1] for codes in holidays.registry.COUNTRIES.values())


def word_label(variable: Variable) -> str:
    """Return what a variable is called on the settings page."""
    return str(WORD_LABELS.get(variable.key, variable.key))


def value_label(flag: Flag, value: str) -> str:
    """Return what a value of a flag is called on the settings page."""
    named = VALUE_LABELS.get(f"{flag.key}.{value}") or VALUE_LABELS.get(value)
    return str(named or value)


@dataclass(frozen=True)
class WordFields:
    """The two fields of one variable on the page."""

    label: str
    note: str
    is_example: bool
    japanese: BoundField
    english: BoundField


class ProfileForm(forms.Form):
    """The site's own decisions, its words in two languages, and the switches of its guide."""

    service_name = forms.CharField(label=_("Name of this service"), max_length=40)
    section_word = forms.CharField(
        label=_("Your word for a section"), max_length=40, required=False
    )
    lead_word = forms.CharField(
        label=_("Your word for a lead"),
        help_text=_("A lead helps the colleagues of a section, such as a DX leader."),
        max_length=40,
        required=False,
    )
    holidays_country = forms.CharField(
        label=_("Country whose holidays count"),
        help_text=_("Two letters such as JP. Empty: no holidays."),
        max_length=2,
        required=False,
    )
    box_entry_allowed = forms.BooleanField(
        label=_("The box code and the staff number are enough"),
        help_text=_("People without mail or account can open the guide on the Chromebook too."),
        required=False,
    )
    mail_entry_allowed = forms.BooleanField(
        label=_("People sign in with a code by e-mail"),
        help_text=_("Can be switched off where your organisation's own sign-in is set up."),
        required=False,
    )
    slip_entry_allowed = forms.BooleanField(
        label=_("People without e-mail sign in with a printed slip"), required=False
    )
    leads_see_minutes = forms.BooleanField(
        label=_("Leads see how long people take"), required=False
    )
    minutes_before = forms.IntegerField(
        label=_("Minutes IT spent on one device before"),
        help_text=_(
            "Your own figure from setting devices up yourselves. The board compares with it; empty: "
            "nothing is compared."
        ),
        min_value=1,
        max_value=1000,
        required=False,
    )
    names_on_labels = forms.BooleanField(
        label=_("Labels on boxes may carry the name of their person"),
        help_text=_("Boxes stand in corridors. Without a name the box code is enough."),
        required=False,
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        profile: SiteProfile,
        flags: Sequence[Flag],
        variables: Sequence[Variable],
    ) -> None:
        self.own = tuple(self.base_fields)
        super().__init__(data, initial={name: getattr(profile, name) for name in self.own})
        self.flags = flags
        self.variables = [v for v in variables if v.source == VariableSource.SITE]
        for variable in self.variables:
            self._add_word(variable)
        for flag in self.flags:
            self._add_flag(flag)

    def _add_word(self, variable: Variable) -> None:
        for name, value, label in (
            (f"word_{variable.key}", variable.value, _("%(word)s (Japanese)")),
            (f"word_{variable.key}_en", variable.value_en, _("%(word)s (English)")),
        ):
            self.fields[name] = forms.CharField(
                label=str(label) % {"word": word_label(variable)},
                initial=value,
                max_length=200,
                required=False,
            )
        self.fields[f"word_{variable.key}"].help_text = str(_("Example: %(example)s")) % {
            "example": variable.example
        }

    def _add_flag(self, flag: Flag) -> None:
        default = value_label(flag, flag.default)
        self.fields[f"flag_{flag.key}"] = forms.ChoiceField(
            label=FLAG_LABELS.get(flag.key, flag.key),
            choices=[
                ("", str(_("As the guide says: %(value)s")) % {"value": default}),
                *((value, value_label(flag, value)) for value in flag.values),
            ],
            initial=flag.value,
            required=False,
            help_text=flag.note if flag.key not in FLAG_LABELS else "",
        )

    def clean_holidays_country(self) -> str:
        """Take only a country whose holidays are known."""
        country = str(self.cleaned_data["holidays_country"]).strip().upper()
        if country and country not in countries():
            raise forms.ValidationError(
                _("The holidays of this country are not known. Use two letters such as JP.")
            )
        return country

    @property
    def profile_fields(self) -> list[BoundField]:
        """Return the fields about the site itself."""
        return [self[name] for name in self.own]

    @property
    def flag_fields(self) -> list[BoundField]:
        """Return the fields of the switches."""
        return [self[f"flag_{flag.key}"] for flag in self.flags]

    @property
    def word_fields(self) -> list[WordFields]:
        """Return the fields of the words, two a word."""
        return [
            WordFields(
                label=word_label(variable),
                note=str(WORD_HELP.get(variable.key, "")),
                is_example=variable.is_example,
                japanese=self[f"word_{variable.key}"],
                english=self[f"word_{variable.key}_en"],
            )
            for variable in self.variables
        ]

    def profile_values(self) -> ProfileValues:
        """Return what was decided about the site itself."""
        return ProfileValues(**{name: self.cleaned_data[name] for name in self.own})

    def flag_values(self) -> dict[str, str]:
        """Return the chosen value of each switch; empty means the guide's own."""
        return {flag.key: self.cleaned_data[f"flag_{flag.key}"] for flag in self.flags}

    def word_values(self) -> dict[str, Word]:
        """Return the text of each word; empty means the example."""
        return {
            v.key: Word(
                value=self.cleaned_data[f"word_{v.key}"],
                value_en=self.cleaned_data[f"word_{v.key}_en"],
            )
            for v in self.variables
        }


class ReadingForm(forms.Form):
    """How somebody wants to read; what is not said stays as it was."""

    theme = forms.ChoiceField(choices=[(v, v) for v in ("system", *THEMES)], required=False)
    text = forms.ChoiceField(choices=[(v, v) for v in ("normal", *TEXT_SIZES)], required=False)
    ruby = forms.ChoiceField(choices=[(v, v) for v in ("off", *RUBY_GRADES)], required=False)

    def reading(self, before: Reading) -> Reading:
        """Return the new wishes over the old ones; unknown ones are passed over."""
        self.is_valid()
        said = self.cleaned_data
        theme, text, ruby = (said.get(name, "") for name in ("theme", "text", "ruby"))
        return Reading(
            theme={"": before.theme, "system": ""}.get(theme, theme),
            text={"": before.text, "normal": ""}.get(text, text),
            ruby={"": before.ruby, "off": ""}.get(ruby, ruby),
        )


# --- working time ----------------------------------------------------------------------------------

DAYS_MOST = 62


class HoursForm(forms.Form):
    """One weekly pattern."""

    name = forms.CharField(label=_("Name"), max_length=80)
    week = forms.CharField(
        label=_("Hours of the week"),
        max_length=300,
        help_text=_("Such as 8:30-12:00,13:00-17:15 or Mon-Sat 7:00-19:00."),
    )
    counts_days = forms.BooleanField(
        label=_("People work in shifts: silence is counted in working days"), required=False
    )
    observes_holidays = forms.BooleanField(label=_("Closed on holidays"), required=False)
    closes_year_end = forms.BooleanField(
        label=_("Closed from 29 December to 3 January"), required=False
    )

    def __init__(self, *args: Any, others: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.others = others

    def clean_name(self) -> str:
        """Refuse a name that another pattern has."""
        name = str(self.cleaned_data["name"])
        if name in self.others:
            raise forms.ValidationError(_("There is another one of this name."))
        return name

    def clean_week(self) -> str:
        """Refuse hours that nobody could read."""
        week = str(self.cleaned_data["week"])
        try:
            if not any(parse_week(week)):
                raise forms.ValidationError(_("At least one day must have hours."))
        except ClockError as error:
            raise forms.ValidationError(
                _("These hours cannot be read. Write them like the example.")
            ) from error
        return week

    def values(self) -> HoursValues:
        """Return what was typed, as the action takes it."""
        return HoursValues(**self.cleaned_data)


class ClosedDaysForm(forms.Form):
    """A day on which a calendar is closed, or several in a row."""

    first = forms.DateField(
        label=_("Closed on"), widget=forms.DateInput(attrs={"type": "date"})
    )
    last = forms.DateField(
        label=_("until"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    reason = forms.CharField(label=_("Reason"), max_length=80, required=False)
    everywhere = forms.BooleanField(label=_("All calendars"), required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse days that end before they begin, and years by mistake."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and not first <= last < first + timedelta(days=DAYS_MOST):
            self.add_error("last", _("Choose a day after the first, within two months."))
        return cleaned

    def days(self) -> list[date]:
        """Return the days from the first to the last."""
        first = self.cleaned_data["first"]
        last = self.cleaned_data["last"] or first
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]


class PlaceHoursForm(forms.Form):
    """Which pattern a place follows."""

    hours = forms.ModelChoiceField(
        label=_("Hours"), queryset=WorkingHours.objects.none(), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["hours"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = WorkingHours.objects.order_by("name")
            field.empty_label = _("As the organisation")


class LeaveForm(forms.Form):
    """From when until when somebody is away."""

    leave_from_on = forms.DateField(
        label=_("Away from"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    leave_to_on = forms.DateField(
        label=_("until (empty: not known yet)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse leave without a beginning, or that ends before it begins."""
        cleaned = super().clean() or {}
        begins, ends = cleaned.get("leave_from_on"), cleaned.get("leave_to_on")
        if ends and (begins is None or ends < begins):
            self.add_error("leave_to_on", _("Choose a first day, and a last day after it."))
        return cleaned
