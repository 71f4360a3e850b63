"""What an address asks of the board, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django import forms
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from kitting.dashboard.queries import Filters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kitting.dashboard.queries import Choices
    from kitting.guides.models import Edition

WORD_MOST = 80
BY_BUREAU = "bureau"


class FiltersForm(forms.Form):
    """What the board is narrowed by; what nobody offers is taken as not asked for."""

    wave = forms.TypedChoiceField(label=_("Wave"), coerce=int, empty_value=None, required=False)
    bureau = forms.TypedChoiceField(
        label=_("Bureau"), coerce=int, empty_value=None, required=False
    )
    department = forms.TypedChoiceField(
        label=_("Department"), coerce=int, empty_value=None, required=False
    )
    edition = forms.TypedChoiceField(
        label=_("Edition of the guide"), coerce=int, empty_value=None, required=False
    )
    model = forms.TypedChoiceField(label=_("Device model"), empty_value="", required=False)
    employment = forms.TypedChoiceField(label=_("Employment"), empty_value="", required=False)
    by = forms.ChoiceField(
        label=_("Rows"),
        choices=[("", _("Departments")), (BY_BUREAU, _("Bureaus"))],
        required=False,
    )

    def __init__(self, data: Mapping[str, str], *, choices: Choices) -> None:
        super().__init__(data, auto_id="filter_%s")
        self._offer("wave", choices.waves)
        self._offer("bureau", choices.bureaus)
        self._offer("department", choices.departments)
        self._offer("edition", choices.editions)
        self._offer("model", choices.models)
        self._offer("employment", choices.employments)
        if not choices.departments:
            del self.fields["by"]

    def _offer(self, name: str, pairs: Sequence[tuple[object, str]]) -> None:
        """Offer what there is; a filter with one value or none narrows nothing."""
        if len(pairs) < 2:  # noqa: PLR2004  # one value is no choice
            del self.fields[name]
            return
        field = cast("forms.ChoiceField", self.fields[name])
        field.choices = [("", _("All")), *pairs]

    def filters(self) -> Filters:
        """Return what is asked for, as far as it is offered."""
        self.is_valid()
        asked = {
            name: self.cleaned_data[name]
            for name in Filters.__dataclass_fields__
            if self.cleaned_data.get(name)
        }
        return Filters(**asked)

    @property
    def by_bureau(self) -> bool:
        """Tell whether bureaus are compared instead of departments."""
        return self.cleaned_data.get("by") == BY_BUREAU

    @property
    def chosen(self) -> list[tuple[str, str, str]]:
        """Return the filters in force: label, value in words, and the address without it."""
        found = []
        for name in Filters.__dataclass_fields__:
            value = self.cleaned_data.get(name)
            if value:
                named = dict(self.fields[name].choices)  # type: ignore[attr-defined]  # a choice field
                words = named.get(value) or named.get(str(value)) or str(value)
                found.append(
                    (str(self.fields[name].label), str(words), self.query_without(name))
                )
        return found

    def query_without(self, name: str) -> str:
        """Return the query of an address without one filter."""
        words = {key: value for key, value in self.words.items() if key != name}
        return urlencode(words)

    @property
    def words(self) -> dict[str, str]:
        """Return what is asked for as it stands in an address."""
        words = self.filters().words
        return {**words, "by": BY_BUREAU} if self.by_bureau else words

    @property
    def query(self) -> str:
        """Return the query of an address that asks for the same."""
        return urlencode(self.words)


class EditionsForm(forms.Form):
    """Which edition of the guide is looked at, and which one beside it."""

    edition = forms.TypedChoiceField(
        label=_("Edition of the guide"), coerce=int, empty_value=None, required=False
    )
    beside = forms.TypedChoiceField(
        label=_("Beside it"), coerce=int, empty_value=None, required=False
    )

    def __init__(self, data: Mapping[str, str], *, editions: Sequence[Edition]) -> None:
        super().__init__(data, auto_id="pick_%s")
        pairs = [(edition.pk, str(edition.number)) for edition in editions]
        cast("forms.ChoiceField", self.fields["edition"]).choices = pairs
        cast("forms.ChoiceField", self.fields["beside"]).choices = [("", _("None")), *pairs]

    def chosen(self, editions: Sequence[Edition]) -> list[Edition]:
        """Return the editions to show: the newest unless told, and the other one if asked for."""
        self.is_valid()
        rows = {edition.pk: edition for edition in editions}
        first = self.cleaned_data.get("edition") or next(iter(rows), None)
        keys = [first, self.cleaned_data.get("beside")]
        return [rows[key] for key in dict.fromkeys(keys) if key in rows]
