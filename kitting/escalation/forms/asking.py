"""What people type when they ask for help, and what is said back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from django import forms
from django.utils.translation import gettext_lazy as _

from kitting.escalation.states import TicketKind, Wish
from kitting.lib import photos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.files.uploadedfile import UploadedFile
    from django.utils.functional import _StrPromise

WORDS_MAX = 2000
SEARCH_MAX = 80

# What may be reported on a box page before anybody has typed a number.
REPORTS = (TicketKind.HELP, TicketKind.WRONG_BOX, TicketKind.LOSS, TicketKind.FOUND)


def words_field(
    *, required: bool, label: _StrPromise, missing: _StrPromise | None = None
) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": missing} if missing else None,
    )


class PhotoField(forms.FileField):
    """A photo to send along, written anew on its way in; `full` where no more may be sent."""

    full = False
    widget = forms.FileInput(attrs={"accept": "image/*,.heic,.heif"})
    refused = {
        "large": _("This picture is larger than 10 MB. Your words are still here."),
        "unknown": _("Only pictures can be sent: JPEG, PNG, WebP or HEIC."),
        "points": _("This picture is too fine to be read. Take it again with fewer points."),
        "busy": _("Many pictures arrive just now. Choose yours again in a moment."),
        "broken": _("This picture cannot be read. Take it again, or send your words alone."),
        "full": _("That is enough pictures. Send your words alone."),
    }

    def __init__(self) -> None:
        super().__init__(
            label=_("A picture of the screen"),
            help_text=_(
                "Please leave out passwords and names. Only those who help you see it."
            ),
            required=False,
            max_length=255,
        )

    def clean(self, data: Any, initial: Any = None) -> photos.Photo | None:
        """Return the photo as it will be kept, if one was sent; there is never an `initial` one."""
        return self._taken_in(data) if data else initial

    def _taken_in(self, data: UploadedFile[Any]) -> photos.Photo:
        if self.full:
            self._refuse("full")
        if (data.size or 0) > photos.BYTES_MOST:
            self._refuse("large")
        try:
            return photos.take_in(data.read())
        except photos.PhotoError as error:
            self._refuse(error.why)

    def _refuse(self, why: str) -> NoReturn:
        raise forms.ValidationError(self.refused[why], code=why)


class AskForm(forms.Form):
    """Which trouble it is, own words, a picture, and how the answer should come."""

    choice = forms.ChoiceField(
        label=_("What is the trouble?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what is nearest.")},
    )
    words = words_field(required=False, label=_("What do you see?"))
    photo = PhotoField()
    wish = forms.ChoiceField(
        label=_("How would you like the answer?"),
        choices=Wish,
        widget=forms.RadioSelect,
        initial=Wish.SCREEN,
        required=False,
    )

    def __init__(
        self,
        *args: object,
        choices: Sequence[tuple[str, str]],
        full: bool = False,
        camera: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are
        _close_album(self, full=full)
        if camera:
            # Who came by the box holds a phone beside the Chromebook's screen.
            self.fields["photo"].widget.attrs |= {
                "accept": "image/*",
                "capture": "environment",
            }
        field = self.fields["choice"]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices
        # Where no guide says what may be wrong, own words are enough.
        field.required = bool(choices)

    def clean_wish(self) -> str:
        """Answer on the screen unless the person wishes otherwise."""
        return str(self.cleaned_data["wish"] or Wish.SCREEN)


class ReportForm(forms.Form):
    """Own words about a box, from whoever holds it."""

    words = words_field(required=False, label=_("What happened?"))


class WrongBoxForm(ReportForm):
    """A box that is not one's own, with one's own number: two who say it exchange their boxes."""

    staff_number = forms.CharField(
        label=_("Your own staff number"),
        max_length=20,
        required=False,
        help_text=_(
            "If the one who has your box says the same there, both boxes are exchanged by themselves."
        ),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class LossForm(forms.Form):
    """A loss as anybody tells it: who, and where to call back; nothing is looked up here."""

    staff_number = forms.CharField(
        label=_("Staff number"),
        max_length=20,
        error_messages={"required": _("Type your staff number.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    call_back = forms.CharField(
        label=_("A number where we can call you"),
        max_length=40,
        error_messages={"required": _("Type a number where we can call you.")},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
    )
    words = words_field(required=False, label=_("Where and when did you have it last?"))


class MoreForm(forms.Form):
    """What the person adds to an own question."""

    words = words_field(required=False, label=_("Anything to add?"))
    photo = PhotoField()

    def __init__(self, *args: object, full: bool = False, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are
        _close_album(self, full=full)

    def clean(self) -> None:
        """Ask for words where no picture says it."""
        given = self.cleaned_data
        if not given.get("words") and not given.get("photo") and "photo" not in self.errors:
            self.add_error("words", _("Write what you want to add."))


def _close_album(form: forms.Form, *, full: bool) -> None:
    field = form.fields["photo"]
    if isinstance(field, PhotoField):
        field.full = full


class ReplyForm(forms.Form):
    """An answer to the person."""

    words = words_field(required=True, label=_("Answer"), missing=_("Write a few words."))


class WordsForm(forms.Form):
    """Words that may be left out."""

    words = words_field(required=False, label=_("Words"))


class CallerForm(forms.Form):
    """Whom a call is about, in whatever the caller can say."""

    q = forms.CharField(
        label=_("Name, staff number, extension, asset tag or box code"),
        max_length=SEARCH_MAX,
        error_messages={"required": _("Type a name or a number.")},
    )


class CallForm(forms.Form):
    """What somebody said on the phone."""

    what = forms.ChoiceField(
        label=_("What is it about?"),
        widget=forms.RadioSelect,
        initial=TicketKind.HELP,
    )
    words = words_field(required=False, label=_("What did they say?"))

    def __init__(self, *args: object, has_device: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are
        field = self.fields["what"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [
                (TicketKind.HELP, _("Needs help")),
                *([(TicketKind.LOSS, _("Lost or stolen"))] if has_device else []),
            ]
