"""The fake is true to the description of Google's directory that ships with Google's own library."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient
import pytest

from kitting.directory.client import ACTIONS, DEVICE_MASK, IDS_MOST
from kitting.directory.rules import UPDATE_PENDING
from tests.directory import fake as fakes
from tests.directory.fake import METHODS, Method, a_device


@cache
def description() -> dict[str, Any]:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    found: dict[str, Any] = json.loads((folder / "admin.directory_v1.json").read_text("utf-8"))
    return found


def methods_in(resources: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for resource in resources.values():
        found |= {method["id"]: method for method in resource.get("methods", {}).values()}
        found |= methods_in(resource.get("resources", {}))
    return found


def described(method: Method) -> dict[str, Any]:
    found: dict[str, Any] = methods_in(description()["resources"])[method.id]
    return found


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.id.rpartition(".")[2])
def test_a_method_is_called_by_its_own_address_parameters_and_scopes(method):
    own = described(method)
    general = set(description()["parameters"])
    assert (own["httpMethod"], own["path"]) == (method.http, method.path)
    assert method.params <= {*own["parameters"], *general}
    assert set(own["scopes"]) == method.scopes


def test_a_page_holds_no_more_than_google_gives():
    most = described(METHODS[0])["parameters"]["maxResults"]
    assert most["format"] == "int32"
    assert "300" in most["description"]
    assert fakes.PAGE_MOST == 300


def test_the_list_can_be_ordered_as_the_client_asks():
    parameters = described(METHODS[0])["parameters"]
    assert "lastSync" in parameters["orderBy"]["enum"]
    assert "DESCENDING" in parameters["sortOrder"]["enum"]
    assert "FULL" in parameters["projection"]["enum"]


def test_a_device_of_the_fake_has_fields_of_a_device_only():
    schema = description()["schemas"]["ChromeOsDevice"]["properties"]
    assert a_device().keys() <= schema.keys()
    assert set(DEVICE_MASK.split(",")) <= schema.keys()
    assert fakes.WRITABLE.keys() <= schema.keys()
    assert "100" in schema["annotatedUser"]["description"]
    assert "200" in schema["annotatedLocation"]["description"]


def test_the_states_of_an_update_are_googles():
    schema = description()["schemas"]["OsUpdateStatus"]["properties"]["state"]
    assert set(UPDATE_PENDING) <= set(schema["enum"])


def test_a_change_of_status_is_shaped_as_described():
    schemas = description()["schemas"]
    request = schemas["BatchChangeChromeOsDeviceStatusRequest"]["properties"]
    actions = set(request["changeChromeOsDeviceStatusAction"]["enum"])
    assert set(ACTIONS.values()) == fakes.ACTIONS.keys()
    assert set(ACTIONS.values()) <= actions
    assert f"Maximum {IDS_MOST}" in request["deviceIds"]["description"]
    answer = schemas["BatchChangeChromeOsDeviceStatusResponse"]["properties"]
    result = schemas["ChangeChromeOsDeviceStatusResult"]["properties"]
    assert answer.keys() == {"changeChromeOsDeviceStatusResults"}
    assert result.keys() == {"deviceId", "error", "response"}
    status, said = fakes.FakeDirectory(devices={"a": a_device(deviceId="a")}).serve(
        METHODS[3],
        {},
        {},
        {
            "deviceIds": ["a", "b"],
            "changeChromeOsDeviceStatusAction": ACTIONS["disable"],
        },
    )
    assert status == 200
    assert said.keys() == answer.keys()
    for one in said["changeChromeOsDeviceStatusResults"]:
        assert one.keys() <= result.keys()
        assert one.get("error", {}).keys() <= schemas["Status"]["properties"].keys()


def test_a_list_is_shaped_as_described():
    schema = description()["schemas"]["ChromeOsDevices"]["properties"]
    city = fakes.FakeDirectory()
    city.put(*fakes.devices(range(301)))
    _status, first = city.serve(METHODS[0], {}, {"maxResults": "300"}, None)
    assert first.keys() <= schema.keys()
    assert (len(first["chromeosdevices"]), bool(first["nextPageToken"])) == (300, True)


def test_what_can_be_called_is_called_at_googles_own_address():
    assert description()["rootUrl"] == "https://admin.googleapis.com/"
