"""Texts with ``{name}`` in them, each in a syntax: a value gets into a text as that syntax writes it, or not at all.

``str.format`` is not used: it would read attributes and items, and JSON's own braces would have to be doubled. There is
no way to fill a text without naming its syntax, so none to forget the quoting: a password with a slash in it is
``%2F`` in a URL, and one with a line break is refused by a file of one line a setting.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = re.compile(r"\{([a-z][a-z0-9-]*(?::[a-z0-9_.-]+)?(?:\|(?:basic|prefix):[a-z0-9_.@-]+|\|bcrypt)?)\}")
# C0 and C1 controls, and what is no text: lone surrogates, non-characters, the byte order mark.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


class UnwritableError(ValueError):
    """A syntax has no way to write a value; the message says why, and holds nothing of the value."""


@dataclass(frozen=True, kw_only=True)
class Syntax:
    """What a text is written in.

    Attributes:
        name: As it is called in messages.
        write: Value, the text before it and the text behind it, to what stands for the value there.
    """

    name: str
    write: Callable[[str, str, str], str]

    def __call__(self, value: str) -> str:
        """The value by itself, as one word of the syntax.

        Raises:
            UnwritableError: The syntax has no way to write it.
        """
        return self.write(value, " ", "")


def names(text: str) -> tuple[str, ...]:
    """The names that stand in ``text``, each once, in order of appearance; a filter is not part of a name."""
    return tuple(dict.fromkeys(name.partition("|")[0] for name in _NAME.findall(text)))


def fill(text: str, values: Mapping[str, str], syntax: Syntax, bcrypt: Callable[[str], str] | None = None) -> str:
    """``text`` with each ``{name}`` replaced by its value.

    ``{a|basic:bob}`` gives Basic credentials of bob and a; ``{a|prefix:sk-}`` a with sk- before it, unless it begins
    so; ``{a|bcrypt}`` what ``bcrypt`` makes of a, which this layer without packages is handed: without it, the text is
    left alone as other braces are. Values are not looked at again: what looks like a name in one of them is none.

    Raises:
        KeyError: A name has no value.
        UnwritableError: The syntax has no way to write one of the values there.
    """
    import base64  # noqa: PLC0415  # rarely needed

    def replaced(match: re.Match[str]) -> str:
        name, _, filtered = match.group(1).partition("|")
        value = values[name]
        if filtered == "bcrypt":
            if bcrypt is None:
                return match.group(0)
            value = bcrypt(value)
        elif filtered.startswith("prefix:"):
            prefix = filtered.removeprefix("prefix:")
            value = value if value.startswith(prefix) else f"{prefix}{value}"
        elif filtered:
            user = filtered.removeprefix("basic:")
            value = base64.b64encode(f"{user}:{value}".encode()).decode()
        return syntax.write(value, text[: match.start()], text[match.end() :])

    return _NAME.sub(replaced, text)


def _refuse(value: str, pattern: re.Pattern[str], what: str) -> str:
    if pattern.search(value):
        raise UnwritableError(what)
    return value


def _only(value: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.fullmatch(value):
        raise UnwritableError(what)
    return value


def _in_quotes(before: str, mark: str = '"') -> bool:
    """Whether what comes next stands between quotes that this line has opened."""
    return before.rpartition("\n")[2].replace(f"\\{mark}", "").count(mark) % 2 == 1


_NUL = re.compile("\0|[\ud800-\udfff]")


def _text(value: str, _before: str, _after: str) -> str:
    return _refuse(value, _NUL, "it holds a NUL, or half of a character")


def _line(value: str, _before: str, _after: str) -> str:
    return _refuse(value, _CONTROL, "it holds a line break or another control character")


def _formula(value: str, before: str, after: str) -> str:
    if value.startswith("=") or value != value.strip():
        raise UnwritableError("it begins with =, which is read as a formula, or has white space around it")
    return _line(value, before, after)


_SPACE = re.compile(r"\s|^$")
_COMMENT = re.compile(r"""[#;%"'\\,]|^=""")


def _word(value: str, before: str, after: str) -> str:
    return _refuse(_line(value, before, after), _SPACE, "it holds white space, or nothing")


def _setting(value: str, before: str, after: str) -> str:
    word = _word(value, before, after)
    return _refuse(word, _COMMENT, "it holds a character that is a comment's, a list's or a variable's there")


_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/@+,=~-]*|/[A-Za-z0-9._:/@+,=~-]*|::[0-9a-f:.]*")


def _name(value: str, _before: str, _after: str) -> str:
    return _only(value, _PLAIN, "it is no plain name or address")


_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def _path(value: str, _before: str, _after: str) -> str:
    return _only(value, _FILE, "it is no plain name of a file")


