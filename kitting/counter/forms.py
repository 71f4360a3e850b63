"""What is scanned or typed at the counter, and the sentences that answer it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from kitting.counter.actions import Typed
from kitting.counter.states import GOOD, NOTHING_NEW, Mode, Outcome
from kitting.devices.states import DeviceState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django_stubs_ext import StrPromise

    from kitting.counter.models import Scan

CLIENT = re.compile(r"[0-9a-f-]{16,40}")
SEQUENCE_MOST = 2_000_000_000

SENTENCES: Mapping[Outcome, StrPromise] = {
    Outcome.HANDED: _("Give the box to %(name)s."),
    Outcome.BOUND: _("The box is now kept for %(name)s. Give it to them."),
    Outcome.ARRIVED: _("The box is here."),
    Outcome.ALREADY: _("%(name)s got this box before. Nothing changed."),
    Outcome.HERE_BEFORE: _("It was noted before. Nothing changed."),
    Outcome.UNREADABLE: _("This is not a box code. Scan the label of the box again."),
    Outcome.UNKNOWN: _("No box has this code. Compare it with the label."),
    Outcome.OLD_LABEL: _("This label was replaced. Look for the newer one on the box."),
    Outcome.NO_DEVICE: _("This label is on no device yet. Put it aside for IT."),
    Outcome.LOST: _("This device is reported lost. Keep it here and call IT."),
    Outcome.FOUND: _("IT has to look at this device first. Put it aside."),
    Outcome.REPAIR: _("This device is in repair. Put it aside for IT."),
    Outcome.RETURNING: _("This device is to go back to IT. Put it aside."),
    Outcome.RETIRED: _("This device is not used any more. Put it aside."),
    Outcome.SPARE: _("This device is lent as a spare. Put it aside for IT."),
    Outcome.NO_PERSON: _("Scan or type the staff number."),
    Outcome.UNKNOWN_PERSON: _("Nobody has this staff number. Type it once more."),
    Outcome.LEFT: _("%(name)s works here no more. Do not hand out the box."),
    Outcome.OTHERS: _("This box is for %(kept)s, not for %(name)s."),
    Outcome.OTHER_DEPARTMENT: _(
        "This box is for %(kept)s (%(department)s). %(name)s belongs to %(own)s."
    ),
    Outcome.HELD: _("This box was handed out to %(kept)s before."),
    Outcome.HAS_ONE: _("%(name)s has another device already. Look for that box first."),
    Outcome.NO_DEPARTMENT: _("%(name)s has no department on the roll. Ask IT."),
    Outcome.NOT_YOURS: _("This box or person is not of your departments. Ask IT."),
}
CARTON_ARRIVED = ngettext_lazy("%(count)d box is here.", "%(count)d boxes are here.", "count")


def sentence(scan: Scan) -> str:
    """Say what came of a scan, to whoever stands at the counter."""
    if scan.outcome == Outcome.ARRIVED and scan.device_id is None:
        return CARTON_ARRIVED % {"count": scan.boxes}
    loan, person = scan.loan, scan.person
    kept_for = loan.person if loan else None
    words = {
        "name": person.name if person else "",
        "kept": kept_for.name if kept_for else (loan.department.name if loan else ""),
        "department": loan.department.name if loan else "",
        "own": person.department.name if person and person.department else "",
    }
    return str(SENTENCES[Outcome(scan.outcome)] % words)


def tone(scan: Scan) -> str:
    """Tell how an answer sounds: ok, same (nothing new) or ng."""
    if scan.outcome in GOOD:
        return "ok"
    return "same" if scan.outcome in NOTHING_NEW else "ng"


class ScanForm(forms.Form):
    """One scan: a box, a person, and which scan of which counter it is."""

    box = forms.CharField(
        label=_("Box"),
        max_length=200,
        help_text=_("Box code, the address on the label, or the asset tag."),
        error_messages={"required": _("Scan or type the box.")},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
            }
        ),
    )
    person = forms.CharField(
        label=_("Staff number"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    mode = forms.ChoiceField(choices=Mode, widget=forms.HiddenInput)
    client = forms.RegexField(regex=CLIENT, widget=forms.HiddenInput)
    sequence = forms.IntegerField(
        min_value=0, max_value=SEQUENCE_MOST, widget=forms.HiddenInput
    )
    scanned_at = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, *args: Any, mode: Mode, **kwargs: Any) -> None:
        """Ask for a person only where a box is handed to one."""
        super().__init__(*args, **kwargs)
        if mode == Mode.HAND_OUT and not self.is_bound:
            # Nobody may leave it out; without a script the box is sent first, alone.
            self.fields["person"].required = True
        if mode == Mode.ARRIVE:
            del self.fields["person"]
            self.fields["box"].help_text = _("Box code, asset tag, or the number of a carton.")

    def clean_scanned_at(self) -> datetime | None:
        """Return when it was scanned by the device's clock, where that can be read."""
        try:
            found = parse_datetime(self.cleaned_data["scanned_at"])
        except ValueError:
            return None
        return found if found is not None and is_aware(found) else None

    def typed(self) -> Typed:
        """Return the scan as the action takes it."""
        given = self.cleaned_data
        return Typed(
            client=given["client"],
            sequence=given["sequence"],
            box=given["box"],
            person=given.get("person", ""),
            mode=Mode(given["mode"]),
            as_kept="as_kept" in self.data,
            forced="forced" in self.data,
            scanned_at=given["scanned_at"],
        )


class DeedForm(forms.Form):
    """One thing that IT does with a device: why, and what else it needs."""

    why = forms.CharField(
        label=_("Why"),
        max_length=200,
        error_messages={"required": _("Write why in a few words.")},
    )
    seen = forms.ChoiceField(choices=DeviceState)
    other = forms.CharField(
        label=_("The other device (box code or asset tag)"),
        max_length=200,
        required=False,
        error_messages={"required": _("Scan or type the other device.")},
    )
    goes = forms.ChoiceField(
        label=_("The old one goes"),
        choices=[
            (DeviceState.STOCK, _("back in stock")),
            (DeviceState.REPAIR, _("to be repaired")),
            (DeviceState.RETURNING, _("is still with the person")),
        ],
        required=False,
    )
    person = forms.CharField(
        label=_("Staff number"),
        max_length=60,
        required=False,
        error_messages={"required": _("Type the staff number.")},
    )

    def __init__(self, *args: Any, verb: str, **kwargs: Any) -> None:
        """Ask for what this verb needs."""
        super().__init__(*args, **kwargs)
        self.verb = verb
        self.fields["other"].required = verb in ("swap", "spare")
        self.fields["person"].required = verb == "bind"

    @property
    def seen_state(self) -> DeviceState:
        """Return the state in which somebody saw the device."""
        return DeviceState(self.cleaned_data["seen"])

    def clean_goes(self) -> str:
        """Put an old device back in stock unless told otherwise."""
        return str(self.cleaned_data["goes"] or DeviceState.STOCK)
