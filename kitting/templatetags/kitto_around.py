"""What lies around a set-up, on the pages of a journey: journeys know nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils import translation

from kitting.around.models import Answer
from kitting.around.queries import book_of, returned
from kitting.around.states import Occasion
from kitting.guides.queries.pages import completion, return_list, rules_of_use

if TYPE_CHECKING:
    from kitting.journeys.models import Journey

register = template.Library()


@register.inclusion_tag("around/_last_things.html")
def last_things(journey: Journey) -> dict[str, object]:
    """Show what is left and what one may read once the device can be used (three queries)."""
    book = book_of(journey)
    if book is None:
        return {"journey": journey}
    language = _language()
    checklist = return_list(book.edition_id, book.flags, {}, language)
    rules = rules_of_use(book.edition_id, book.flags, {}, language)
    found = returned(journey, version=rules.version if rules else "")
    return {
        "journey": journey,
        "has_returns": bool(checklist.items),
        "is_returned": found.old_pc is not None and (rules is None or bool(found.accepted)),
        "has_survey": bool(completion(book.edition_id, {}, language).survey),
        "answered": Answer.objects.filter(journey=journey, occasion=Occasion.END).exists(),
    }


def _language() -> str:
    return translation.get_language() or "ja"
