"""A photo with a question: who may see it, what is refused, and when it goes."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from kitting.escalation import actions
from kitting.escalation.models import Ticket, TicketEntry, TicketPhoto
from kitting.escalation.queries import person
from kitting.journeys.queries import BOX_KEY
from kitting.site.middleware import BODY_BYTES_MOST, FILE_BYTES_MOST
from tests.escalation.town import Town, at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.http import HttpResponse
    from pytest_django.fixtures import Settings

    from accounts.models import User
    from kitting.journeys.models import Journey

pytestmark = pytest.mark.django_db

TEN = at("11-10 10:00")


@pytest.fixture(autouse=True)
def album(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A folder of this test's own."""
    folder = tmp_path / "photos"
    options = settings.STORAGES["photos"]["OPTIONS"] | {"location": folder}
    settings.STORAGES = settings.STORAGES | {
        "photos": {**settings.STORAGES["photos"], "OPTIONS": options}
    }
    return folder


@pytest.fixture
def journey(town: Town) -> Journey:
    return town.begun(town.person(), when=TEN)


def client_of(person: User | None = None, *, box: Journey | None = None) -> Client:
    client = Client(headers={"accept-language": "ja"})
    if person:
        client.force_login(person)
    if box:
        session = client.session
        session[BOX_KEY] = {"journey": box.pk, "epoch": box.box_epoch}
        session.save()
    return client


def snapshot(colour: str = "red") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(out, "PNG")
    return SimpleUploadedFile("../../etc/screen.php", out.getvalue(), "text/html")


def send(client: Client, journey: Journey, photo: Any, **fields: Any) -> HttpResponse:
    fields = {"choice": "other", "words": "白い画面", "photo": photo, **fields}
    return client.post(reverse("escalation:ask", args=[journey.pk]), fields)


def more(client: Client, ticket: Ticket, **fields: Any) -> HttpResponse:
    url = reverse("escalation:person_says", args=[ticket.journey_id, ticket.pk, "more"])
    return client.post(url, fields)


def own_url(photo: TicketPhoto) -> str:
    ticket = photo.entry.ticket
    return reverse("escalation:own_photo", args=[ticket.journey_id, ticket.pk, photo.pk])


def test_a_photo_goes_along_with_the_question_and_its_sender_sees_it(journey, album):
    client = client_of(box=journey)
    response = send(client, journey, snapshot())
    photo = TicketPhoto.objects.get()
    assert own_url(photo) in client.get(response.headers["Location"]).content.decode()
    shown = client.get(own_url(photo))
    assert Image.open(io.BytesIO(shown.content)).format == "JPEG"
    (kept,) = [path for path in album.rglob("*") if path.is_file()]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "screen" not in kept.name


def test_a_photo_can_be_nothing_but_a_photo_and_no_cache_keeps_it(town, journey):
    send(client_of(box=journey), journey, snapshot())
    photo = TicketPhoto.objects.get()
    url = reverse("escalation:photo", args=[photo.entry.ticket_id, photo.pk])
    headers = client_of(town.it).get(url).headers
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["Content-Disposition"].startswith("inline; filename=")
    assert {"private", "no-store"} <= set(headers["Cache-Control"].split(", "))


def test_who_may_see_the_ticket_sees_its_photo_and_nobody_else(town, journey):
    send(client_of(box=journey), journey, snapshot())
    photo = TicketPhoto.objects.get()
    url = reverse("escalation:photo", args=[photo.entry.ticket_id, photo.pk])
    other = town.begun(when=TEN)
    assert [client_of(who).get(url).status_code for who in (town.it, town.lead)] == [200, 200]
    assert client_of(town.nursery_lead).get(url).status_code == 404
    assert client_of(other.person).get(url).status_code == 404
    assert client_of().get(url).status_code == 302
    assert client_of(journey.person).get(own_url(photo)).status_code == 200
    for stranger in (client_of(), client_of(other.person), client_of(box=other)):
        assert stranger.get(own_url(photo)).status_code == 404
    page = client_of(town.it).get(reverse("escalation:ticket", args=[photo.entry.ticket_id]))
    assert url in page.content.decode()


def test_a_box_session_does_not_see_what_another_browser_sent(journey):
    send(client_of(journey.person), journey, snapshot())
    photo = TicketPhoto.objects.get()
    holder = client_of(box=journey)
    assert holder.get(own_url(photo)).status_code == 404
    page = reverse("escalation:answer", args=[journey.pk, photo.entry.ticket_id])
    assert own_url(photo) not in holder.get(page).content.decode()


