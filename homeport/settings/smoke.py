"""Smoke tests of one's own, beside those that follow from the routes."""

from typing import Annotated

from pydantic import Field

from homeport.settings.kinds import Endpoint, Text
from homeport.settings.section import Section, key


class SmokeTest(Section):
    """An address that is asked after a deployment, and what it must answer."""

    url: Endpoint = key(
        "What is asked for, by GET.",
        shape="a URL such as https://app.example.com/health",
        example="https://app.example.com/health",
    )
    inside: bool = key(
        "Whether it is for members of the mesh or VPN: asked from inside alone.",
        shape="true or false",
        example=True,
        default=False,
    )
    status: Annotated[int, Field(ge=100, le=599)] = key(
        "The status that it must answer with.", shape="a number from 100 to 599", example=200, default=200
    )
    contains: Annotated[Text, Field(max_length=200)] = key(
        "What the body must have in it; empty: anything.",
        shape="a text of at most 200 characters",
        example="ok",
        default="",
    )
