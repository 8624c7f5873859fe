"""Supabase's gateway, Kong: one address for all of its interfaces, and who may call which.

https://github.com/supabase/supabase/blob/master/docker/volumes/api/kong.yml. As there a caller shows a key in the
header ``apikey``; Studio is different: upstream answers with it wherever no other path fits, so that it would be public
behind a password. Here it answers at localhost alone, for users of SSH, and asks for that password all the same.
"""

from catalog.supabase.secrets import ANON_KEY, SERVICE_ROLE_KEY
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, Port, SecretFile, Service, SignIn
from homeport.model.template import YAML

IMAGE = ImageFacts(
    repository="kong/kong",
    source="https://github.com/Kong/kong/blob/master/build/dockerfiles/deb.Dockerfile",
    read="2026-11-29",
    user="kong",
    entrypoint=("/entrypoint.sh",),
    command=("kong", "docker-start"),
    writable=("/usr/local/kong",),
    tools=("sh", "bash", "kong"),
    ports=(8000,),
    health="kong health looks whether its processes run",
)

SERVICE = Service(
    name="supabase-kong",
    # renovate: datasource=docker depName=kong/kong
    image="kong/kong:3.9.3",
    purpose="Supabase's gateway: keys, and which interface answers to which path",
    networks=(NETWORK,),
    env={
        "KONG_DATABASE": "off",
        "KONG_DECLARATIVE_CONFIG": "/etc/homeport/kong.yml",
        # What it writes is made at each start; the image's own folder holds libraries as well.
        "KONG_PREFIX": "/run/kong",
        "KONG_PROXY_LISTEN": "0.0.0.0:8000",
        "KONG_ADMIN_LISTEN": "off",
        "KONG_ADMIN_GUI_LISTEN": "off",
        "KONG_STATUS_LISTEN": "off",
        "KONG_ANONYMOUS_REPORTS": "off",
        "KONG_PROXY_ACCESS_LOG": "/dev/stdout",
        "KONG_PROXY_ERROR_LOG": "/dev/stderr",
        "KONG_NGINX_WORKER_PROCESSES": "2",
        # https://github.com/supabase/cli/issues/14
        "KONG_DNS_ORDER": "LAST,A,CNAME",
        "KONG_PLUGINS": "cors,key-auth,acl,basic-auth,request-termination,http-log",
        "KONG_NGINX_PROXY_PROXY_BUFFER_SIZE": "160k",
        "KONG_NGINX_PROXY_PROXY_BUFFERS": "64 160k",
    },
    secret_files=(
        SecretFile(
            target="kong.yml",
            syntax=YAML,
            template="""\
_format_version: "3.0"

consumers:
  - username: anon
    keyauth_credentials:
      - key: "{anon-key}"
    acls:
      - group: anon
  - username: service_role
    keyauth_credentials:
      - key: "{service-role-key}"
    acls:
      - group: admin
  - username: dashboard
    basicauth_credentials:
      - username: supabase
        password: "{dashboard-password}"

plugins:
  # Each request as a line, for whoever looks at logs in Studio; lost where nobody listens.
  - name: http-log
    config:
      http_endpoint: http://supabase-vector:9002/kong
      queue:
        max_entries: 1000
        max_retry_time: 10

services:
  # Without a key: where a link in a mail, or another provider's page, leads a person to.
  - name: auth-verify
    url: http://supabase-auth:9999/verify
    routes:
      - name: auth-verify
        paths: ["/auth/v1/verify"]
    plugins:
      - name: cors
  - name: auth-callback
    url: http://supabase-auth:9999/callback
    routes:
      - name: auth-callback
        paths: ["/auth/v1/callback"]
    plugins:
      - name: cors
  - name: auth-authorize
    url: http://supabase-auth:9999/authorize
    routes:
      - name: auth-authorize
        paths: ["/auth/v1/authorize"]
    plugins:
      - name: cors
  - name: auth-keys
    url: http://supabase-auth:9999/.well-known/jwks.json
    routes:
      - name: auth-keys
        paths: ["/auth/v1/.well-known/jwks.json"]
    plugins:
      - name: cors

  # With a key.
  - name: auth
    url: http://supabase-auth:9999/
    routes:
      - name: auth
        paths: ["/auth/v1/"]
    plugins:
      - name: cors
      - name: key-auth
        config: {hide_credentials: false}
      - name: acl
        config: {hide_groups_header: true, allow: [admin, anon]}
  - name: rest
    url: http://supabase-rest:3000/
    routes:
      - name: rest
        paths: ["/rest/v1/"]
    plugins:
      - name: cors
      - name: key-auth
        config: {hide_credentials: true}
      - name: acl
        config: {hide_groups_header: true, allow: [admin, anon]}
  - name: graphql
    url: http://supabase-rest:3000/rpc/graphql
    routes:
      - name: graphql
        paths: ["/graphql/v1"]
    plugins:
      - name: cors
      - name: key-auth
        config: {hide_credentials: true}
      - name: acl
        config: {hide_groups_header: true, allow: [admin, anon]}
  - name: realtime
    url: http://realtime-dev.supabase-realtime:4000/socket
    routes:
      - name: realtime
        paths: ["/realtime/v1/"]
    plugins:
      - name: cors
      - name: key-auth
        config: {hide_credentials: false}
      - name: acl
        config: {hide_groups_header: true, allow: [admin, anon]}
  - name: realtime-api
    url: http://realtime-dev.supabase-realtime:4000/api
    routes:
      - name: realtime-api
        paths: ["/realtime/v1/api"]
    plugins:
      - name: cors
      - name: key-auth
        config: {hide_credentials: false}
      - name: acl
        config: {hide_groups_header: true, allow: [admin, anon]}
  # Whoever has a key could change tenants there.
  - name: realtime-closed
    url: http://realtime-dev.supabase-realtime:4000/api
    routes:
      - name: realtime-closed
        paths: ["/realtime/v1/api/tenants", "/realtime/v1/api/openapi"]
    plugins:
      - name: request-termination
        config: {status_code: 403, message: Access is forbidden.}

  # These check who calls themselves: a shared link, an S3 signature, a function's own rules.
  - name: storage
    url: http://supabase-storage:5000/
    routes:
      - name: storage
        paths: ["/storage/v1/"]
    plugins:
      - name: cors
  - name: functions
    url: http://supabase-edge-functions:9000/
    read_timeout: 150000
    routes:
      - name: functions
        paths: ["/functions/v1/"]
    plugins:
      - name: cors

  # For servers alone.
  - name: meta
    url: http://supabase-meta:8080/
    routes:
      - name: meta
        paths: ["/pg/"]
    plugins:
      - name: key-auth
        config: {hide_credentials: false}
      - name: acl
        config: {hide_groups_header: true, allow: [admin]}

  # For who comes by SSH.
  - name: studio
    url: http://supabase-studio:3000/
    routes:
      - name: studio
        hosts: [localhost, 127.0.0.1]
        paths: ["/"]
    plugins:
      - name: basic-auth
        config: {hide_credentials: true}
""",
        ),
    ),
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777",
        "/run/kong": "rw,noexec,nosuid,nodev,size=64m,uid=10001,gid=10001,mode=0700",
    },
    ports=(Port(name="api", inside=8000, outside=8000, at="here"),),
    health=Health(test=("kong", "health"), interval=10, timeout=10, start_period=30),
    limits=Limits(memory=512, cpus="1.0", pids=64, least=256),
    needs=("supabase-auth", "supabase-rest", "supabase-meta"),
    sign_in=SignIn(user="supabase", secret="dashboard-password"),
    secrets=(
        ANON_KEY,
        SERVICE_ROLE_KEY,
        SecretSpec(
            name="dashboard-password",
            purpose="for people, as user supabase, where Supabase's gateway shows Studio to users of SSH",
        ),
    ),
)
