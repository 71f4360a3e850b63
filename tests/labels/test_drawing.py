from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from zipfile import ZipFile

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from kitting.labels.drawing import (
    AddressTooLongError,
    MissingGlyphError,
    Printing,
    SheetTooSmallError,
    StartOutsideError,
    canvas_for,
    draw_sheets,
    font_of,
)
from kitting.labels.drawing.ruler import draw_ruler
from kitting.labels.drawing.slips import draw_slips
from kitting.labels.drawing.tape import TapePrinting, draw_tape
from kitting.labels.models import Calibration
from kitting.labels.rules import missing_glyphs, on_tape, sheets_for
from kitting.labels.sheets import (
    MM,
    SHEETS,
    TAPES,
    USUAL,
    Face,
    Kind,
    RulerWords,
    Slip,
    SlipWords,
)
from tests.labels.printing import WORDS, draw, make_label, read_codes, read_text

LONG = {
    "department": "教育委員会事務局 学校教育課",
    "place": "第十八保育所支援センター",
    "help_line": "デジタル推進部 情報政策課 端末管理係 内線 12345",
    "asset_tag": "ASAHI-2026-CB-0001874",
}


def some_labels(count: int, **changes: str):
    return [make_label(number, **changes) for number in range(1, count + 1)]


@pytest.mark.parametrize("kind", Kind)
def test_every_code_of_the_printed_pages_is_read_back(kind):
    labels = some_labels(60)
    assert sorted(read_codes(draw(labels, kind))) == sorted(label.url for label in labels)


@pytest.mark.long
@pytest.mark.parametrize("kind", Kind)
def test_every_code_of_a_whole_city_is_read_back(kind):
    labels = some_labels(2650)
    assert sorted(read_codes(draw(labels, kind))) == sorted(label.url for label in labels)


@pytest.mark.parametrize(
    ("kind", "key"), [(kind, sheet.key) for kind in Kind for sheet in sheets_for(kind)]
)
def test_codes_are_read_on_every_sheet_that_holds_them_whatever_the_words(kind, key):
    sheet = SHEETS[key]
    labels = some_labels(sheet.count, **LONG)
    words = replace(WORDS, watermark="見本")
    found = read_codes(draw(labels, kind, sheet, words))
    assert sorted(found) == sorted(label.url for label in labels)


def test_a_used_sheet_is_filled_from_its_first_free_place():
    labels = some_labels(12)
    with pypdfium2.PdfDocument(draw(labels, start=12)) as document:
        counts = [page.get_textpage().get_text_range().count("はじめて") for page in document]
    assert counts == [1, 11]


def test_no_labels_make_no_file():
    assert draw([]) == b""


def test_texts_stay_texts():
    text = read_text(draw([make_label()]))
    assert "スマホで QR を読んで" in text
    assert "こども未来部 第三保育所" in text
    assert "kitto.example.lg.jp" in text
    assert "情報政策課 内線 1234" in text


def test_the_printer_is_asked_not_to_scale_and_the_file_names_itself():
    with pypdfium2.PdfDocument(pdf := draw([make_label()])) as document:
        assert document.get_metadata_value("Title").startswith("箱のラベル A4 12")
    assert b"/PrintScaling /None" in pdf


def test_all_fonts_are_embedded():
    pdf = draw([make_label()])
    assert pdf.count(b"/Type /FontDescriptor") == pdf.count(b"/FontFile2") == 3
    assert b"/Helvetica" not in pdf


def test_the_same_labels_make_the_same_file():
    assert draw(some_labels(3)) == draw(some_labels(3))


def test_a_character_the_font_lacks_is_named_before_anything_is_written():
    labels = [make_label(1), make_label(2, department="𠮷野分室")]
    output = BytesIO()
    with pytest.raises(MissingGlyphError) as caught:
        draw_sheets(
            labels=labels,
            printing=Printing(Kind.BOX, USUAL[Kind.BOX], output),
            words=WORDS,
        )
    assert caught.value.found == {"CB-000002": ("𠮷",)}
    assert output.getvalue() == b""


def test_rare_characters_of_names_and_places_are_in_the_font():
    assert draw([make_label(department="髙﨑邉邊栁桒 ①㈱㌔", place="Ōita Žižkov")])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"kind": Kind.BOX, "sheet": USUAL[Kind.DEVICE]}, SheetTooSmallError),
        ({"start": 0}, StartOutsideError),
        ({"start": 13}, StartOutsideError),
    ],
)
def test_what_cannot_be_printed_is_refused(changes, error):
    with pytest.raises(error):
        draw([make_label()], **changes)


