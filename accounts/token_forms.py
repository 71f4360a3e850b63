"""What a token is to be, checked."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.states import TokenKind, TokenScope
from accounts.tokens import TokenValues

DAYS = ((30, _("30 days")), (90, _("90 days")), (365, _("one year")))
LABEL = _("For what (such as: display in the hall)")


class LifeForm(forms.Form):
    """What a token is for, and how long it holds."""

    label = forms.CharField(
        label=LABEL,
        max_length=80,
        error_messages={"required": _("Write what it is for.")},
    )
    days = forms.TypedChoiceField(label=_("Holds for"), choices=DAYS, coerce=int, initial=90)


class TokenForm(LifeForm):
    """A token for a program or for a display; calendars get theirs on the page of their rollout."""

    kind = forms.ChoiceField(
        label=_("Opens"),
        choices=[(kind, kind.label) for kind in (TokenKind.API, TokenKind.WALL)],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what it opens.")},
    )
    scope = forms.ChoiceField(
        label=_("Sees (a display sees figures only)"),
        choices=TokenScope,
        initial=TokenScope.NUMBERS,
        required=False,
    )
    field_order = ("kind", "label", "scope", "days")

    def values(self) -> TokenValues:
        """Return the token as it was said."""
        said = self.cleaned_data
        kind = TokenKind(said["kind"])
        is_program = kind == TokenKind.API
        return TokenValues(
            kind=kind,
            label=said["label"],
            days=said["days"],
            scope=TokenScope(said["scope"] or TokenScope.NUMBERS)
            if is_program
            else TokenScope.NUMBERS,
        )
