"""Fields of forms that several rooms use."""

from __future__ import annotations

from typing import Any

from django import forms

# Of the number of a row: no table counts further.
DIGITS_MOST = 18


class RowsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # takes no parameter at run time
    """Rows that are ticked; what is no number of a row is refused before a table is asked, which would fail."""

    def clean(self, value: Any) -> Any:
        """Look at every number first."""
        for one in value or ():
            if not (str(one).isascii() and str(one).isdecimal()) or len(str(one)) > DIGITS_MOST:
                raise forms.ValidationError(
                    self.error_messages["invalid_choice"],
                    code="invalid_choice",
                    params={"value": str(one)[:DIGITS_MOST]},
                )
        return super().clean(value)
