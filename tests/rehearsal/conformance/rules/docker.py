"""What differs from run to run in the answers of the docker plugin."""

from __future__ import annotations

import re

from tests.rehearsal.conformance.normalise import Rules

# Pulumi's stand-in for a value that a preview does not know.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
HEX = "[0-9a-f]{64}"
ADDRESS = r"(\d{1,3}\.){3}\d{1,3}"


def like(pattern):
    """Text of that form; what was unknown or empty in the recording must be so again."""

    def check(recorded, actual):
        if recorded in (UNKNOWN, ""):
            return recorded == actual
        return re.fullmatch(pattern, str(actual)) is not None

    return check


def whole_number(recorded, actual):
    """Which of the daemon's address pools is free decides over the size of a network without a given subnet."""
    return isinstance(actual, (int, float)) and (recorded == 0) == (actual == 0)


def same_kind_of_image(recorded, actual):
    """The image is made anew for each run: its digest is not the recorded one, its name is."""
    return actual == recorded or (recorded.startswith("sha256:") and re.fullmatch(f"sha256:{HEX}", actual) is not None)


RULES = Rules(
    volatile={
        "docker:index/container:Container": {
            "id": like(HEX),
            "hostname": like("[0-9a-f]{12}"),
            "image": same_kind_of_image,
            "networkDatas.*.gateway": like(ADDRESS),
            "networkDatas.*.ipAddress": like(ADDRESS),
            "networkDatas.*.ipPrefixLength": whole_number,
            "networkDatas.*.macAddress": like("([0-9a-f]{2}:){5}[0-9a-f]{2}"),
        },
        "docker:index/network:Network": {
            "id": like(HEX),
            "ipamConfigs.*.gateway": like(ADDRESS),
            "ipamConfigs.*.subnet": like(rf"{ADDRESS}/\d+"),
        },
        "docker:index/volume:Volume": {"mountpoint": like(r"/.+/volumes/[^/]+/_data")},
        "docker:index/remoteImage:RemoteImage": {"id": like(rf"sha256:{HEX}.+"), "imageId": like(f"sha256:{HEX}")},
    },
    errors=(
        (HEX, "<id>"),
        # What a resolver or a daemon says about a registry that cannot be reached is the machine's, not the plugin's.
        (r'(Get "https?://[^"]+": )[^\n]+', r"\1<unreachable>"),
    ),
)
