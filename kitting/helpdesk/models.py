"""What the desk keeps beside the tickets: answers used again, meeting links, who looks at what."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from kitting.escalation.models import Ticket


class SavedReply(models.Model):
    """An answer that is used again; names in braces are filled in from the ticket."""

    title = models.CharField(max_length=60, unique=True)
    text_ja = models.TextField(blank=True)
    text_en = models.TextField(blank=True)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(text_ja="") | ~Q(text_en=""), name="saved_reply_says_something"
            )
        ]

    def __str__(self) -> str:
        return self.title

    def text(self, language: str) -> str:
        """Return the words in a language, or in the other where only that was written."""
        first, second = (self.text_ja, self.text_en)
        if language != "ja":
            first, second = second, first
        return first or second


class Officer(models.Model):
    """What somebody of IT sets once for the own work."""

    person = models.OneToOneField(User, on_delete=models.CASCADE, related_name="officer")
    meeting_url = models.URLField(max_length=300, blank=True)

    def __str__(self) -> str:
        return str(self.person_id)


class Look(models.Model):
    """When somebody last had a ticket on the screen, so that two do not answer it at once."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="looks")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ticket", "person"], name="look_once_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.person_id}"
