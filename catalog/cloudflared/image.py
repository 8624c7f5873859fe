"""cloudflared: the connector of a tunnel. Its program runs on the host, out of its image, or as a container."""

from homeport.model.image import PUBLIC_PINS, ImageFacts

IMAGE = ImageFacts(
    repository="cloudflare/cloudflared",
    source="https://github.com/cloudflare/cloudflared/blob/2026.8.2/RELEASE_NOTES",
    read="2026-11-29",
    user="65532:65532",
    tools=("cloudflared",),
    entrypoint=("cloudflared", "--no-autoupdate"),
    command=("version",),
    digests={"2026.8.2": "sha256:0aa26e284f05e6c77ae375b8c9c11d9eb6a448fb7bcd8d40f31cb6176189eb38"},
    digests_from=PUBLIC_PINS,
)