def test_an_address_that_would_make_the_code_too_fine_is_refused():
    label = make_label(url="HTTPS://" + "A" * 70 + ".EXAMPLE.JP/D/K7M39QXP")
    with pytest.raises(AddressTooLongError):
        draw([label], Kind.DEVICE)


def test_a_name_stands_on_the_box_and_nowhere_else():
    label = make_label(person="髙﨑 花子")
    assert "髙﨑 花子" in read_text(draw([label]))
    assert "髙﨑" not in read_text(draw([label], Kind.DEVICE))


def corner_of(pdf: bytes) -> tuple[float, float]:
    """Where the first code begins on the page, in mm from the upper left corner."""
    with pypdfium2.PdfDocument(pdf) as document:
        picture = document[0].render(scale=300 / 72, grayscale=True).to_pil()
    [barcode] = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    corner = barcode.position.top_left
    return corner.x * 25.4 / 300, corner.y * 25.4 / 300


def test_what_a_printer_does_wrong_is_undone_in_the_file():
    measured = Calibration(cross_left="21.0", cross_top="19.5", right="0.2", down="0")
    output = BytesIO()
    printing = Printing(Kind.BOX, USUAL[Kind.BOX], output, correction=measured.correction)
    draw_sheets(labels=[make_label()], printing=printing, words=WORDS)
    moved, plain = corner_of(output.getvalue()), corner_of(draw([make_label()]))
    assert moved[0] - plain[0] == pytest.approx(-0.8, abs=0.1)
    assert moved[1] - plain[1] == pytest.approx(0.5, abs=0.1)


def test_a_printer_that_shrinks_is_answered_by_a_larger_file():
    """Printed at 98 %, from the upper left corner: the cross at 20 mm lands at 19.6 mm."""
    measured = Calibration(
        cross_left="19.6", cross_top="19.6", ruler_across="98", ruler_down="98"
    )
    undo = measured.correction
    for at in (0.0, 20.0, 150.0):
        assert (at * undo.scale_x + undo.right) * 0.98 == pytest.approx(at, abs=0.01)


# --- tape ----------------------------------------------------------------------------------------


def tape_file(labels, kind, key, *, as_pictures):
    output = BytesIO()
    printing = TapePrinting(kind, TAPES[key], output, as_pictures=as_pictures)
    draw_tape(labels=labels, printing=printing, words=WORDS)
    return output.getvalue()


ON_TAPE = [(kind, tape.key) for tape in TAPES.values() for kind in Kind if on_tape(tape, kind)]


@pytest.mark.parametrize(("kind", "key"), ON_TAPE)
def test_pictures_have_the_printers_dots_and_whole_dots_a_module(kind, key):
    tape, labels = TAPES[key], [make_label(number, **LONG) for number in (1, 2)]
    with ZipFile(BytesIO(tape_file(labels, kind, key, as_pictures=True))) as archive:
        pictures = [Image.open(BytesIO(archive.read(name))) for name in archive.namelist()]
    for label, picture in zip(labels, pictures, strict=True):
        assert (picture.mode, picture.width) == ("1", tape.dots)
        assert tape.length_dots in (0, picture.height)
        [barcode] = zxingcpp.read_barcodes(
            picture.convert("L"), formats=zxingcpp.BarcodeFormat.QRCode
        )
        assert barcode.text == label.url
        corners = barcode.position
        side = abs(corners.top_right.x - corners.top_left.x) or abs(
            corners.top_right.y - corners.top_left.y
        )
        dots = (side + 1) / 29
        assert dots >= 4
        assert dots == pytest.approx(round(dots), abs=0.05)


@pytest.mark.parametrize(("kind", "key"), ON_TAPE)
def test_pages_have_the_tapes_size_and_are_read_back(kind, key):
    labels = [make_label(number, **LONG) for number in (1, 2)]
    pdf = tape_file(labels, kind, key, as_pictures=False)
    assert read_codes(pdf, 300) == [label.url for label in labels]
    with pypdfium2.PdfDocument(pdf) as document:
        width, height = document[0].get_size()
    assert width == pytest.approx(TAPES[key].width * MM, abs=0.1)
    if TAPES[key].length:
        assert height == pytest.approx(TAPES[key].length * MM, abs=0.1)


def test_tape_that_is_too_narrow_for_a_label_is_refused():
    with pytest.raises(SheetTooSmallError):
        tape_file([make_label()], Kind.BOX, "ql-29x90", as_pictures=False)


# --- the test page, and slips --------------------------------------------------------------------