def test_a_photo_of_another_ticket_is_not_shown_under_ones_own(town, journey):
    send(client_of(box=journey), journey, snapshot())
    photo = TicketPhoto.objects.get()
    other = town.begun(when=TEN)
    holder = client_of(box=other)
    send(holder, other, "")
    own = Ticket.objects.get(journey=other)
    url = reverse("escalation:own_photo", args=[other.pk, own.pk, photo.pk])
    assert holder.get(url).status_code == 404
    url = reverse("escalation:photo", args=[own.pk, photo.pk])
    assert client_of(town.it).get(url).status_code == 404


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"%PDF-1.7 not a photo", "JPEG"),
        (b"\x89PNG\r\n\x1a\n cut", "JPEG"),
        (b"x" * (FILE_BYTES_MOST + 1), "10 MB"),
        (b"x" * (FILE_BYTES_MOST * 2), "10 MB"),
    ],
    ids=["pdf", "cut", "large", "very large"],
)
def test_a_file_that_is_no_photo_is_refused_and_no_word_is_lost(journey, data, sentence):
    response = send(
        client_of(box=journey), journey, SimpleUploadedFile("a.jpg", data), wish="phone"
    )
    page = response.content.decode()
    assert response.status_code == 422
    assert "白い画面" in page
    assert 'value="phone" id="id_wish_1" checked' in " ".join(page.split())
    assert sentence in page
    assert not Ticket.objects.exists()


def test_a_body_no_page_could_have_sent_is_not_listened_to(journey):
    response = client_of(box=journey).generic(
        "POST",
        reverse("escalation:ask", args=[journey.pk]),
        b"--b--",
        content_type="multipart/form-data; boundary=b",
        CONTENT_LENGTH=str(BODY_BYTES_MOST + 1),
    )
    assert response.status_code == 400


def test_a_photo_alone_may_be_added_but_nothing_at_all_may_not(journey):
    client = client_of(box=journey)
    send(client, journey, "")
    ticket = Ticket.objects.get()
    assert more(client, ticket, words="").status_code == 422
    assert more(client, ticket, words="", photo=snapshot()).status_code == 302
    assert TicketPhoto.objects.get().entry.kind == "merged"


def test_one_press_that_arrives_twice_keeps_one_photo(journey):
    client = client_of(box=journey)
    send(client, journey, snapshot())
    send(client, journey, snapshot())
    assert TicketPhoto.objects.count() == 1
    send(client, journey, snapshot("blue"))
    assert TicketPhoto.objects.count() == 2


def test_a_question_takes_so_many_photos_and_words_still_arrive(journey):
    client = client_of(box=journey)
    for number in range(person.PHOTOS_A_TICKET):
        send(client, journey, snapshot(f"hsl({number * 50}, 90%, 50%)"))
    ticket = Ticket.objects.get()
    assert more(client, ticket, words="もう一枚", photo=snapshot()).status_code == 422
    assert more(client, ticket, words="ことばだけ").status_code == 302
    assert TicketPhoto.objects.count() == person.PHOTOS_A_TICKET
    assert TicketEntry.objects.filter(text="ことばだけ").exists()


def test_asking_anew_all_day_does_not_fill_the_album(journey, monkeypatch):
    monkeypatch.setattr(person, "PHOTOS_A_DAY", 2)
    client = client_of(box=journey)
    for number in range(3):
        send(client, journey, snapshot(f"hsl({number * 50}, 90%, 50%)"))
        ticket = Ticket.objects.order_by("-pk")[0]
        client.post(reverse("escalation:person_says", args=[journey.pk, ticket.pk, "cancel"]))
    assert TicketPhoto.objects.count() == 2


def test_photos_go_some_time_after_the_answer_and_with_their_ticket(
    town, journey, album, settings
):
    send(client_of(box=journey), journey, snapshot())
    ticket = Ticket.objects.get()
    now = datetime.now(tz=UTC) + timedelta(days=2)
    assert actions.forget_photos(now=now + timedelta(days=999)) == 0  # still open
    actions.resolve(ticket=ticket, by=town.it, words="", now=now)
    assert actions.forget_photos(now=now + timedelta(days=settings.PHOTO_DAYS - 1)) == 0
    assert actions.forget_photos(now=now + timedelta(days=settings.PHOTO_DAYS)) == 1
    assert not TicketPhoto.objects.exists()
    assert not [path for path in album.rglob("*") if path.is_file()]


def test_a_file_whose_ticket_is_gone_goes_too(journey, album):
    send(client_of(box=journey), journey, snapshot())
    Ticket.objects.all().delete()
    assert (
        actions.forget_photos(now=datetime.now(tz=UTC)) == 0
    )  # its row may be about to be written
    assert actions.forget_photos(now=datetime.now(tz=UTC) + timedelta(days=2)) == 1


def test_a_file_that_is_missing_is_a_page_that_is_missing(town, journey):
    send(client_of(box=journey), journey, snapshot())
    photo = TicketPhoto.objects.get()
    storages["photos"].delete(photo.name)
    url = reverse("escalation:photo", args=[photo.entry.ticket_id, photo.pk])
    assert client_of(town.it).get(url).status_code == 404
