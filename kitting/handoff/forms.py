"""What people type to go on with another device."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kitting.handoff.rules import LENGTH, plain_code

LONGEST = 40


class CodeForm(forms.Form):
    """The code from the other screen."""

    code = forms.CharField(
        label=gettext_lazy("Code on the other screen"),
        help_text=gettext_lazy("8 digits, such as 1234-5678."),
        max_length=LONGEST,
        error_messages={"required": gettext_lazy("Type the 8 digits of the code.")},
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "off", "spellcheck": "false"}
        ),
    )

    def clean_code(self) -> str:
        """Return the digits as they are stored."""
        code = plain_code(self.cleaned_data["code"])
        if len(code) != LENGTH:
            raise ValidationError(_("Type the 8 digits of the code."), code="length")
        return code
