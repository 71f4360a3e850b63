"""What somebody looks for in the audit log."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.states import AuditKind

WHO_MOST = 80


class AuditForm(forms.Form):
    """Whose entries, of which kind, of which day; everything may be left empty."""

    who = forms.CharField(label=_("Name or staff number"), required=False, max_length=WHO_MOST)
    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=[("", _("Everything")), *AuditKind.choices],
    )
    on = forms.DateField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
