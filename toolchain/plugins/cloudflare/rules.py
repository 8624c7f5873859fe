"""The rules of Access policies: who is meant, the same below include, exclude and require."""

from __future__ import annotations

from typing import Final

from toolchain.plugins.cloudflare.fields import Field, Fields


def _rule(api: str = "", **parts: str) -> Field:
    return Field("object", api, of={name: Field(kind, required=True) for name, kind in parts.items()})


def _vouched(api: str, **parts: str) -> Field:
    return _rule(api, **parts, identityProviderId="string")


RULE: Final[Fields] = {
    "anyValidServiceToken": _rule(),
    "authContext": _vouched("", acId="string", id="string"),
    "authMethod": _rule(authMethod="string"),
    "azureAd": _vouched("azureAD", id="string"),
    "certificate": _rule(),
    "commonName": _rule(commonName="string"),
    "devicePosture": _rule(integrationUid="string"),
    "email": _rule(email="string"),
    "emailDomain": _rule(domain="string"),
    "emailList": _rule(id="string"),
    "everyone": _rule(),
    "externalEvaluation": _rule(evaluateUrl="string", keysUrl="string"),
    "geo": _rule(countryCode="string"),
    "githubOrganization": Field(
        "object",
        "github-organization",
        of={
            "identityProviderId": Field(required=True),
            "name": Field(required=True),
            "team": Field(),
        },
    ),
    "group": _rule(id="string"),
    "gsuite": _vouched("", email="string"),
    "ip": _rule(ip="string"),
    "ipList": _rule(id="string"),
    "linkedAppToken": _rule(appUid="string"),
    "loginMethod": _rule(id="string"),
    "oidc": _vouched("", claimName="string", claimValue="string"),
    "okta": _vouched("", name="string"),
    "saml": _vouched("", attributeName="string", attributeValue="string"),
    "serviceToken": _rule(tokenId="string"),
    "userRiskScore": Field(
        "object",
        of={"userRiskScores": Field(api="user_risk_score", many=True, required=True)},
    ),
}
DECISIONS: Final = ("allow", "deny", "non_identity", "bypass")


def rules(api: str) -> Field:
    """A list of rules under the API's name of it."""
    return Field("object", api, many=True, of=RULE)
