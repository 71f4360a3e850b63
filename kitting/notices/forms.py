"""What the IT lead types about chat rooms and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from kitting.lib import outbound
from kitting.notices.models import Outlet
from kitting.notices.rules import SECRET_SHORTEST, is_known_chat
from kitting.notices.states import OutletEvent, OutletKind

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

URL_MAX, SECRET_MAX, LABEL_MAX = 800, 200, 60
WHY_NOT: dict[str, _StrPromise] = {
    "nonsense": _("This is not an address. It begins with https:// and has no spaces."),
    "scheme": _("The address must begin with https://."),
    "password": _(
        "Leave out the name and password before the @. The secret proves who we are."
    ),
    "unknown": _("Nobody knows this name. Look for a slip of the pen."),
    "private": _(
        "This leads into a private network, which this site does not allow. Whoever runs the "
        "server can allow it (WEBHOOK_PRIVATE_NETWORKS)."
    ),
}


class OutletForm(forms.Form):
    """A chat room or a program, and what it hears of; an empty address or secret keeps the old one."""

    label = forms.CharField(label=_("Name on this page"), max_length=LABEL_MAX)
    kind = forms.ChoiceField(
        label=_("What is it?"), choices=OutletKind, widget=forms.RadioSelect
    )
    url = forms.CharField(
        label=_("Address"),
        max_length=URL_MAX,
        error_messages={"required": _("Paste the address.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    secret = forms.CharField(
        label=_("Secret of the program"),
        max_length=SECRET_MAX,
        required=False,
        help_text=_(
            "For a program only: at least 20 letters that it knows too. They prove that a message is ours."
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    events = forms.MultipleChoiceField(
        label=_("What does it hear of?"),
        choices=OutletEvent,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )

    def __init__(self, *args: Any, outlet: Outlet | None = None, **kwargs: Any) -> None:
        if outlet is not None:
            known = {"label": outlet.label, "kind": outlet.kind, "events": outlet.events}
            kwargs.setdefault("initial", known)
        super().__init__(*args, **kwargs)
        self.outlet = outlet
        self.fields["url"].required = outlet is None
        self.fields["url"].help_text = (
            _("It is not shown again. Leave it empty to keep the one that is known.")
            if outlet
            else _("As the chat service shows it, or your program's. It is not shown again.")
        )

    def clean_label(self) -> str:
        """Refuse a name that another outlet has."""
        label = str(self.cleaned_data["label"]).strip()
        others = Outlet.objects.exclude(pk=self.outlet.pk if self.outlet else 0)
        if others.filter(label=label).exists():
            raise forms.ValidationError(_("Another one has this name."))
        return label

    def clean_url(self) -> str:
        """Return the address without what was pasted around it."""
        return str(self.cleaned_data["url"]).strip()

    def clean(self) -> dict[str, Any]:
        """Check address and secret against what the outlet is."""
        super().clean()
        kind = self.cleaned_data.get("kind")
        if kind and "url" in self.cleaned_data:
            self._check_address(kind)
        if kind == OutletKind.WEBHOOK and "secret" in self.cleaned_data:
            self._check_secret()
        return self.cleaned_data

    def _check_address(self, kind: str) -> None:
        url = self.cleaned_data["url"] or (self.outlet.url if self.outlet else "")
        if kind == OutletKind.CHAT:
            if not is_known_chat(url):
                self.add_error(
                    "url",
                    _(
                        "This is no chat service that Kitto knows: Google Chat, Microsoft Teams, "
                        "Slack, Discord, LINE, Telegram, Webex. For others, choose a program."
                    ),
                )
        elif why := outbound.why_not(url, near=settings.WEBHOOK_PRIVATE_NETWORKS):
            self.add_error("url", WHY_NOT[why])

    def _check_secret(self) -> None:
        secret = self.cleaned_data["secret"]
        if not secret and not (self.outlet and self.outlet.secret):
            self.add_error("secret", _("A program needs a secret."))
        elif secret and len(secret) < SECRET_SHORTEST:
            self.add_error("secret", _("Too short: at least 20 letters."))
