"""The API apart from HTTP: getMe and sendMessage, with rights in chats and limits.

Sources: tdlib/telegram-bot-api, which is the server's own code: telegram-bot-api/HttpConnection.cpp (paths),
ClientManager.cpp (tokens), Client.cpp (`check_chat`, `check_chat_access`, `fail_query_with_error`,
`get_formatted_text`), Query.cpp (`set_retry_after_error`). Limits: core.telegram.org/bots/faq, "My bot is hitting
limits": about one message a second in a chat with short bursts, 20 a minute in a group, 30 a second in all.
"""

from __future__ import annotations

import math
import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.kit.api import Answer, Api, Call
from rehearsal.clouds.kit.faults import Faults
from rehearsal.clouds.kit.journal import Journal
from rehearsal.clouds.telegram.errors import TelegramError, forbidden, too_many, wrong
from rehearsal.clouds.telegram.text import parameters, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rehearsal.clouds.kit.faults import Fault
    from rehearsal.clouds.telegram.store import Store

Record = dict[str, Any]
_PATH: Final = re.compile(r"/bot(?P<token>[^/]*)/+(?P<method>[^/]*)")
_LIMITS: Final = {"private": (60, 60.0), "channel": (60, 60.0), "group": (20, 60.0), "supergroup": (20, 60.0)}
_OVERALL: Final = (30, 1.0)
"""Messages, and the seconds that they are counted for."""
_NAMES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    429: "Too Many Requests",
    502: "Bad Gateway",
}


class _Journal(Journal):
    """The token, which is a part of the path, stays out of it."""

    def note(self, method: str, path: str, query: str, status: int, **bodies: Any) -> None:
        super().note(method, re.sub(r"^/bot[^/]*", "/bot…", path), query, status, **bodies)


class Service(Api):
    """The emulated API.

    Args:
        store: What is there.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(Faults(), _Journal())
        self._store = store
        self._sent: dict[str, deque[float]] = {}

    def controls(self) -> dict[tuple[str, str], Callable[[dict[str, Any]], Any]]:
        """Those of every cloud, the messages, a bot's standing in a chat, and the clock."""
        controls = super().controls()
        controls["GET", "/messages"] = lambda _: {"messages": list(self._store.all("messages").values())}
        controls["PUT", "/standing"] = self._stand
        controls["POST", "/clock"] = lambda body: self._store.advance(float(body["advance"]))
        return controls

    def error(self, fault: Fault) -> Answer:
        """In the Bot API's own shape; a message of 429 says when to come again."""
        if fault.status == 429:  # noqa: PLR2004  (the number is its own name)
            return _refused(too_many(math.ceil(fault.retry_after or 1)))
        return _refused(
            TelegramError(fault.status, f"{_NAMES.get(fault.status, 'Internal Server Error')}: {fault.message}")
        )

    def answer(self, call: Call) -> Answer:
        """What the call gets."""
        try:
            return Answer(200, {"ok": True, "result": self._result(call)})
        except TelegramError as problem:
            return _refused(problem)

    def _result(self, call: Call) -> Record:
        path = _PATH.fullmatch(call.path)
        if path is None:
            raise TelegramError(404, "Not Found")
        token = path["token"]
        if not re.fullmatch(r"[1-9]\d*:[^/]+", token) or len(token) > 80:  # noqa: PLR2004  (of ClientManager.cpp)
            raise TelegramError(401, "Unauthorized: invalid token specified")
        bot = self._store.get("bots", token)
        if bot is None:
            raise TelegramError(401, "Unauthorized")
        about = parameters(call.query, call.content)
        match path["method"].lower():
            case "getme":
                return {**_user(token, bot), "can_join_groups": True, "supports_inline_queries": False}
            case "sendmessage":
                return self._send(token, bot, about)
        raise TelegramError(404, "Not Found: method not found")

    def _send(self, token: str, bot: Mapping[str, Any], about: Mapping[str, str]) -> Record:
        text = plain(about.get("text", ""), about.get("parse_mode", ""))
        key, chat = self._chat(about.get("chat_id", "").strip())
        _check(chat, chat.get("bots", {}).get(bot["username"], ""))
        self._count(key, _LIMITS[chat["type"]])
        self._count(token, _OVERALL)
        shown = {name: chat[name] for name in ("type", "title", "username") if name in chat}
        row: Record = {
            "message_id": self._store.new_id("messages"),
            "from": _user(token, bot),
            "chat": {"id": int(key), **shown},
            "date": int(self._store.now()),
            "text": text,
        }
        with self._store.change() as data:
            data["messages"][str(row["message_id"])] = row
        return row

    def _chat(self, named: str) -> tuple[str, Record]:
        """The chat of an id, or of a public name that begins with @."""
        if not named:
            raise wrong("chat_id is empty")
        for key, chat in self._store.all("chats").items():
            if named in (key, f"@{chat.get('username', '')}"):
                return key, chat
        raise wrong("chat not found")

    def _count(self, key: str, limit: tuple[int, float]) -> None:
        number, seconds = limit
        with self._store.lock:
            sent, now = self._sent.setdefault(key, deque()), self._store.now()
            while sent and sent[0] <= now - seconds:
                sent.popleft()
            if len(sent) >= number:
                raise too_many(math.ceil(sent[0] + seconds - now) or 1)
            sent.append(now)

    def _stand(self, body: Mapping[str, Any]) -> None:
        with self._store.change() as data:
            data["chats"][str(body["chat"])].setdefault("bots", {})[body["bot"]] = body["standing"]


def _refused(problem: TelegramError) -> Answer:
    wait = problem.parameters.get("retry_after")
    return Answer(problem.status, problem.body(), {} if wait is None else {"Retry-After": str(wait)})


def _user(token: str, bot: Mapping[str, Any]) -> Record:
    return {
        "id": int(token.partition(":")[0]),
        "is_bot": True,
        "first_name": bot["username"],
        "username": bot["username"],
    }


def _check(chat: Mapping[str, Any], standing: str) -> None:
    """Whether the bot may write there.

    Raises:
        TelegramError: It may not.
    """
    if chat["type"] == "private":
        _check_private(chat, standing)
    elif chat.get("upgraded_to"):
        raise wrong("group chat was upgraded to a supergroup chat", migrate_to_chat_id=int(chat["upgraded_to"]))
    elif chat.get("deleted"):
        raise forbidden("the group chat was deleted")
    elif not standing and not chat.get("username"):
        raise wrong("chat not found")
    else:
        _check_standing(chat["type"], standing)


def _check_private(chat: Mapping[str, Any], standing: str) -> None:
    if chat.get("deleted"):
        raise forbidden("user is deactivated")
    if standing == "blocked":
        raise forbidden("bot was blocked by the user")
    if standing != "member":
        # A person who never pressed Start is nobody to the bot.
        raise wrong("chat not found")


def _check_standing(kind: str, standing: str) -> None:
    if standing == "kicked":
        raise forbidden(f"bot was kicked from the {kind} chat")
    if standing in ("", "left"):
        raise forbidden(f"bot is not a member of the {kind} chat")
    if standing == "restricted":
        raise wrong("not enough rights to send text messages to the chat")
    if kind == "channel" and standing != "administrator":
        raise wrong("need administrator rights in the channel chat")
