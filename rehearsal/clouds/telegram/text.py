"""How a message's text is read: the request's parameters, and what a parse mode makes of them.

Sources: core.telegram.org/bots/api#formatting-options; tdlib/td, td/telegram/MessageEntity.cpp for the words.
"""

from __future__ import annotations

import html
import json
import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from rehearsal.clouds.telegram.errors import wrong

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 4096
"""Characters of a message after its entities are parsed; the longer ones in UTF-16 count twice."""
_LONGEST_RAW: Final = 1 << 15
_TAGS: Final = re.compile("b|strong|i|em|u|ins|s|strike|del|span|tg-spoiler|tg-emoji|tg-time|a|code|pre|blockquote")
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][\w-]*)((?:\s+[\w-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?)*)\s*>")
_RESERVED: Final = "_*[]()~`>#+-=|{}.!"


def parameters(query: str, content: bytes) -> dict[str, str]:
    """Parameters by their names: from the query, and a body of JSON, of a form or of several parts.

    Raises:
        TelegramError: The body is none of these.
    """
    about = dict(parse_qsl(query, keep_blank_values=True))
    if content[:1] == b"{":
        try:
            body = json.loads(content)
        except ValueError:
            raise wrong("can't parse JSON object") from None
        return about | {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
    if content[:2] == b"--":
        boundary = content.split(b"\r\n", 1)[0][2:]
        head = b'Content-Type: multipart/form-data; boundary="' + boundary + b'"\r\n\r\n'
        for part in BytesParser(policy=HTTP).parsebytes(head + content).iter_parts():
            name = part.get_param("name", header="content-disposition")
            about[str(name)] = bytes(part.get_payload(decode=True) or b"").decode()
        return about
    return about | dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))


def plain(text: str, mode: str) -> str:
    """The text without its marks.

    Raises:
        TelegramError: It is too long, the mode is unknown, or the marks are none.
    """
    if len(text.encode()) > _LONGEST_RAW:
        raise wrong("Text is too long")
    if mode.lower() not in _READERS:
        raise wrong("Unsupported parse_mode")
    shown = _READERS[mode.lower()](text).strip()
    if not shown:
        raise wrong("message text is empty")
    if len(shown.encode("utf-16-le")) // 2 > LONGEST:
        raise wrong("message is too long")
    return shown


def _html(text: str) -> str:
    shown, position = "", 0
    opened: list[str] = []
    for tag in _TAG.finditer(text):
        shown += _no_tag(text[position : tag.start()], position)
        position, name, offset = tag.end(), tag[2].lower(), len(text[: tag.start()].encode())
        if not _TAGS.fullmatch(name):
            raise wrong(f'can\'t parse entities: Unsupported start tag "{name}" at byte offset {offset}')
        if not tag[1]:
            opened.append(name)
        elif not opened:
            raise wrong(f"can't parse entities: Unexpected end tag at byte offset {offset}")
        elif opened.pop() != name:
            raise wrong(f"can't parse entities: Unmatched end tag at byte offset {offset}")
    if opened:
        raise wrong(f"can't parse entities: Can't find end tag corresponding to start tag \"{opened[-1]}\"")
    return shown + _no_tag(text[position:], position)


def _no_tag(text: str, position: int) -> str:
    if "<" in text:
        where = position + text.index("<")
        raise wrong(f'can\'t parse entities: Unsupported start tag "" at byte offset {where}')
    return html.unescape(text)


def _markdown(text: str) -> str:
    """Escapes, code and pairs of marks; links and quotations are not told apart from other marks."""
    shown, position, offset = "", 0, 0
    opened: list[str] = []
    while position < len(text):
        sign, offset = text[position], len(text[:position].encode())
        pair = text[position : position + 2]
        mark = "```" if text.startswith("```", position) else pair if pair in ("__", "||") else sign
        if opened and opened[-1] in ("`", "```") and mark != opened[-1] and sign != "\\":
            shown, position = shown + sign, position + 1
        elif sign == "\\" and pair[1:].isascii() and pair[1:]:
            shown, position = shown + pair[1], position + 2
        elif mark in ("*", "_", "__", "~", "||", "`", "```"):
            if opened and opened[-1] == mark:
                opened.pop()
            else:
                opened.append(mark)
            position += len(mark)
        elif sign in _RESERVED:
            words = f"Character '{sign}' is reserved and must be escaped with the preceding '\\'"
            raise wrong(f"can't parse entities: {words}")
        else:
            shown, position = shown + sign, position + 1
    if opened:
        raise wrong(f"can't parse entities: Can't find end of the entity starting at byte offset {offset}")
    return shown


def _old_markdown(text: str) -> str:
    bare = re.sub(r"\\[_*`\[]", "", text)
    for mark in "_*`":
        if bare.count(mark) % 2:
            offset = len(text[: text.rindex(mark)].encode())
            raise wrong(f"can't parse entities: Can't find end of the entity starting at byte offset {offset}")
    return re.sub(r"\\([_*`\[])|[_*`]", r"\1", text)


_READERS: Final[dict[str, Callable[[str], str]]] = {
    "": str,
    "none": str,
    "html": _html,
    "markdownv2": _markdown,
    "markdown": _old_markdown,
}
