from __future__ import annotations

import pytest

from kitting.labels.rules import faults, holds
from kitting.labels.sheets import SHEETS, USUAL, Kind, Sheet


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=lambda sheet: sheet.key)
def test_every_sheet_on_offer_fits_its_paper_and_is_centred(sheet: Sheet):
    assert faults(sheet) == frozenset()


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=lambda sheet: sheet.key)
def test_a_key_says_how_many_labels_of_which_size(sheet: Sheet):
    whole = f"{sheet.label_width:.0f}x{sheet.label_height:.0f}"
    exact = f"{sheet.label_width:g}x{sheet.label_height:g}"  # where another has the same in whole mm
    assert sheet.key in {f"a4-{sheet.count}-{whole}", f"a4-{sheet.count}-{exact}"}


def test_the_usual_sheets_hold_their_kind():
    assert all(holds(sheet, kind) for kind, sheet in USUAL.items())


def test_a_box_label_is_never_put_on_the_small_sheet():
    assert not holds(USUAL[Kind.DEVICE], Kind.BOX)
