"""Two people with labels in their hands at the same moment."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from django.db import connections

from kitting.devices.actions.labels import (
    CodeNotFreeError,
    DeviceLabelledError,
    bind_code,
    make_codes,
)
from kitting.devices.models import BoxCode, Device
from tests.factories import NOW, DeviceFactory

CLIENTS = 10


def at_once(pairs: list[tuple[str, Device]]) -> list[str]:
    """Bind each pair in a thread with its own line to the database; return what each heard."""
    barrier, heard = Barrier(len(pairs)), [""] * len(pairs)

    def bind(number: int) -> None:
        code, device = pairs[number]
        barrier.wait(20)
        try:
            bind_code(code=code, device=device, now=NOW, replaces=False)
            heard[number] = "bound"
        except (CodeNotFreeError, DeviceLabelledError) as error:
            heard[number] = type(error).__name__
        finally:
            connections.close_all()

    threads = [Thread(target=bind, args=(number,)) for number in range(len(pairs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(heard)


@pytest.mark.django_db(transaction=True)
def test_one_label_goes_onto_one_of_many_devices():
    [code] = make_codes(count=1, now=NOW)
    devices = DeviceFactory.create_batch(CLIENTS, code=None)
    heard = at_once([(code, device) for device in devices])
    assert heard == ["CodeNotFreeError"] * (CLIENTS - 1) + ["bound"]
    assert list(Device.objects.exclude(code=None).values_list("code", flat=True)) == [code]


@pytest.mark.django_db(transaction=True)
def test_one_device_gets_one_of_many_labels_and_the_others_stay_free():
    codes = make_codes(count=CLIENTS, now=NOW)
    device = DeviceFactory.create(code=None)
    heard = at_once([(code, Device.objects.get(pk=device.pk)) for code in codes])
    assert heard == ["DeviceLabelledError"] * (CLIENTS - 1) + ["bound"]
    bound = BoxCode.objects.get(device=device)
    assert Device.objects.get(pk=device.pk).code == bound.code
    assert BoxCode.objects.filter(device=None, retired_at=None).count() == CLIENTS - 1
