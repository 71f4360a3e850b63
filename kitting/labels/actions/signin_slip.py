"""Draw the slip with which somebody without mail signs in, once."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from accounts.rules import slip_shown
from kitting.labels.actions import check_site
from kitting.labels.drawing import font_of
from kitting.labels.sheets import A4, MM, Face
from kitting.lib.later import Later

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

    from kitting.site.models import SiteProfile

qrcode = Later("qrcode")
pdfgen = Later("reportlab.pdfgen.canvas")

_WIDTH, _HEIGHT = A4[0] * MM, A4[1] * MM
_EDGE = 20 * MM
_QR = 42 * MM
_QUIET = 4  # modules
_NAME_MOST = 34  # letters in one line


@dataclass(frozen=True)
class SlipSheet:
    """What stands on one slip; the secret stands nowhere else."""

    name: str
    department: str
    secret: str
    scheme: str
    address: str
    until: str


def print_slip(*, sheet: SlipSheet, language: str, profile: SiteProfile) -> bytes:
    """Return one slip as PDF, on the upper half of a page. Raises `LabelError`."""
    check_site(profile)
    file = BytesIO()
    canvas: Canvas = pdfgen.Canvas(
        file,
        pagesize=(_WIDTH, _HEIGHT),
        pageCompression=1,
        lang=language,
        initialFontName=font_of(Face.REGULAR).fontName,
    )
    canvas.setTitle(gettext("Sign-in slip"))
    canvas.setCreator("Kitto")
    _draw(canvas, sheet)
    if profile.demo_seeded_at is not None:
        _line(canvas, gettext("Sample"), _HEIGHT / 2 + 12 * MM, size=24, face=Face.BOLD)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _draw(canvas: Canvas, sheet: SlipSheet) -> None:
    top = _HEIGHT - _EDGE
    _line(canvas, gettext("Sign-in slip"), top - 20, size=20, face=Face.BOLD)
    _line(canvas, sheet.name[:_NAME_MOST], top - 48, size=16)
    _line(canvas, sheet.department[:_NAME_MOST], top - 66, size=11)
    steps = (
        gettext("1. Open this address: %(address)s") % {"address": sheet.address},
        gettext("2. Type this code. Small or capital letters, with or without spaces."),
    )
    for place, step in enumerate(steps):
        _line(canvas, step, top - 110 - 20 * place, size=11)
    _line(canvas, slip_shown(sheet.secret), top - 166, size=19, face=Face.MONO)
    for place, sentence in enumerate(
        (
            gettext("It works once, until %(until)s.") % {"until": sheet.until},
            gettext("Give it to nobody else. When it is lost, tell IT: it can be stopped."),
            gettext("A phone reads this instead of typing:"),
        )
    ):
        _line(canvas, sentence, top - 200 - 18 * place, size=10.5)
    _code(canvas, f"{sheet.scheme}://{sheet.address}#{sheet.secret}", top - 250)
    canvas.setDash(3, 3)
    canvas.line(_EDGE, _HEIGHT / 2, _WIDTH - _EDGE, _HEIGHT / 2)


def _line(
    canvas: Canvas, text: str, y: float, *, size: float, face: Face = Face.REGULAR
) -> None:
    canvas.setFont(font_of(face).fontName, size)
    canvas.drawString(_EDGE, y, text)


def _code(canvas: Canvas, address: str, top: float) -> None:
    """Draw the address with its secret; unlike labels nothing of it is kept in memory."""
    made = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=_QUIET)
    made.add_data(address)
    made.make(fit=True)
    rows = made.get_matrix()
    module = _QR / len(rows)
    for y, row in enumerate(rows):
        for x, is_dark in enumerate(row):
            if is_dark:
                canvas.rect(
                    _EDGE + x * module,
                    top - (y + 1) * module,
                    module + 0.02,
                    module + 0.02,
                    stroke=0,
                    fill=1,
                )