def test_the_test_page_says_what_to_set_and_asks_not_to_be_scaled():
    output = BytesIO()
    words = RulerWords(
        "ためし刷り", "倍率 100%・「ページに合わせる」オフ\n手差し", ("20 mm", "100 mm")
    )
    draw_ruler(sheet=USUAL[Kind.BOX], words=words, output=output)
    text = read_text(output.getvalue())
    assert "倍率 100%" in text
    assert "手差し" in text
    assert b"/PrintScaling /None" in output.getvalue()


def test_the_rulers_of_the_test_page_are_a_hundred_millimetres_long():
    output = BytesIO()
    words = RulerWords("ためし刷り", "倍率 100%", ())
    draw_ruler(sheet=USUAL[Kind.BOX], words=words, output=output)
    with pypdfium2.PdfDocument(output.getvalue()) as document:
        picture = document[0].render(scale=300 / 72, grayscale=True).to_pil()
    dark = picture.point(lambda grey: 255 if grey < 100 else 0)
    left = 30 * 300 // 25  # right of the ruler that runs from top to bottom
    rows = [dark.crop((left, y, dark.width, y + 1)).getbbox() for y in range(dark.height)]
    lengths = {round((row[2] - row[0]) * 25.4 / 300, 0) for row in rows if row}
    assert 100 in lengths


def slip_file(*slips: Slip) -> bytes:
    output = BytesIO()
    words = SlipWords(
        "アカウント票", "ID", "最初のパスワード", "手書き", "人に見せない", "票の番号"
    )
    draw_slips(slips=list(slips), words=words, output=output)
    return output.getvalue()


def make_slip(number: int, **changes: str) -> Slip:
    label = make_label(number)
    facts = {
        "url": label.url.replace("/D/", "/S/"),
        "code": label.code,
        "account": f"taro.{number}@asahi.example.jp",
        "person": "髙﨑 太郎",
        "department": "総務部 総務課",
        "help_line": "情報政策課 内線 1234",
    }
    return Slip(**facts | changes)


def test_slips_say_the_account_and_a_blank_and_are_read_back():
    slips = [make_slip(number) for number in range(1, 11)]
    pdf = slip_file(*slips)
    assert sorted(read_codes(pdf)) == sorted(slip.url for slip in slips)
    assert "taro.10@asahi.example.jp" in read_text(pdf)
    with pypdfium2.PdfDocument(pdf) as document:
        assert len(document) == 2


def test_a_long_account_is_made_smaller_and_never_cut():
    account = (
        "tokubetsu.kaikei.nendo.nin-yo.shokuin.001874@staff.city.asahi-shi.hokkaido.example.jp"
    )
    assert account in read_text(slip_file(make_slip(1, account=account))).replace("\r\n", "")


# --- rare characters, glyph by glyph -------------------------------------------------------------

RARE = "髙﨑邉邊栁桒德濵濱𡈽齋齊斎廣嵜塚神羽①㈱㌔々〆ヶゐゑ"
MISSING = "𠮷𠀋𩸽"
SELECTED = ("葛\U000e0100", "辻\U000e0101", "邊\ufe00")


def ink(text: str) -> bytes:
    output = BytesIO()
    canvas = canvas_for(output, (20.0, 20.0), "ja")
    canvas.setFont(font_of(Face.REGULAR).fontName, 40)
    canvas.drawString(8, 14, text)
    canvas.save()
    with pypdfium2.PdfDocument(output.getvalue()) as document:
        return bytes(document[0].render(scale=2, grayscale=True).to_pil().tobytes())


@pytest.mark.parametrize("character", [c for c in RARE if ord(c) < 0x20000])
def test_a_rare_character_is_drawn_as_itself(character):
    assert missing_glyphs(character, font_of(Face.REGULAR).face.charToGlyph) == ()
    assert ink(character) not in {ink(""), ink("\ufffe"), ink("〓")}
    assert character in read_text(draw([make_label(department=f"あ{character}い")]))


@pytest.mark.parametrize("text", [*MISSING, *SELECTED])
def test_what_cannot_be_drawn_is_named_whole_before_printing(text):
    with pytest.raises(MissingGlyphError) as caught:
        draw([make_label(3, department=f"{text}野分室")])
    assert caught.value.found == {"CB-000003": (text,)}


@pytest.mark.parametrize(
    ("one", "other"), [("髙", "高"), ("﨑", "崎"), ("邉", "邊"), ("齋", "斎"), ("濵", "浜")]
)
def test_a_rare_form_is_not_replaced_by_the_common_one(one, other):
    assert ink(one) != ink(other)


def test_all_faces_hold_the_same_characters():
    faces = [set(font_of(face).face.charToGlyph) for face in (Face.REGULAR, Face.BOLD)]
    assert faces[0] == faces[1]
