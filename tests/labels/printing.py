"""Labels to print, and a reader for what was printed."""

from __future__ import annotations

from io import BytesIO
from random import Random

import pypdfium2
import zxingcpp

from kitting.labels.drawing import Printing, draw_sheets
from kitting.labels.sheets import USUAL, Kind, Label, Sheet, Wording
from kitting.lib.codes import make_code

WORDS = Wording(
    title="箱のラベル",
    headline="スマホで QR を読んで\nはじめてください",
    unreadable="QR が読めないとき %(host)s",
    no_phone="スマホがない人は 紙の案内を見てください",
    stuck="困ったら %(help)s",
    asset="管理番号",
    hint="困ったとき・\nひろったとき\nQR を読む",
    ruler="この線が 50 mm なら 倍率は 100% です",
)


def make_label(number: int = 1, **changes: str) -> Label:
    code = make_code(Random(number).choice)
    facts = {
        "url": f"HTTPS://KITTO.EXAMPLE.LG.JP/D/{code}",
        "code": code,
        "department": "こども未来部 第三保育所",
        "place": "第三保育所",
        "asset_tag": f"CB-{number:06d}",
        "help_line": "情報政策課 内線 1234",
        "host": "kitto.example.lg.jp",
    }
    return Label(**facts | changes)


def draw(
    labels: list[Label],
    kind: Kind = Kind.BOX,
    sheet: Sheet | None = None,
    words: Wording = WORDS,
    start: int = 1,
) -> bytes:
    output = BytesIO()
    printing = Printing(kind, sheet or USUAL[kind], output, start)
    draw_sheets(labels=labels, printing=printing, words=words)
    return output.getvalue()


def read_codes(pdf: bytes, dots_per_inch: int = 150) -> list[str]:
    """Every QR code of the rendered pages, as a phone would read them from paper."""
    found = []
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            picture = page.render(scale=dots_per_inch / 72, grayscale=True).to_pil()
            found += zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    return [barcode.text for barcode in found]


def read_text(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
