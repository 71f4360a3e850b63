from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import pytest

from kitting.labels.drawing import measure
from kitting.labels.rules import (
    AddressFault,
    Fault,
    Room,
    address_fault,
    dealt,
    faults,
    fixed_lines,
    frame,
    is_readable,
    matrix,
    missing_glyphs,
    near,
    own_lines,
    pages,
    position,
    printable,
    sheets_for,
)
from kitting.labels.sheets import DESIGNS, MM, SHEETS, USUAL, Kind, Label, Line
from tests.labels.printing import WORDS, make_label

BOX = USUAL[Kind.BOX]


def room_on(kind: Kind) -> Room:
    edge = {Kind.BOX: 3.0, Kind.DEVICE: 1.5}[kind]
    return Room(frame(USUAL[kind], kind).width - edge * MM, measure)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"columns": 3}, Fault.OFF_PAPER),
        ({"rows": 7}, Fault.OFF_PAPER),
        ({"pitch_x": 80.0, "left": 21.8}, Fault.OVERLAP),
        ({"left": 17.0}, Fault.UNEVEN_SIDES),
        ({"top": 19.0}, Fault.UNEVEN_ENDS),
        ({"rows": 0}, Fault.EMPTY),
    ],
)
def test_wrong_measures_are_found(changes, fault):
    assert fault in faults(replace(BOX, **changes))


def test_labels_run_row_by_row():
    places = [position(BOX, number) for number in (0, 1, 2, 11)]
    assert [(round(p.left, 1), round(p.top, 1)) for p in places] == [
        (18.6, 21.5),
        (105.0, 21.5),
        (18.6, 63.8),
        (105.0, 233.0),
    ]


def test_a_sheet_in_second_use_begins_at_its_first_free_place():
    assert position(BOX, 0, start=4) == position(BOX, 3)
    assert position(BOX, 9, start=4).page == 2


@pytest.mark.parametrize(
    ("labels", "start", "expected"),
    [(0, 1, 0), (12, 1, 1), (13, 1, 2), (12, 2, 2), (2650, 1, 221)],
)
def test_sheets_are_counted(labels, start, expected):
    assert pages(BOX, labels, start) == expected
    assert len(dealt(BOX, ["本庁舎"] * labels, start)) == expected


def test_each_place_begins_a_new_sheet_where_that_is_wanted():
    heads = ["本庁舎"] * 14 + ["東庁舎"] * 12 + ["西庁舎"]
    assert [tuple(part) for part in dealt(BOX, heads, 3)] == [
        (0, 10, 2),
        (10, 12, 0),
        (22, 5, 0),
    ]
    assert [tuple(part) for part in dealt(BOX, heads, 3, apart=True)] == [
        (0, 10, 2),
        (10, 4, 0),
        (14, 12, 0),
        (26, 1, 0),
    ]


@pytest.mark.parametrize("kind", Kind)
def test_larger_labels_show_the_design_larger_and_inside(kind):
    for sheet in sheets_for(kind):
        fitted = frame(sheet, kind)
        assert fitted.scale >= 1
        assert fitted.width >= DESIGNS[kind].width * MM
        assert fitted.width * fitted.scale <= sheet.label_width * MM + 0.01
        assert DESIGNS[kind].height * fitted.scale <= sheet.label_height + 0.01


def test_the_usual_sheet_is_offered_first():
    assert sheets_for(Kind.BOX)[0] == BOX
    assert SHEETS["a4-24-66x34"] not in sheets_for(Kind.BOX)


def test_an_address_in_capitals_takes_a_small_code():
    assert len(matrix(make_label().url)) == 29


def test_an_address_that_is_not_in_capitals_is_refused():
    with pytest.raises(ValueError, match="mode"):
        matrix("https://kitto.example.lg.jp/d/K7M39QXP")


def test_only_codes_with_modules_of_half_a_millimetre_count_as_readable():
    assert is_readable(Kind.DEVICE, 33)
    assert not is_readable(Kind.DEVICE, 41)
    assert is_readable(Kind.BOX, 41)


def test_what_the_font_lacks_is_named_once_with_its_selector():
    known = {ord(character) for character in "野家葛"}
    assert missing_glyphs("𠮷野家𠮷", known) == ("𠮷",)
    assert missing_glyphs("葛\U000e0100", known) == ("葛\U000e0100",)
    assert missing_glyphs("野家", known) == ()


def test_kana_are_printed_in_one_piece_and_rare_characters_stay_as_they_are():
    assert printable(" か\u3099く　し\n") == "がく し"
    assert printable("\ufa19") == "\ufa19"  # normalising would make it the common character


