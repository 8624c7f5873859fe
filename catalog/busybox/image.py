"""busybox: one program that is many, linked statically. Containers that have no tools of their own are asked with it.

The program alone is taken out of the image, into a volume that containers mount read-only.
"""

from homeport.model.image import ImageFacts

IMAGE = ImageFacts(
    repository="busybox",
    source="https://github.com/docker-library/busybox/blob/master/latest/musl/Dockerfile.builder",
    read="2026-11-29",
    command=("sh",),
    tools=("sh", "wget", "grep", "cat"),
)

# renovate: datasource=docker depName=busybox
REFERENCE = "busybox:1.37.0-musl"
"""Linked statically (CONFIG_STATIC=y): it needs no library, and so runs in any image."""

PROGRAM = "/bin/busybox"
