"""The images of one host: all of them are there before any container is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_docker as docker

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class ImagesArgs:
    """Which images, by a key that is identity (the service's name), as the reference to pull."""

    references: Mapping[str, str]


class Images(pulumi.ComponentResource):
    """Images, pulled once and kept.

    Attributes:
        ids: Key to image id; the id, not the name, is what a container is compared with (pulumi-docker#325).
    """

    ids: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: ImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:Images", name, None, opts)
        self.ids = {}
        for key, reference in sorted(args.references.items()):
            image = docker.RemoteImage(
                f"{name}-{key}",
                name=reference,
                # Removing an image that another container still uses is an error (pulumi-docker#342, docs/traps.md,
                # D30).
                keep_locally=True,
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.ids[key] = image.image_id
        self.register_outputs({"ids": self.ids})
