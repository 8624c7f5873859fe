"""ai-redis: the short-term cache. https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/."""

from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile, Volume

SERVICE = Service(
    name="ai-redis",
    # renovate: datasource=docker depName=redis
    image="redis:7-alpine",
    purpose="Short-term cache",
    command=("redis-server", "/etc/homeport/redis.conf"),
    uid=999,
    networks=("ai-data",),
    files=(StaticFile(source="catalog/files/ai-redis/redis.conf", target="redis.conf"),),
    secret_files=(
        SecretFile(
            target="users.acl",
            template=(
                "user default off resetkeys resetchannels -@all\n"
                "user health on nopass resetkeys resetchannels -@all +ping\n"
                "user n8n on >{redis-password} resetkeys ~ai:* resetchannels -@all +ping +hello +auth +select +quit"
                " +client|setname +type +get +set +expire +del +ttl\n"
            ),
        ),
    ),
    volumes={"redis": Volume(path="/data", owner=(999, 999))},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=8m,mode=1777"},
    health=Health(
        test=("sh", "-c", "redis-cli --user health --pass health --no-auth-warning ping | grep -qx PONG"),
        interval=5,
        start_period=10,
    ),
    limits=Limits(memory=192, cpus="0.5", pids=64),
    grace=15,
    secrets=(SecretSpec(name="redis-password", purpose="for the clients of Redis"),),
)
