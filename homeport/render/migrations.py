"""SQL migrations as one psql script.

Each file once, in order, as the database's owner, with a record of what was applied.

The record is the table ``public.schema_migrations`` (file, SHA-256, time). A file that was changed or removed after it
was applied stops the script before anything runs. Files named ``always_*`` run every time, after the others, and must
change nothing when run again. Files named ``before_*`` are no part of it: they are asked before an update removes
anything, in a transaction that can change nothing, and each row that they return refuses it (where, what, fix).
"""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import TYPE_CHECKING

from homeport.model.errors import BlueprintError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ONCE = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_ALWAYS = re.compile(r"always_[a-z0-9_]+\.sql")
_BEFORE = re.compile(r"before_[a-z0-9_]+\.sql")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")

_OPENING = """\
\\set ON_ERROR_STOP on
SET ROLE {owner};
SET client_min_messages = warning;
SELECT pg_advisory_lock(hashtextextended('homeport.migrations', 0)) \\g /dev/null
CREATE TABLE IF NOT EXISTS public.schema_migrations (
    file       text        PRIMARY KEY,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
DO $homeport$
DECLARE
    problems text := (
        SELECT string_agg(done.file || CASE WHEN wanted.sha256 IS NULL THEN ' is gone' ELSE ' was changed' END, \
', ' ORDER BY done.file)
        FROM public.schema_migrations AS done LEFT JOIN (VALUES {wanted}) AS wanted (file, sha256) USING (file)
        WHERE wanted.sha256 IS DISTINCT FROM done.sha256
    );
BEGIN
    IF problems IS NOT NULL THEN
        RAISE EXCEPTION 'migrations: % after it was applied; put it back as it was, and add a new file', problems;
    END IF;
END
$homeport$;
"""

_ONE = """\
SELECT NOT EXISTS (SELECT FROM public.schema_migrations WHERE file = '{file}') AS homeport_pending \\gset
\\if :homeport_pending
BEGIN;
{text}
INSERT INTO public.schema_migrations (file, sha256) VALUES ('{file}', '{sha256}');
COMMIT;
\\endif
"""


def script(owner: str, files: Mapping[str, str], variables: Sequence[tuple[str, str]] = ()) -> str:
    """The psql script that brings a database up to date; nothing happens where it is up to date already.

    Args:
        owner: The role that owns the schema; the script starts as a superuser and becomes this role.
        files: File name to its SQL text.
        variables: psql variables that the files use.

    Returns:
        Text for ``psql -f -`` in the database, which exits with 3 at the first error.

    Raises:
        BlueprintError: A file's name has no place in the order, two files share a number, or a role or variable is no
            plain identifier.
    """
    once, always = _sorted(files)
    for name in (owner, *(name for name, _ in variables)):
        if not _IDENTIFIER.fullmatch(name):
            raise _refused(name, "is no plain SQL name", "use a-z, 0-9 and _")
    hashes = {file: hashlib.sha256(files[file].encode()).hexdigest() for file in once}
    wanted = ", ".join(f"('{file}', '{digest}')" for file, digest in hashes.items()) or "(NULL, NULL)"
    return "".join(
        (
            *(f"\\set {name} {quoted(value)}\n" for name, value in variables),
            _OPENING.format(owner=owner, wanted=wanted),
            *(_ONE.format(file=file, text=files[file], sha256=hashes[file]) for file in once),
            *(f"BEGIN;\n{files[file]}\nCOMMIT;\n" for file in always),
        )
    )


def _sorted(files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    once = sorted(file for file in files if _ONCE.fullmatch(file))
    always = sorted(file for file in files if _ALWAYS.fullmatch(file))
    # Asked before an update, by whoever can still refuse it; no part of the script.
    strange = sorted(file for file in set(files) - set(once) - set(always) if not _BEFORE.fullmatch(file))
    if strange:
        raise _refused(
            strange[0], "is no migration's name", "call it NNNN_what.sql, always_what.sql or before_what.sql"
        )
    for first, second in itertools.pairwise(once):
        if first[:4] == second[:4]:
            raise _refused(second, f"has the number of {first}", "give it the next free number")
    return once, always


def quoted(value: str) -> str:
    """A value as psql's backslash commands read it."""
    if "\n" in value or "\0" in value:
        raise _refused("a variable's value", "has a line break", "remove it")
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _refused(where: str, what: str, fix: str) -> BlueprintError:
    return BlueprintError((Problem(path=f"migrations: {where}", what=what, fix=fix),))