@dataclass(frozen=True)
class Block:
    """Ink of a line or a code, in points from the upper left corner of the design."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def touches(self, other: Block) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def blocks(kind: Kind, label: Label) -> list[Block]:
    room = room_on(kind)
    lines = [*own_lines(kind, label, WORDS, room), *fixed_lines(kind, label, WORDS, room)]
    left, top, side = (edge * MM for edge in DESIGNS[kind].qr)
    return [
        Block("QR with its quiet zone", left, top, left + side, top + side),
        *(
            # capitals and kanji end about 0.78 above and 0.1 below the baseline
            Block(
                line.text,
                line.left,
                line.baseline - 0.78 * line.size,
                line.left + measure(line),
                line.baseline + 0.1 * line.size,
            )
            for line in lines
            if line.text
        ),
    ]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"department": "教育委員会事務局 学校教育課", "place": "第十八保育所支援センター"},
        {"department": "あ" * 80, "place": "い" * 80},
        {"department": "", "place": "", "asset_tag": "", "help_line": ""},
        {"asset_tag": "A26-01874-XY"},
        {"asset_tag": "ASAHI-2026-CB-0001874"},
        {"asset_tag": "W" * 40},
        {"help_line": "デジタル推進部 情報政策課 端末管理係 内線 12345"},
        {"host": "kitto.a-city-with-a-very-long-name.hokkaido.lg.jp"},
    ],
    ids=lambda changes: "+".join(changes) or "plain",
)
def test_lines_keep_to_the_label_and_clear_of_the_code_and_each_other(kind, changes):
    found = blocks(kind, make_label(**changes))
    width, height = frame(USUAL[kind], kind).width, DESIGNS[kind].height * MM
    assert [b for b in found if b.left < 0 or b.right > width or b.bottom > height - 4] == []
    assert [(a.text, b.text) for a, b in combinations(found, 2) if a.touches(b)] == []


@pytest.mark.parametrize("kind", Kind)
def test_no_text_is_smaller_than_nine_points(kind):
    label = make_label(department="あ" * 80, place="い" * 80, asset_tag="W" * 40)
    room = room_on(kind)
    lines = [*own_lines(kind, label, WORDS, room), *fixed_lines(kind, label, WORDS, room)]
    assert min(line.size for line in lines) >= 9


def test_a_long_line_is_first_made_smaller():
    line = room_on(Kind.BOX).shrink(Line("あ" * 15, 93, 0, 11.5))
    assert len(line.text) == 15
    assert 9 < line.size < 11.5


def test_a_line_that_is_too_long_at_nine_points_is_cut_at_a_word():
    long = Line("教育委員会事務局 学校教育課 指導係の分室", 93, 0, 11.5)
    line = room_on(Kind.BOX).shrink(long)
    assert (line.text, line.size) == ("教育委員会事務局 学校教育課…", 9)


def test_a_single_word_that_is_too_long_is_cut_inside():
    line = room_on(Kind.BOX).shrink(Line("あ" * 40, 93, 0, 9))
    assert line.text.strip("あ") == "…"


def own_texts(kind: Kind = Kind.BOX, **changes: str) -> list[str]:
    return [line.text for line in own_lines(kind, make_label(**changes), WORDS, room_on(kind))]


def test_a_place_that_is_its_own_department_is_named_once():
    texts = own_texts(department="こども未来部 第三保育所", place="第三保育所")
    assert texts[-1] == "こども未来部 第三保育所"


def test_a_long_department_and_place_share_two_lines():
    texts = own_texts(department="教育委員会 学校教育課", place="第十八保育所支援センター")
    assert texts[-2:] == ["教育委員会 学校教育課", "第十八保育所支援センター"]


def test_of_a_department_too_long_for_a_label_the_lower_part_stays():
    long = "子ども・子育て支援部 保育幼稚園課 公立保育所係"
    texts = own_texts(department=long, place="第三保育所分園（仮設園舎）")
    assert texts[-2:] == ["保育幼稚園課 公立保育所係", "第三保育所分園（仮設園舎）"]
    texts = own_texts(department=long, place="本庁舎", person="小池 健太")
    assert texts[-2:] == ["公立保育所係\N{IDEOGRAPHIC SPACE}本庁舎", "小池 健太"]


def test_the_telephone_number_is_what_stays_of_a_long_help_line():
    label = make_label(help_line="デジタル推進部情報政策課端末管理係 内線 12345")
    lines = fixed_lines(Kind.BOX, label, WORDS, room_on(Kind.BOX))
    assert "内線 12345" in [line.text for line in lines]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("tag", ["CB-000123", "A26-01874-XY", "ASAHI-CB-01874"])
def test_an_asset_tag_of_usual_length_is_never_cut(kind, tag):
    assert tag in "".join(own_texts(kind, asset_tag=tag))


@pytest.mark.parametrize(
    ("site_url", "fault"),
    [
        ("https://kitto.example.lg.jp", None),
        ("http://192.168.1.20:8000", None),
        ("http://127.0.0.1:8000", AddressFault.LOCAL),
        ("http://127.1.2.3", AddressFault.LOCAL),
        ("http://0.0.0.0:8000", AddressFault.LOCAL),
        ("http://[::1]:8000", AddressFault.LOCAL),
        ("http://LOCALHOST", AddressFault.LOCAL),
        ("http://kitto.localhost", AddressFault.LOCAL),
        ("", AddressFault.LOCAL),
        ("https://city.example.lg.jp/kitto", AddressFault.PATH),
        ("https://きっと.example.jp", AddressFault.LETTERS),
    ],
)
def test_addresses_that_lead_nowhere_are_told_from_good_ones(site_url, fault):
    assert address_fault(site_url) == fault


def test_names_somebody_may_have_meant_begin_with_those_that_hold_the_word():
    names = ["総務部 総務課", "こども未来部 第三保育所", "こども未来部 保育課"]
    assert near("保育課", names)[0] == "こども未来部 保育課"
    assert near("総務科", ["総務課", "議会事務局"]) == ["総務課"]
