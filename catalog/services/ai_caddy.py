"""ai-caddy: the only door. TLS, API key, basic auth, headers. https://caddyserver.com/docs/caddyfile."""

from homeport.model.service import Health, Limits, Port, Service, Volume

SERVICE = Service(
    name="ai-caddy",
    # renovate: datasource=docker depName=caddy
    image="caddy:2.10-alpine",
    purpose="Edge proxy: TLS, API key, headers",
    edge=True,
    command=("caddy", "run", "--config", "/etc/homeport/Caddyfile", "--adapter", "caddyfile"),
    uid=10001,
    networks=("ai-edge",),
    env={"XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/config"},
    volumes={"caddy_data": Volume(path="/data", owner=(10001, 10001))},
    tmpfs={
        "/config": "rw,noexec,nosuid,nodev,size=4m,uid=10001,gid=10001,mode=0700",
        "/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777",
    },
    capabilities={
        "CAP_NET_BIND_SERVICE": "the image's binary carries this file capability; without it the kernel refuses to start it",
    },
    ports=(Port(name="http", inside=80), Port(name="https", inside=443)),
    health=Health(test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:2020/"), interval=5, start_period=10),
    limits=Limits(memory=256, cpus="1.0", pids=128),
    needs=("ai-n8n",),
    grace=15,
)
