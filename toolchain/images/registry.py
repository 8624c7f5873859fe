"""Whether an image's registry answers: asked at need, once per registry, for five seconds at most."""

import docker
import docker.errors
import requests.exceptions

_SECONDS = 5


def registry_of(image: str) -> str:
    """The registry part of an image's name; empty for the daemon's default registry."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""


class Registries:
    """What is known, in this run, of which registries answer."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def answers(self, image: str) -> bool:
        """True when the image's registry gave any answer, a refusal too."""
        registry = registry_of(image)
        if registry not in self._known:
            self._known[registry] = _asked(image)
        return self._known[registry]


def _asked(image: str) -> bool:
    # The daemon is asked to ask: its proxies and mirrors are its own, and this process may have others or none.
    try:
        docker.from_env(timeout=_SECONDS).images.get_registry_data(image)
    except docker.errors.APIError as error:
        return error.status_code is not None and error.status_code < 500  # noqa: PLR2004 - HTTP's own border
    except (docker.errors.DockerException, requests.exceptions.RequestException):
        return False
    return True
