"""Buckets of an S3 server, made where they are missing: the one request of S3 that restic does not make for others.

Signed as AWS Signature Version 4 wants it (AWS, "Create a signed AWS API request").
"""

from __future__ import annotations

import configparser
import contextlib
import datetime as dt
import hashlib
import hmac
import http.client
import time
import urllib.parse
from http import HTTPStatus
from typing import Final

from host_scripts.common import BackupError, Offsite, Settings, secret

_SECONDS: Final = 60
_PAUSES: Final = (0.5, 1, 2, 4)
"""Seconds between the tries of a request."""


def ensure(settings: Settings, offsite: Offsite) -> list[str]:
    """Makes the buckets that are missing; which ones.

    Raises:
        BackupError: The server does not answer, or does not take the keys.
    """
    created = []
    for bucket in dict.fromkeys((offsite.bucket, *offsite.buckets)):
        status, _ = _ask(settings, offsite, "HEAD", bucket)
        if status == HTTPStatus.NOT_FOUND:
            body = "" if offsite.region == "us-east-1" else _PLACE.format(region=offsite.region)
            status, answer = _ask(settings, offsite, "PUT", bucket, body.encode())
            # Somebody was faster: a run on another host.
            if status == HTTPStatus.CONFLICT and b"BucketAlreadyOwnedByYou" in answer:
                continue
            created.append(bucket)
        if status != HTTPStatus.OK:
            what = f"{offsite.endpoint}: bucket {bucket}: HTTP {status}"
            raise BackupError(
                what, f"look at the keys in {settings.secrets / 's3'}, and at who owns that bucket's name"
            )
    return created


_PLACE: Final = (
    '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
)


def _keys(settings: Settings) -> tuple[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(secret(settings, "s3"))
        section = parser["default"]
        return section["aws_access_key_id"], section["aws_secret_access_key"]
    except (configparser.Error, KeyError):
        what = f"{settings.secrets / 's3'} holds no keys"
        raise BackupError(what, "bin/homeport up lays it; by hand: the form of ~/.aws/credentials") from None


def _ask(settings: Settings, offsite: Offsite, method: str, bucket: str, body: bytes = b"") -> tuple[int, bytes]:
    """The answer; a server that is too busy, or does not answer, is asked some times again, as restic asks it."""
    keys = _keys(settings)
    for pause in _PAUSES:
        with contextlib.suppress(BackupError):
            status, answer = _asked(keys, offsite, method, bucket, body)
            if status != HTTPStatus.TOO_MANY_REQUESTS and status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return status, answer
        time.sleep(pause)
    return _asked(keys, offsite, method, bucket, body)


def _asked(keys: tuple[str, str], offsite: Offsite, method: str, bucket: str, body: bytes) -> tuple[int, bytes]:
    key, secret_key = keys
    url = urllib.parse.urlsplit(offsite.endpoint)
    now = dt.datetime.now(dt.UTC)
    path = f"/{urllib.parse.quote(bucket)}"
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": url.netloc, "x-amz-content-sha256": digest, "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}"}
    scope = f"{now:%Y%m%d}/{offsite.region}/s3/aws4_request"
    signed = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = hashlib.sha256(f"{method}\n{path}\n\n{lines}\n{signed}\n{digest}".encode()).hexdigest()
    signing = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{request}"
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={signed}, Signature={signature}"
    )
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.netloc, timeout=_SECONDS)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(65536)
    except (OSError, http.client.HTTPException) as error:
        what = f"{offsite.endpoint} does not answer: {error}"
        raise BackupError(what, f"curl -sSI {offsite.endpoint} says why") from error
    finally:
        connection.close()
