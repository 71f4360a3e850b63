"""What the IT lead says about roles, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Department, Place
from accounts.roles import RoleValues
from accounts.states import Role

if TYPE_CHECKING:
    from datetime import date


class DepartmentField(forms.ModelChoiceField):  # type: ignore[type-arg]  # django-stubs' class takes no parameter at run time
    """A department, named with the one above it."""

    def label_from_instance(self, obj: Department) -> str:
        """Return the name as people know it."""
        return obj.full_name


class RoleForm(forms.Form):
    """One role: which, where (leads only), from when until when."""

    role = forms.ChoiceField(
        label=_("Role"),
        choices=[("", "—"), *Role.choices],
        error_messages={"required": _("Choose a role.")},
    )
    department = DepartmentField(
        label=_("Department (for a lead)"),
        queryset=Department.objects.none(),
        required=False,
        help_text=_("Sections below it are included."),
    )
    place = forms.ModelChoiceField(
        label=_("Place (for a lead)"), queryset=Place.objects.none(), required=False
    )
    is_deputy = forms.BooleanField(
        label=_("Deputy: is asked when the lead cannot be reached"), required=False
    )
    from_on = forms.DateField(
        label=_("First day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: from now on."),
    )
    to_on = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: until it is taken back."),
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        """Offer the departments and places there are today."""
        super().__init__(*args, **kwargs)
        self.today = today
        departments = Department.objects.filter(valid_to_on__isnull=True)
        self.fields["department"].queryset = departments.select_related(  # type: ignore[attr-defined]  # a model choice
            "parent"
        ).order_by("parent__name", "name")
        self.fields["place"].queryset = Place.objects.order_by("name")  # type: ignore[attr-defined]  # a model choice

    def clean(self) -> dict[str, Any]:
        """See that a lead has a scope, that nobody else has one, and that days are in order."""
        said = super().clean() or {}
        self._check_scope(said)
        begin, end = said.get("from_on"), said.get("to_on")
        if begin and end and end < begin:
            self.add_error("to_on", _("The last day comes before the first."))
        elif end and end < self.today:
            self.add_error("to_on", _("This day has passed."))
        return said

    def _check_scope(self, said: dict[str, Any]) -> None:
        has_scope = bool(said.get("department") or said.get("place"))
        if said.get("role") == Role.LEAD and not has_scope:
            self.add_error("department", _("Choose a department or a place."))
        elif said.get("role") != Role.LEAD:
            said["department"] = said["place"] = None
            said["is_deputy"] = False

    def values(self) -> RoleValues:
        """Return the role as it was said."""
        said = self.cleaned_data
        return RoleValues(
            role=Role(said["role"]),
            department=said["department"],
            place=said["place"],
            is_deputy=said["is_deputy"],
            from_on=said["from_on"],
            to_on=said["to_on"],
        )


class SlipForm(forms.Form):
    """What stands on a printed slip."""

    code = forms.CharField(
        label=_("Code on the slip"),
        max_length=80,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "data-slip": "",
            }
        ),
        error_messages={"required": _("Type the code that stands on the slip.")},
    )
