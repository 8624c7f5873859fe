"""Which values of a compose file are secrets: by the name that holds them, and by what they look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.plan.compose.variables import Text

_NAME = re.compile(
    r"(^|[_.-])(PASS|PASSWD|PASSWORD|PASSPHRASE|PWD|PW|SECRET|SECRETS|TOKEN|APIKEY|CREDENTIALS?|SALT|PEPPER|"
    r"(API|ACCESS|PRIVATE|SECRET|APP|MASTER|ENCRYPTION|ENCRYPT|SIGNING|SIGN|AUTH|LICENSE|ADMIN|ROOT|JWT|SESSION|HMAC|"
    r"SERVICE|ANON|ROLE|NONCE|STORAGE|ENC|CRYPT|CSRF|COOKIE|WEBHOOK|MEILI|BASE|HASH|DEPLOY|SSH)_?KEYS?)(\d*|S)($|[_.-])"
    r"|PASSWORD|PASSWD|PASSPHRASE|SECRET|APIKEY",
    re.IGNORECASE,
)
_KEY = re.compile(r"(^|[_.-])KEY$", re.IGNORECASE)
# What tells of a secret and holds none: how long, where, for how long, by whom.
_ABOUT = re.compile(
    r"[_.-](FILE|FILES|PATH|DIR|LENGTH|LEN|SIZE|TTL|EXPIRY|EXPIRES?|EXPIRATION|LIFETIME|TIMEOUT|URL|URI|ENDPOINT|NAME|"
    r"ID|ALGORITHM|ALG|TYPE|ENABLED?|DISABLED?|HEADER|ISSUER|POLICY|RESET|MIN|MAX|LIMIT|METHOD|FIELD|AUTHENTICATION|"
    r"PROVIDER|REQUIRED|ROTATION|VERSION|INTERVAL|DAYS|HOURS|MINUTES|SECONDS)$"
    r"|^(ENABLE|DISABLE|ALLOW|ALLOWED|REQUIRE|USE|SHOW|HIDE|FORCE|NO|SKIP|MIN|MAX)_|_(LOGIN|LOGINS|SIGNUP)$",
    re.IGNORECASE,
)
_HARMLESS = frozenset({"", "true", "false", "yes", "no", "on", "off", "0", "1", "none"})
_ABSENT = frozenset({"null", "nil", "undefined"})
# What may be long has a bound where it could begin anywhere: a file of one long word is looked through in one go.
_URL = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]{0,31}://[^\s/:@?#]*:)(?P<password>[^\s/@]+)(?P<after>@)")
_QUERY = re.compile(
    r"(?P<before>[?&;\s](?:password|passwd|pwd|token|secret|api_?key)=)(?P<password>[^\s&;\"']+)", re.IGNORECASE
)
_PAIR = re.compile(
    r"(?P<before>(?:^|[\s;,])(?:--?[\w-]*(?:pass|password|passwd|requirepass|masterauth|token|secret|api-?key|auth-?code|passcode)"
    r"|password|passwd|pwd)[=\s]+[\"']?)(?P<password>[^\s;,\"']+)",
    re.IGNORECASE,
)
# As their issuers write them: a token of GitHub, GitLab, Slack, OpenAI, Stripe, AWS, Google; a signed token; a key.
_LOOKS = re.compile(
    r"\b(gh[pousr]_[A-Za-z0-9]{30,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{20,}"
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|AKIA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*|base64:[A-Za-z0-9+/]{40,}=*)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_BASIC = re.compile(r"[\w.-]:\$(apr1|2[aby]|5|6)\$")
_HASHED = re.compile(r"\$(apr1|2[aby]|5|6|argon2i?d?)\$")
# Of somebody else, so that nothing made here opens anything there.
_ISSUED = re.compile(
    r"(^|[_.-])(SMTP|MAIL|MAILER|EMAIL|AWS|S3|OAUTH|OAUTH2|OIDC|SSO|SAML|LDAP|GOOGLE|GITHUB|GITLAB|DISCORD|SLACK|TWITTER|"
    r"FACEBOOK|OPENAI|ANTHROPIC|STRIPE|TWILIO|SENDGRID|MAILGUN|SENTRY|TELEGRAM|CLOUDFLARE|CF|MAXMIND|LICENSE|AZURE|GCP|"
    r"PUSHER|VAPID|RECAPTCHA|HCAPTCHA|TURNSTILE|CLAIM|TUNNEL|CLIENT|HASH|HTPASSWD)([_.-]|$)|API_?KEY|ACCESS_?KEY|TOKEN$|PRIVATE_?KEY",
    re.IGNORECASE,
)
_ENCRYPTS = re.compile(r"ENCRYPT|CRYPT|APP_KEY|MASTER_KEY|STORAGE_KEY", re.IGNORECASE)
_HEX64 = re.compile(r"[0-9a-f]{64}")


def name_tells(name: str) -> bool:
    """Whether what stands under a name is a secret, going by the name."""
    return bool(_NAME.search(name) or _KEY.search(name)) and not _ABOUT.search(name)


def harmless(value: str) -> bool:
    """Whether a value is none that a secret could have: an empty one, a truth value."""
    return value.strip().lower() in _HARMLESS | _ABSENT


def absent(value: str) -> bool:
    """Whether a value says, in a programming language, that there is none."""
    return value.strip().lower() in _ABSENT


@dataclass(frozen=True, kw_only=True)
class Inside:
    """A secret within a text.

    Attributes:
        before: The text before it.
        value: The secret.
        after: The text behind it.
        variable: The variable that it came from; empty: it stands in the file itself.
    """

    before: str
    value: str
    after: str
    variable: str = ""


def inside(text: Text) -> list[Inside]:
    """The secrets in a text that is not one as a whole: by the variables in it, by the shape of a URL or an option."""
    value = text.value
    result = []
    at = 0
    for piece in text.pieces:
        if piece.variable and name_tells(piece.variable) and not harmless(piece.text):
            after = value[at + len(piece.text) :]
            result.append(Inside(before=value[:at], value=piece.text, after=after, variable=piece.variable))
        at += len(piece.text)
    spans = [(len(item.before), len(item.before) + len(item.value)) for item in result]
    for pattern in (_URL, _QUERY, _PAIR):
        for match in pattern.finditer(value):
            start, end = match.span("password")
            apart = all(end <= low or start >= high for low, high in spans)
            if apart and not match["password"].startswith("$") and not harmless(match["password"]):
                spans.append((start, end))
                result.append(Inside(before=value[:start], value=value[start:end], after=value[end:]))
    if not result and (_LOOKS.search(value) or _BASIC.search(value)):
        result.append(Inside(before="", value=value, after=""))
    return sorted(result, key=lambda item: len(item.before))


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a secret is declared.

    Attributes:
        kind: As ``homeport:settings.apps.<app>.secrets.<NAME>.kind``.
        encrypts: Stored data depends on it.
    """

    kind: str
    encrypts: bool = False

    @property
    def supplied(self) -> bool:
        """Whether only who made it can give it."""
        return self.kind in {"token", "text"}


def manner(name: str, value: str) -> Manner:
    """How a secret of that name, and of the shape that the file's value has, is declared."""
    encrypts = bool(_ENCRYPTS.search(name))
    if _HEX64.fullmatch(value):
        return Manner(kind="hex64", encrypts=encrypts)
    if _ISSUED.search(name) or _LOOKS.search(value) or _HASHED.search(value) or "\n" in value:
        return Manner(kind="text", encrypts=encrypts)
    return Manner(kind="password", encrypts=encrypts)
