"""Properties of what belongs to Access.

Not covered, and refused as unknown keys: what only SaaS, SCIM, app-launcher and infrastructure applications have.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from toolchain.plugins.cloudflare.fields import Field, Fields
from toolchain.plugins.cloudflare.pieces import ACCOUNT, FLAG, TEXT, TEXTS, WHOLE, ZONE, output
from toolchain.plugins.cloudflare.rules import DECISIONS, rules

_MFA: Final = Field(
    "object",
    of={"allowedAuthenticators": TEXTS, "mfaDisabled": FLAG, "sessionDuration": TEXT},
)
POLICY: Final[Fields] = {
    "accountId": Field(required=True, replaces=True, in_path=True),
    "name": Field(required=True),
    "decision": Field(required=True, one_of=DECISIONS),
    "includes": rules("include"),
    "excludes": rules("exclude"),
    "requires": rules("require"),
    "sessionDuration": Field(default="24h"),
    "approvalGroups": Field(
        "object",
        many=True,
        of={
            "approvalsNeeded": Field("number", required=True),
            "emailAddresses": TEXTS,
            "emailListUuid": TEXT,
        },
    ),
    "approvalRequired": FLAG,
    "isolationRequired": FLAG,
    "mfaConfig": _MFA,
    "purposeJustificationPrompt": TEXT,
    "purposeJustificationRequired": FLAG,
}
_APP_POLICY: Final[Fields] = {
    "id": Field(echo=True),
    "precedence": WHOLE,
    "name": Field(echo=True),
    "decision": Field(one_of=DECISIONS, echo=True),
    "includes": replace(rules("include"), echo=True),
    "excludes": replace(rules("exclude"), echo=True),
    "requires": replace(rules("require"), echo=True),
    "mfaConfig": replace(_MFA, echo=True),
}
_CORS: Final[Fields] = {
    **dict.fromkeys(("allowAllHeaders", "allowAllMethods", "allowAllOrigins", "allowCredentials"), FLAG),
    **dict.fromkeys(("allowedHeaders", "allowedMethods", "allowedOrigins"), TEXTS),
    "maxAge": Field("number"),
}
_DESTINATION: Final[Fields] = {
    name: Field() for name in ("cidr", "hostname", "l4Protocol", "mcpServerId", "portRange", "type", "uri", "vnetId")
}
_APP_TYPES: Final = ("self_hosted", "ssh", "vnc", "bookmark", "app_launcher", "warp", "biso")
APP: Final[Fields] = {
    "accountId": ACCOUNT,
    "zoneId": ZONE,
    "type": Field(computed=True, one_of=_APP_TYPES),
    "name": Field(computed=True),
    "domain": Field(computed=True),
    "policies": Field("object", many=True, of=_APP_POLICY),
    "allowedIdps": TEXTS,
    "appLauncherVisible": Field("boolean", default=True),
    "httpOnlyCookieAttribute": Field("boolean", default=True),
    "sessionDuration": Field(default="24h"),
    "destinations": Field("object", many=True, computed=True, of=_DESTINATION),
    "selfHostedDomains": Field(many=True, computed=True),
    "corsHeaders": Field("object", of=_CORS),
    "serviceAuth401Redirect": Field("boolean", "service_auth_401_redirect"),
    **dict.fromkeys(("allowAuthenticateViaWarp", "allowIframe", "autoRedirectToIdentity"), FLAG),
    **dict.fromkeys(("enableBindingCookie", "optionsPreflightBypass", "pathCookieAttribute", "skipInterstitial"), FLAG),
    **dict.fromkeys(("customDenyMessage", "customDenyUrl", "customNonIdentityDenyUrl", "logoUrl"), TEXT),
    **dict.fromkeys(("readServiceTokensFromHeader", "sameSiteCookieAttribute"), TEXT),
    **dict.fromkeys(("customPages", "tags"), TEXTS),
    "mfaConfig": _MFA,
    "aud": output(keeps=True),
}
_IDP_CONFIG: Final[Fields] = {
    **dict.fromkeys(("appsDomain", "authUrl", "authorizationServerId", "centrifyAccount", "centrifyAppId"), TEXT),
    **dict.fromkeys(("certsUrl", "clientId", "directoryId", "emailAttributeName", "emailClaimName", "issuerUrl"), TEXT),
    **dict.fromkeys(("oktaAccount", "oneloginAccount", "pingEnvId", "prompt", "ssoTargetUrl", "tokenUrl"), TEXT),
    **dict.fromkeys(("attributes", "claims", "idpPublicCerts", "scopes"), TEXTS),
    **dict.fromkeys(("conditionalAccessEnabled", "pkceEnabled", "signRequest", "supportGroups"), FLAG),
    "clientSecret": Field(secret=True),
    "headerAttributes": Field("object", many=True, of={"attributeName": TEXT, "headerName": TEXT}),
    "redirectUrl": output(),
}
_IDP_TYPES: Final = (
    *("onetimepin", "azuread", "saml", "centrify", "facebook", "github", "google-apps", "google", "linkedin"),
    *("oidc", "okta", "onelogin", "pingone", "yandex"),
)
IDP: Final[Fields] = {
    "accountId": ACCOUNT,
    "zoneId": ZONE,
    "name": Field(required=True),
    "type": Field(required=True, one_of=_IDP_TYPES),
    "config": Field("object", required=True, of=_IDP_CONFIG),
    "scimConfig": Field(
        "object",
        computed=True,
        of={
            **dict.fromkeys(("enabled", "seatDeprovision", "userDeprovision"), FLAG),
            "identityUpdateBehavior": TEXT,
            "scimBaseUrl": output(),
            "secret": output(secret=True),
        },
    ),
}
SERVICE_TOKEN: Final[Fields] = {
    "accountId": ACCOUNT,
    "zoneId": ZONE,
    "name": Field(required=True),
    "duration": Field(default="8760h"),
    "clientSecretVersion": Field("number", default=1),
    "previousClientSecretExpiresAt": TEXT,
    "clientId": output(keeps=True),
    "clientSecret": output(keeps=True, secret=True),
    "expiresAt": output(),
}