def _url(value: str, before: str, after: str) -> str:
    """Where an address stands, an address; where a URL begins, a URL; elsewhere each character that could mean more.

    RFC 3986, section 2: what is not unreserved is encoded.
    """
    _text(value, before, after)
    if not before:
        return _refuse(value, _ODD_IN_URL, "it is no URL")
    in_authority = "/" not in before.rpartition("://")[2]
    has_user_behind = "@" in re.split(r"[/?#]", after, maxsplit=1)[0]
    if in_authority and before.endswith(("://", "@")) and not has_user_behind and ":" in value:
        return f"[{_only(value, _IPV6, 'it is no address')}]"
    return quote(value, safe="")


_ODD_IN_URL = re.compile(r"[^!-~]|[\"<>\\^`{|}]")
_IPV6 = re.compile(r"[0-9a-fA-F:.]+")


def _json(value: str, before: str, after: str) -> str:
    if not _in_quotes(before):
        raise UnwritableError("its place is not between quotes")
    return json.dumps(_text(value, before, after))[1:-1]


# What YAML 1.1 and 1.2 read as something else than a text begins with a digit, a sign or a dot, or is one of these.
_YAML_WORD = re.compile(r"[A-Za-z_/][A-Za-z0-9._/-]*|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+")
_YAML_NOT_TEXT = re.compile(r"(?i:true|false|yes|no|on|off|y|n|null)")


def yaml_value(value: object) -> str:
    """A value of JSON as YAML 1.1 and 1.2 read it: texts in double quotes, each character beyond ASCII itself.

    JSON's two escapes for a character beyond U+FFFF are two wrong ones in YAML.
    """
    text = _text(json.dumps(value, ensure_ascii=False), "", "")
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _yaml(value: str, before: str, after: str) -> str:
    if _in_quotes(before):
        return yaml_value(value)[1:-1]
    alone = before[-1:] in {"", " ", "\n"} and after[:1] in {"", " ", "\n"}
    if alone and _YAML_NOT_TEXT.fullmatch(value):
        raise UnwritableError("it would be read as something else than a text")
    return _only(value, _YAML_WORD, "it would be read as something else than a text")


_ODD_IN_PROXY = re.compile(r'["\\{}]|^\*|\*$')


def _proxy(value: str, before: str, after: str) -> str:
    """A word of a Caddyfile.

    Left out is what Caddy reads as something else even between quotes (caddyconfig/caddyfile/lexer.go, replacer.go),
    and a star where the header matcher takes one for anything.
    """
    value = _refuse(_line(value, before, after), _ODD_IN_PROXY, "it holds a quote, a backslash, a brace or a star")
    if _in_quotes(before):
        return value
    return _only(value, _WORD_OF_PROXY, "it holds what ends a word there")


_WORD_OF_PROXY = re.compile(r"[^\s#`\"][^\s`\"]*")


def _shell(value: str, before: str, after: str) -> str:
    _text(value, before, after)
    if _in_quotes(before, "'"):
        return value.replace("'", "'\\''")
    if _in_quotes(before):
        return _only(value, _SAFE_IN_SHELL, "it holds what a shell reads as code")
    return shlex.quote(value)


_SAFE_IN_SHELL = re.compile(r"[A-Za-z0-9 ._:/@+,=-]*")


def _unit(value: str, before: str, after: str) -> str:
    """A word of a systemd unit: ``%`` begins a specifier (systemd.unit(5)), a backslash or a quote an escape."""
    word = _refuse(
        _word(value, before, after), _ODD_IN_UNIT, "it holds a quote, a backslash, a dollar sign or a semicolon"
    )
    return word.replace("%", "%%")


_ODD_IN_UNIT = re.compile(r"""["'\\$;#]""")


def _env(value: str, before: str, after: str) -> str:
    """A value of a ``.env`` file, as docker compose (compose-go, dotenv) and the export's script read it."""
    if _BARE_IN_ENV.fullmatch(value):
        return value
    return "'" + _refuse(_line(value, before, after), _QUOTE, "it holds a quote, or ends with a backslash") + "'"


_QUOTE = re.compile(r"'|\\$")
_BARE_IN_ENV = re.compile(r"[A-Za-z0-9!%&()*+,./:;<=>?@\[\]^_{|}~-](?:[#A-Za-z0-9!%&()*+,./:;<=>?@\[\]^_{|}~-])*|")

TEXT = Syntax(name="a text", write=_text)
"""The value is the whole, or a part without a meaning: a secret file, an environment variable, a page to read."""
LINE = Syntax(name="a line", write=_line)
FORMULA = Syntax(name="a field that may be a formula", write=_formula)
WORD = Syntax(name="a list of words", write=_word)
SETTING = Syntax(name="a settings file", write=_setting)
NAME = Syntax(name="a list of plain names", write=_name)
PATH = Syntax(name="a file's path", write=_path)
URL = Syntax(name="a URL", write=_url)
JSON = Syntax(name="JSON", write=_json)
YAML = Syntax(name="YAML", write=_yaml)
PROXY = Syntax(name="the proxy's file", write=_proxy)
SHELL = Syntax(name="shell", write=_shell)
UNIT = Syntax(name="a systemd unit", write=_unit)
ENV = Syntax(name="an env file", write=_env)
