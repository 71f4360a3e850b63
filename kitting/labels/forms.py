"""What people want printed, and what is wrong with it in plain words."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Department, Place
from kitting.labels import drawing
from kitting.labels.actions.orders import Wish
from kitting.labels.queries import (
    Chosen,
    Order,
    UnknownNameError,
    Why,
    batch_codes,
    batches,
    cartons,
    find_named,
    own_papers,
    papers_for,
    printers,
    with_below,
)
from kitting.labels.rules import AddressFault, Fault, faults, holds, near, sheets_for
from kitting.labels.sheets import A4, CROSS, RULER, USUAL, Kind, Sheet, Tape
from kitting.lib.codes import CodeError, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHOWN = 20  # lines of a long list of what is wrong
NAMES_MOST = 5000
CODES_MOST = 3000
BOTH = "both"
_BETWEEN = re.compile(r"[\s,;、，]+")
_WHY = {
    Why.UNKNOWN: gettext_lazy("Nothing is known under these: %(names)s"),
    Why.NO_CODE: gettext_lazy("These have no box code: %(names)s"),
    Why.GONE: gettext_lazy("These devices are retired: %(names)s"),
    Why.OLD_LABEL: gettext_lazy("These labels are no longer used: %(names)s"),
}


class ChosenForm(forms.Form):
    """Which boxes, and in which order their labels come out."""

    place = forms.ChoiceField(label=gettext_lazy("Place"), required=False)
    department = forms.ChoiceField(
        label=gettext_lazy("Department (with all below it)"), required=False
    )
    carton = forms.ChoiceField(label=gettext_lazy("Delivery carton"), required=False)
    batch = forms.ChoiceField(label=gettext_lazy("Codes without a device"), required=False)
    names = forms.CharField(
        label=gettext_lazy("Or a list of boxes"),
        help_text=gettext_lazy(
            "Asset tags, serial numbers or box codes, as you copy them from a table. "
            "Only these are printed."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        required=False,
    )
    unprinted = forms.BooleanField(
        label=gettext_lazy("Only boxes whose label was not printed yet"), required=False
    )
    order = forms.ChoiceField(label=gettext_lazy("In the order of"), required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        """Offer what there is."""
        super().__init__(data, **kwargs)
        everything = ("", _("All"))
        self.departments = list(Department.objects.select_related("parent").order_by("pk"))
        self.batches = batches()
        choices = {
            "place": [(str(p.pk), p.name) for p in Place.objects.order_by("pk")],
            "department": [(str(d.pk), d.full_name) for d in self.departments],
            "carton": [(name, name) for name in cartons()],
        }
        for name, options in choices.items():
            self._choices(name, [everything, *options])
        self._choices("batch", [("", _("None")), *map(_batch_choice, self.batches)])
        self._choices(
            "order",
            [
                (Order.PLACE, _("place, department, asset tag")),
                (Order.DEPARTMENT, _("department, place, asset tag")),
                (Order.CARTON, _("delivery carton, asset tag")),
                (Order.LISTED, _("the list above")),
            ],
        )

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    def clean_names(self) -> list[str] | None:
        """Return the codes of the boxes in the list; what cannot be printed is named."""
        names = [n for n in _BETWEEN.split(self.cleaned_data["names"]) if n]
        if len(names) > NAMES_MOST:
            raise forms.ValidationError(
                _("At most %(count)s boxes at a time.") % {"count": f"{NAMES_MOST:,}"}
            )
        if not names:
            return None
        named = find_named(names)
        if named.wrong:
            raise forms.ValidationError(_wrong_names(named.wrong))
        return named.codes

    def chosen(self) -> Chosen:
        """Return which boxes are meant."""
        said = self.cleaned_data
        codes = said["names"]
        if codes is None and said["batch"]:
            codes = batch_codes(datetime.fromisoformat(said["batch"]))
        department = said["department"]
        return Chosen(
            departments=with_below({int(department)}, self.departments) if department else None,
            place=int(said["place"]) if said["place"] else None,
            carton=said["carton"],
            codes=codes,
            unprinted=said["unprinted"],
            order=Order(said["order"] or (Order.LISTED if said["names"] else Order.PLACE)),
        )


def _batch_choice(batch: Any) -> tuple[str, str]:
    at = date_format(localtime(batch.made_at), "SHORT_DATETIME_FORMAT")
    text = ngettext("%(at)s, %(n)s code", "%(at)s, %(n)s codes", batch.number)
    return batch.made_at.isoformat(), text % {"at": at, "n": f"{batch.number:,}"}


def _wrong_names(wrong: Mapping[str, Why]) -> list[str]:
    sentences = []
    for why, sentence_of in _WHY.items():
        names = [name[:40] for name, reason in wrong.items() if reason == why]
        if not names:
            continue
        shown = ", ".join(names[:SHOWN])
        if len(names) > SHOWN:
            shown += " " + _("and %(count)s more") % {"count": len(names) - SHOWN}
        sentences.append(str(sentence_of) % {"names": shown})
    return sentences


class PaperFields(forms.Form):
    """On which paper, from which place on, by which printer."""

    kinds = forms.ChoiceField(
        label=gettext_lazy("Which labels"),
        choices=[
            (BOTH, gettext_lazy("Both: for the box, and a small one for the device")),
            (Kind.BOX, gettext_lazy("Only for the box")),
            (Kind.DEVICE, gettext_lazy("Only for the device")),
        ],
        initial=BOTH,
    )
    box_paper = forms.ChoiceField(label=gettext_lazy("Paper of the box labels"))
    box_start = forms.IntegerField(
        label=gettext_lazy("First free label of that sheet"), initial=1, min_value=1
    )
    device_paper = forms.ChoiceField(label=gettext_lazy("Paper of the device labels"))
    device_start = forms.IntegerField(
        label=gettext_lazy("First free label of that sheet"), initial=1, min_value=1
    )
    printer = forms.ChoiceField(label=gettext_lazy("Printer"), required=False)
    as_pictures = forms.BooleanField(
        label=gettext_lazy("For tape: pictures with the printer's exact dots (PNG in a ZIP)"),
        required=False,
    )
    with_names = forms.BooleanField(
        label=gettext_lazy("With the name of the person (on the box only)"), required=False
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, allows_names: bool, **kwargs: Any
    ) -> None:
        """Offer the papers that hold each kind, and the printers that were measured."""
        super().__init__(data, **kwargs)
        own = own_papers()
        for kind in Kind:
            papers = {paper.key: paper for paper in papers_for(kind, own)}
            field = self.fields[f"{kind}_paper"]
            if isinstance(field, forms.ChoiceField):
                field.choices = [(key, _paper_name(paper)) for key, paper in papers.items()]
                field.initial = USUAL[kind].key
        printer = self.fields["printer"]
        if isinstance(printer, forms.ChoiceField):
            names = printers()
            printer.choices = [("", _("As the makers say")), *((n, n) for n in names)]
        if not allows_names:
            del self.fields["with_names"]

    def wishes(self) -> list[Wish]:
        """Return the files that are wanted."""
        said = self.cleaned_data
        return [
            Wish(
                kind=kind,
                paper=said[f"{kind}_paper"],
                start=said[f"{kind}_start"],
                printer=said["printer"],
                as_pictures=said["as_pictures"],
                apart=bool(said.get("apart")),
            )
            for kind in Kind
            if said["kinds"] in (BOTH, kind)
        ]


def _paper_name(paper: Sheet | Tape) -> str:
    if isinstance(paper, Tape):
        return paper.name
    name = f"{paper.name} ({paper.examples})" if paper.examples else paper.name
    return _("%(name)s: measure it first") % {"name": name} if paper.is_unsure else name


class OrderForm(PaperFields, ChosenForm):
    """A printing of labels."""

    apart = forms.BooleanField(
        label=gettext_lazy("A new sheet for each place, so that piles need not be cut apart"),
        required=False,
    )


class OneForm(PaperFields):
    """A printing for one box."""

    new_code = forms.BooleanField(
        label=gettext_lazy("With a new box code: the old label is lost or can be misused"),
        help_text=gettext_lazy(
            "The old label then opens nothing. Whoever scans it is told to use the new one."
        ),
        required=False,
    )


class FindForm(forms.Form):
    """What is searched for a reprint."""

    q = forms.CharField(
        label=gettext_lazy("Asset tag, serial number, box code, staff number or name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class CodesForm(forms.Form):
    """How many codes to make before the devices are known."""

    count = forms.IntegerField(
        label=gettext_lazy("How many codes"), min_value=1, max_value=CODES_MOST, initial=100
    )


class BindForm(forms.Form):
    """A label and the device it is stuck on; scanned one after the other."""

    code = forms.CharField(
        label=gettext_lazy("Code of the label"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    device = forms.CharField(
        label=gettext_lazy("Serial number or asset tag of the device"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        required=False,
    )
    replace = forms.BooleanField(
        label=gettext_lazy("The device has a label already: replace it"), required=False
    )

    def clean_code(self) -> str:
        """Read the code however it comes."""
        return read_code(self.cleaned_data["code"])


def read_code(text: str) -> str:
    """Return a box code as stored; raises `ValidationError` in plain words."""
    try:
        return parse(text)
    except CodeError as error:
        raise forms.ValidationError(
            _("This is no box code. It has 8 characters, such as K7M3-9QXP.")
        ) from error


class ScanForm(forms.Form):
    """One scan of a box or a slip."""

    scan = forms.CharField(
        label=gettext_lazy("Scan the label of the box or the account slip"),
        max_length=200,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}
        ),
    )


def _millimetres(label: Any, low: float, high: float, **kwargs: Any) -> forms.DecimalField:
    step = {"step": "0.01"} if kwargs.pop("fine", False) else {"step": "0.1"}
    return forms.DecimalField(
        label=label,
        min_value=low,
        max_value=high,
        decimal_places=2 if step["step"] == "0.01" else 1,
        widget=forms.NumberInput(attrs=step),
        **kwargs,
    )


class PaperForm(forms.Form):
    """The measures of a paper that is not on the list."""

    name = forms.CharField(label=gettext_lazy("Name of the paper"), max_length=40)
    columns = forms.IntegerField(
        label=gettext_lazy("Labels side by side"), min_value=1, max_value=20
    )
    rows = forms.IntegerField(
        label=gettext_lazy("Labels one below the other"), min_value=1, max_value=40
    )
    label_width = _millimetres(gettext_lazy("Width of a label (mm)"), 1, 330, fine=True)
    label_height = _millimetres(gettext_lazy("Height of a label (mm)"), 1, 490, fine=True)
    left = _millimetres(
        gettext_lazy("From the left edge to the first label (mm)"), 0, 330, fine=True
    )
    top = _millimetres(
        gettext_lazy("From the upper edge to the first label (mm)"), 0, 490, fine=True
    )
    pitch_x = _millimetres(
        gettext_lazy("From a label to the next one on its right, left edge to left edge (mm)"),
        1,
        330,
        fine=True,
    )
    pitch_y = _millimetres(
        gettext_lazy("From a label to the next one below, upper edge to upper edge (mm)"),
        1,
        490,
        fine=True,
    )
    paper_width = _millimetres(
        gettext_lazy("Width of the paper (mm)"), 20, 330, fine=True, initial=A4[0]
    )
    paper_height = _millimetres(
        gettext_lazy("Height of the paper (mm)"), 20, 490, fine=True, initial=A4[1]
    )

    def sheet(self) -> Sheet:
        """Return the measures as a sheet."""
        said = self.cleaned_data
        paper = (float(said["paper_width"]), float(said["paper_height"]))
        return Sheet(
            key="own",
            columns=said["columns"],
            rows=said["rows"],
            label_width=float(said["label_width"]),
            label_height=float(said["label_height"]),
            left=float(said["left"]),
            top=float(said["top"]),
            pitch_x=float(said["pitch_x"]),
            pitch_y=float(said["pitch_y"]),
            paper=paper,
        )

    def clean(self) -> dict[str, Any]:
        """Refuse what cannot be: labels beside the paper, over each other, or too small."""
        said = super().clean() or {}
        if self.errors:
            return said
        sheet = self.sheet()
        found = faults(sheet)
        if Fault.OFF_PAPER in found:
            self.add_error(None, _("The labels do not fit on the paper. Measure once more."))
        if Fault.OVERLAP in found:
            self.add_error(None, _("The labels lie over each other. Measure once more."))
        if not holds(sheet, Kind.DEVICE):
            self.add_error(
                None, _("These labels are too small for a code that phones can read.")
            )
        return said

    def doubts(self) -> list[str]:
        """Return what is suspicious about good measures."""
        found = faults(self.sheet())
        said = {
            Fault.UNEVEN_SIDES: _(
                "The labels do not lie in the middle between left and right. Is that so?"
            ),
            Fault.UNEVEN_ENDS: _(
                "The labels do not lie in the middle between top and bottom. Is that so?"
            ),
        }
        return [text for fault, text in said.items() if fault in found]


class PrinterForm(forms.Form):
    """What somebody measured on the test page of a printer."""

    printer = forms.CharField(
        label=gettext_lazy("Name of the printer"),
        help_text=gettext_lazy("As your colleagues call it, with its tray if that matters."),
        max_length=40,
    )
    paper = forms.ChoiceField(label=gettext_lazy("Label paper"))
    cross_left = _millimetres(
        gettext_lazy("Cross: from the left edge of the paper (mm)"), 10, 30, initial=CROSS
    )
    cross_top = _millimetres(
        gettext_lazy("Cross: from the upper edge of the paper (mm)"), 10, 30, initial=CROSS
    )
    ruler_across = _millimetres(
        gettext_lazy("Length of the ruler from left to right (mm)"), 90, 110, initial=RULER
    )
    ruler_down = _millimetres(
        gettext_lazy("Length of the ruler from top to bottom (mm)"), 90, 110, initial=RULER
    )
    right = _millimetres(
        gettext_lazy("Labels still too far left: move to the right (mm)"), -5, 5, initial=0
    )
    down = _millimetres(gettext_lazy("Labels still too high: move down (mm)"), -5, 5, initial=0)

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        """Offer sheets only: tape needs no measuring."""
        super().__init__(data, **kwargs)
        own = own_papers()
        sheets = {
            paper.key: paper
            for kind in Kind
            for paper in papers_for(kind, own)
            if isinstance(paper, Sheet)
        }
        field = self.fields["paper"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(key, _paper_name(sheet)) for key, sheet in sheets.items()]

    def measures(self) -> dict[str, Any]:
        """Return what was measured, without printer and paper."""
        return {n: v for n, v in self.cleaned_data.items() if n not in {"printer", "paper"}}


# --- what is wrong -------------------------------------------------------------------------------


def sentence(error: Exception) -> str:
    """Say what is wrong with a printing, and what to do about it."""
    return next(say for kind, say in _SENTENCES.items() if isinstance(error, kind))(error)


def _unknown(error: UnknownNameError) -> str:
    sentence = _("Nothing is called %(name)s.") % {"name": error.name}
    if meant := near(error.name, error.names):
        sentence += " " + _("Did you mean: %(names)s?") % {"names": ", ".join(meant)}
    return sentence


def _address(error: drawing.AddressError) -> str:
    wishes = {
        AddressFault.LOCAL: _("Set SITE_URL to the address that people open on their phones."),
        AddressFault.PATH: _("Set SITE_URL to a host name without a path."),
        AddressFault.LETTERS: _("Write the host name of SITE_URL in ASCII (xn--…)."),
    }
    refusal = _("Labels with the address %(address)s would lead nowhere.")
    return f"{refusal % {'address': error.site_url}} {wishes[error.fault]}"


def _examples(error: drawing.ExamplesLeftError) -> str:
    return _("These words of the site are still examples, set them first: %(words)s") % {
        "words": ", ".join(error.words)
    }


def _too_small(error: drawing.SheetTooSmallError) -> str:
    return _(
        "This label cannot be read on %(paper)s. Sheets that are large enough: %(sheets)s"
    ) % {
        "paper": error.sheet.name,
        "sheets": ", ".join(sheet.key for sheet in sheets_for(error.kind)),
    }


def _start(error: drawing.StartOutsideError) -> str:
    return _("The sheet has places 1 to %(count)s.") % {"count": error.count}


def _too_long(error: drawing.AddressTooLongError) -> str:
    return _("The address %(address)s is too long for a code that phones can read.") % {
        "address": error.address
    }


def _glyphs(error: drawing.MissingGlyphError) -> str:
    lines = [
        f"{owner or '-'}: {', '.join(map(_named, characters))}"
        for owner, characters in error.found.items()
    ]
    if len(lines) > SHOWN:
        lines[SHOWN:] = [_("and %(count)s more") % {"count": len(lines) - SHOWN}]
    head = _("The font of the labels lacks these characters. Write them in another way:")
    return "\n".join([head, *lines])


def _named(text: str) -> str:
    return f"{text} ({' '.join(f'U+{ord(character):04X}' for character in text)})"


def _unwritten(error: OSError) -> str:
    return _("The file cannot be written: %(reason)s") % {"reason": error}


def _nothing(_error: drawing.NothingToPrintError) -> str:
    return _("No box with a code was found, so there is nothing to print.")


_SENTENCES: dict[type[Exception], Callable[[Any], str]] = {
    UnknownNameError: _unknown,
    drawing.NothingToPrintError: _nothing,
    drawing.AddressError: _address,
    drawing.ExamplesLeftError: _examples,
    drawing.SheetTooSmallError: _too_small,
    drawing.StartOutsideError: _start,
    drawing.AddressTooLongError: _too_long,
    drawing.MissingGlyphError: _glyphs,
    OSError: _unwritten,
}
