"""The runner of a repository's jobs on the main host."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from homeport.settings.kinds import Name, digits
from homeport.settings.section import Section, key

Word = Annotated[str, BeforeValidator(digits), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
VERSION = "2.337.0"
SHA256 = "70920811a4f8ad4328818682bca5c6469c1c942fab52448868071d0063816613"


class Runner(Section):
    """Takes the jobs of a GitHub repository on the main host; needs the secret github-runner-token once."""

    repository: Annotated[
        str,
        Field(max_length=256, pattern=r"^https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9][A-Za-z0-9._-]*){1,2}$"),
    ] = key(
        "The repository, or the organization, whose jobs it takes.",
        shape="a URL such as https://github.com/owner/repository",
        example="https://github.com/owner/repository",
    )
    name: Name = key("As GitHub lists it.", shape="a name", example="vps", default="vps")
    labels: Annotated[tuple[Word, ...], Field(min_length=1, max_length=16)] = key(
        "What workflows ask for in runs-on.",
        shape="a list of words of letters, digits, '.', '_' and '-'",
        example=["self-hosted", "vps"],
        default=("self-hosted", "vps"),
    )
    archive: Annotated[str, Field(max_length=512, pattern=r"^(?:https://|file:///)[A-Za-z0-9._~:/%@+-]+$")] = key(
        "Where its program is had from.",
        shape="a URL of https, or file:///… on the host",
        example="https://github.com/actions/runner/releases/download/v<version>/actions-runner-linux-arm64-<version>.tar.gz",
        default=f"https://github.com/actions/runner/releases/download/v{VERSION}/actions-runner-linux-x64-{VERSION}.tar.gz",
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = key(
        "The archive's checksum, as the release's page shows it.",
        shape="64 hexadecimal digits",
        example="<the checksum of the release's page>",
        default=SHA256,
    )
