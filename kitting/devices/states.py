"""The words of devices and loans, and how a device moves through its life."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from collections.abc import Mapping


class DeviceState(TextChoices):
    """Where a device is in its life."""

    STOCK = "stock", _("in stock")
    LENT = "lent", _("lent")
    SPARE = "spare", _("lent as a spare")
    LOST = "lost", _("lost")
    FOUND = "found", _("found, to be looked at")
    REPAIR = "repair", _("in repair")
    RETURNING = "returning", _("to be returned")
    RETIRED = "retired", _("retired")


class LoanKind(TextChoices):
    """For whom a device is."""

    PERSONAL = "personal", _("for one person")
    SHARED = "shared", _("shared")
    SPARE = "spare", _("a spare, for one person")


class DeviceEventKind(TextChoices):
    """What can happen to a device."""

    RECEIVED = "received", pgettext_lazy("device", "arrived")
    NOT_RECEIVED = "not_received", pgettext_lazy("device", "arrival taken back")
    BOUND = "bound", pgettext_lazy("device", "meant for somebody")
    UNBOUND = "unbound", pgettext_lazy("device", "meant for nobody any more")
    HANDED_OUT = "handed_out", pgettext_lazy("device", "handed out")
    TAKEN_BACK = "taken_back", pgettext_lazy("device", "hand-out taken back")
    SWAPPED_IN = "swapped_in", pgettext_lazy("device", "came by an exchange")
    SWAPPED_OUT = "swapped_out", pgettext_lazy("device", "went by an exchange")
    LENT_SPARE = "lent_spare", pgettext_lazy("device", "lent as a spare")
    LOST = "lost", pgettext_lazy("device", "lost")
    FOUND = "found", pgettext_lazy("device", "found")
    CHECKED = "checked", pgettext_lazy("device", "looked at, back in stock")
    SENT_TO_REPAIR = "sent_to_repair", pgettext_lazy("device", "sent to be repaired")
    REPAIRED = "repaired", pgettext_lazy("device", "repaired")
    ASKED_BACK = "asked_back", pgettext_lazy("device", "asked back")
    RETURNED = "returned", pgettext_lazy("device", "given back")
    RETIRED = "retired", pgettext_lazy("device", "retired")
    RELABELLED = "relabelled", pgettext_lazy("device", "label replaced")


_S, _K = DeviceState, DeviceEventKind
IN_USE = (_S.STOCK, _S.LENT, _S.SPARE, _S.RETURNING)

# What happens, in which states it can, and the state after it (nothing: it stays as it is).
MOVES: Mapping[DeviceEventKind, tuple[tuple[DeviceState, ...], DeviceState | None]] = (
    MappingProxyType(
        {
            _K.RECEIVED: (IN_USE, None),
            _K.NOT_RECEIVED: (IN_USE, None),
            _K.BOUND: ((_S.STOCK,), _S.LENT),
            _K.UNBOUND: ((_S.LENT,), _S.STOCK),
            _K.HANDED_OUT: ((_S.STOCK, _S.LENT), _S.LENT),
            _K.TAKEN_BACK: ((_S.LENT,), None),
            _K.SWAPPED_IN: ((_S.STOCK,), _S.LENT),
            _K.SWAPPED_OUT: ((_S.LENT,), _S.STOCK),
            _K.LENT_SPARE: ((_S.STOCK,), _S.SPARE),
            _K.LOST: ((_S.STOCK, _S.LENT, _S.SPARE, _S.REPAIR, _S.RETURNING), _S.LOST),
            _K.FOUND: ((_S.LOST,), _S.FOUND),
            _K.CHECKED: ((_S.FOUND,), _S.STOCK),
            _K.SENT_TO_REPAIR: (
                (_S.STOCK, _S.LENT, _S.SPARE, _S.RETURNING, _S.FOUND),
                _S.REPAIR,
            ),
            _K.REPAIRED: ((_S.REPAIR,), _S.STOCK),
            _K.ASKED_BACK: ((_S.LENT, _S.SPARE), _S.RETURNING),
            _K.RETURNED: ((_S.LENT, _S.SPARE, _S.RETURNING), _S.STOCK),
            _K.RELABELLED: (tuple(_S), None),
            _K.RETIRED: ((_S.STOCK, _S.REPAIR, _S.FOUND, _S.LOST), _S.RETIRED),
        }
    )
)
