"""The images of one host: all of them are there before any container is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command
import pulumi_docker as docker

from components.host import BUILD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host


@dataclass(frozen=True, kw_only=True)
class ImagesArgs:
    """Which images, by a key that is identity (the service's name).

    Attributes:
        host: Where they are to be.
        references: Key to the reference to pull.
        builds: Key to the folder of the checkout that the image is built from, where the host has none of that name.
        after: What must be there before anything is built: the host's Docker.
    """

    host: Host
    references: Mapping[str, str]
    builds: Mapping[str, str]
    after: tuple[pulumi.Resource, ...]


class Images(pulumi.ComponentResource):
    """Images, pulled or built once and kept.

    Attributes:
        ids: Key to image id; the id, not the name, is what a container is compared with (pulumi-docker#325).
    """

    ids: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: ImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:Images", name, None, opts)
        self.ids = {}
        for key, reference in sorted(args.references.items()):
            before = [self._build(f"{name}-{key}", args, key)] if key in args.builds else None
            image = docker.RemoteImage(
                f"{name}-{key}",
                name=reference,
                # Removing an image that another container still uses is an error (pulumi-docker#342, docs/traps.md,
                # D30).
                keep_locally=True,
                opts=pulumi.ResourceOptions(parent=self, depends_on=before),
            )
            self.ids[key] = image.image_id
        self.register_outputs({"ids": self.ids})

    def _build(self, name: str, args: ImagesArgs, key: str) -> pulumi.Resource:
        """The provider finds an image that is there by its name before it asks a registry (docs/traps.md, D30)."""
        built: pulumi.Resource = command.local.Command(
            f"{name}-built",
            create=f"{BUILD} {args.references[key]} {args.builds[key]}",
            environment=dict(args.host.environment),
            triggers=[args.references[key], args.host.generation],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after), deleted_with=args.host.deleted_with),
        )
        return built
