"""Two hundred hostile texts, told by rules where a rule can say them: what a field of this city may be handed.

Each one ends like an attribute, a tag, a template and a line turned round, so that whatever else it is, a page that
believes any of it gives itself away.
"""

from __future__ import annotations

import unicodedata

# ruff: noqa: RUF001  # signs that look alike are what is tested

TAIL = "'\"><b id=x>{{7*7}}\u202e"
LONG = 10_000
# Whole words of signs that no line may be broken in.
UNBROKEN = 200


def _named(kind: str, *texts: str) -> dict[str, str]:
    return {f"{kind} {number}": text for number, text in enumerate(texts, 1)}


def _family() -> dict[str, str]:
    """Return pictures that are one sign to the eye and many to a computer."""
    joined = ("👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👩🏽‍🚒", "❤️‍🔥", "🧑🏻‍🤝‍🧑🏿", "🐻‍❄️")
    flags = ("🇯🇵", "🇯🇵🇺🇸🇫", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴‍☠️")
    keys = ("1️⃣", "#️⃣", "☺️", "㊗️")
    tones = (f"👍{chr(0x1F3FB + tone)}" for tone in range(5))
    return _named("a picture", *joined, *flags, *keys, *tones, "👩‍", "‍👩", "🏻")


def _names() -> dict[str, str]:
    """Return how people and places are really written here."""
    planes = (
        "𠮷野家",
        "𩸽",
        "𠮟る",
        "𡈽",
        "𣘺本",
        "𦹀",
        "髙﨑",
        "𫝆",
        "𰻝",
        "㐂",
        "﨑",
        "塚\ufa10",
    )
    chosen = (
        f"葛{chr(0xE0100)}城",
        f"辻{chr(0xE0101)}",
        f"邉{chr(0xE010E)}",
        f"神{chr(0xFE00)}",
    )
    kana = (
        "ｵﾉ ｹﾝﾀ",
        "ﾊﾟｿｺﾝｶﾞ",
        "か\u3099",
        "ハ\u309aソコン",
        "ヷヸヹ",
        "ゟヿ",
        "𛀁𛀂",
        "ㇷ゚",
        "ーー〜～−‐",
    )
    wide = (
        "Ａ棟１階（北）",
        "　全角　空白　",
        "①㈱㍻㍿㌔",
        "０１２３",
        "＜ｓｃｒｉｐｔ＞",
        "ﬁﬂﬃ",
    )
    return _named("a name", *planes, *chosen, *kana, *wide)


def _forms() -> dict[str, str]:
    """Return one word in each normal form, which look the same and are not."""
    word = "がÅﬁ①한"
    forms = ("NFC", "NFD", "NFKC", "NFKD")
    return {f"{form} of a word": unicodedata.normalize(form, word) for form in forms} | _named(
        "a composed sign",
        "e\u0301",
        "\u1100\u1161\u11a8",
        "क्षि",
        "ก็",
        "\u0301",
        "a\u0323\u0307",
        "q\u0307\u0323",
    )


def _turned() -> dict[str, str]:
    """Return what is written from the right, and signs that only turn the line."""
    words = ("مرحبا", "שלום", "ܫܠܡܐ", "ﷺ", "﷽", "שלום 123 abc", "\u202babc\u202c مرحبا")
    signs = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
    return _named("from the right", *words) | _named(
        "a turn", *(f"a{chr(sign)}b" for sign in signs)
    )


def _unseen() -> dict[str, str]:
    """Return signs that are not seen, or are a space and no space."""
    signs = (
        0x200B,
        0x200C,
        0x200D,
        0x2060,
        0xFEFF,
        0xAD,
        0x180E,
        0x3164,
        0x2028,
        0x2029,
        0x85,
        0xA0,
        0x3000,
        0x115F,
    )
    return _named("unseen", *(f"a{chr(sign)}b" for sign in signs))


def _controls() -> dict[str, str]:
    """Return signs that steer machines, and those that are none."""
    steer = (0x00, 0x01, 0x07, 0x08, 0x09, 0x0B, 0x0C, 0x1A, 0x1B, 0x1F, 0x7F, 0x9B)
    none = (0xFFFD, 0xFFFE, 0xFFFF, 0x10FFFF, 0xE000, 0xF8FF)
    halves = (b"\xed\xa0\xbd", b"\xc0\xaf", b"\xf0\x9f\x91")
    return (
        _named("a control", *(f"a{chr(sign)}b" for sign in steer), "\x1b[2J\x1b]0;x\x07")
        | _named("no sign", *(f"a{chr(sign)}b" for sign in none))
        # As a server reads them: nobody can store half a sign.
        | _named("half a sign", *(half.decode("utf-8", "replace") for half in halves))
    )


def _lines() -> dict[str, str]:
    """Return ends of lines of every kind, and headers behind them."""
    ends = ("\n", "\r", "\r\n", "\n\r")
    behind = ("Bcc: a@evil.example", "Set-Cookie: a=b", "HTTP/1.1 200 OK", "level=error msg=x")
    return _named("two lines", *(f"a{end}b" for end in ends)) | _named(
        "a header", *(f"a\r\n{said}" for said in behind), "a%0d%0aBcc: x", "a\u560d\u560aB: x"
    )


def _believed() -> dict[str, str]:
    """Return what another program would take for an order."""
    html = (
        "<script>alert(1)</script>", "<svg/onload=a()>", "</title><b id=x>", "--><b id=x>",
        "javascript:alert(1)", "&lt;b&gt;&#x3c;", "]]><b id=x>", "</textarea>", '" autofocus onfocus=a() x="',
    )  # fmt: skip
    sql = ("' OR 1=1 --", "'; DROP TABLE x;--", "%_\\", "\\'", "$$;--")
    templates = (
        "{{7*7}}",
        "{% debug %}",
        "{# x",
        "${7*7}",
        "#{7*7}",
        "<%=7*7%>",
        "%(x)s %s %n",
        "{0.__class__}",
        "{}",
    )
    formulas = (
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\uff1d1",
        '=HYPERLINK("x")',
    )
    paths = ("../../etc/passwd", "..\\..\\x", "CON", "file:///etc/passwd", "%2e%2e%2f", "~root")
    shell = ("$(id)", "`id`", "; id", "&& id", "--help")
    logs = ("${jndi:ldap://x}", '{"level":"error"}', "%0a[error]")
    orders = (*html, *sql, *templates, *formulas, *paths, *shell, *logs)
    return _named("an order", *orders)


def _much() -> dict[str, str]:
    """Return texts that are long, tall or cannot be broken."""
    zalgo = "a" + "".join(chr(0x300 + n % 0x60) for n in range(40))
    return {
        "a word without end": "W" * UNBROKEN,
        "a word of wide signs": "鬱" * UNBROKEN,
        "an address without end": "https://example.jp/" + "a" * UNBROKEN,
        "marks above marks": zalgo,
        "many marks above marks": zalgo * 20,
        "ten thousand signs": "x" * LONG,
        "ten thousand kanji": "漢" * LONG,
        "ten thousand pictures": "👩‍💻" * (LONG // 3),
        "ten thousand lines": "\n" * LONG,
        "ten thousand spaces": " " * LONG,
        "a hundred thousand signs": "x" * 100_000,
        "nothing but marks": "\u0301" * 50,
    }


def _values() -> dict[str, str]:
    """Return what is nothing, true or a number to some program."""
    return _named(
        "a value",
        "",
        " ",
        "null",
        "None",
        "true",
        "NaN",
        "Infinity",
        "-0",
        "1e400",
        f"{10**40}",
        "٣",
        "½",
    )


RAW: dict[str, str] = (
    _family() | _names() | _forms() | _turned() | _unseen() | _controls() | _lines() | _believed() | _much() | _values()
)  # fmt: skip
TEXTS: dict[str, str] = {name: f"{text}{TAIL}" for name, text in RAW.items()}
