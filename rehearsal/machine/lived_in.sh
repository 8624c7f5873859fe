# Makes a machine one that somebody lives on, before homeport comes: lived_in.sh IMAGE VOLUME, as root.
# IMAGE is an image that is there, VOLUME the name of a volume that homeport would take for its own.
set -eu
image=$1 volume=$2

# People: alice signs in with a key of her own; bob has no key.
useradd --create-home --shell /bin/bash alice
useradd --create-home --shell /bin/sh bob
install -d -m 700 -o alice -g alice ~alice/.ssh
ssh-keygen -q -t ed25519 -N '' -f /run/alice
install -m 600 -o alice -g alice /run/alice.pub ~alice/.ssh/authorized_keys
rm -f /run/alice /run/alice.pub

# Work: cron, a unit, kernel settings, sshd's own file, a revoked key.
mkdir -p /etc/cron.d /srv/shop
echo '17 3 * * * alice /srv/shop/backup' >/etc/cron.d/shop
echo 'orders' >/srv/shop/orders
echo 'vm.swappiness = 10' >/etc/sysctl.d/90-shop.conf
echo 'ClientAliveInterval 60' >/etc/ssh/sshd_config.d/50-shop.conf
ssh-keygen -q -t ed25519 -N '' -f /run/lost
cp /run/lost.pub /etc/ssh/revoked_keys
cat >/etc/systemd/system/shop.service <<'END'
[Service]
ExecStart=/usr/bin/python3 -m http.server 9100 --directory /srv/shop
[Install]
WantedBy=multi-user.target
END

# A tunnel, as `cloudflared service install` leaves it; its program only waits.
mkdir -p /etc/cloudflared ~root/.cloudflared
printf 'tunnel: shop\ncredentials-file: %s/.cloudflared/shop.json\n' ~root >/etc/cloudflared/config.yml
echo '{"AccountTag": "shop"}' >~root/.cloudflared/shop.json
printf '#!/bin/sh\nexec sleep infinity\n' >/usr/local/bin/cloudflared
chmod 755 /usr/local/bin/cloudflared
cat >/etc/systemd/system/cloudflared.service <<'END'
[Service]
ExecStart=/usr/local/bin/cloudflared --config /etc/cloudflared/config.yml tunnel run
[Install]
WantedBy=multi-user.target
END

# Networks: an own VPN beside the one that homeport would make, UFW's rules, a table of nftables.
umask 077
mkdir -p /etc/wireguard
printf '[Interface]\nAddress = 10.99.0.1/24\nListenPort = 51999\nPrivateKey = %s\n' "$(wg genkey)" >/etc/wireguard/office.conf
printf '[Interface]\nAddress = 10.98.0.1/24\nListenPort = 51998\nPrivateKey = %s\n' "$(wg genkey)" >/etc/wireguard/wg0.conf
umask 022
cat >/etc/nftables.conf <<'END'
table inet shop {
  chain counted {
    tcp dport 9100 counter
  }
}
END
nft -f /etc/nftables.conf
systemctl daemon-reload
systemctl enable --quiet --now shop.service cloudflared.service wg-quick@office.service wg-quick@wg0.service
ufw allow 22/tcp >/dev/null
ufw allow 9100/tcp >/dev/null
ufw --force enable >/dev/null
systemctl restart ssh.service

# Docker: settings, containers that run and one that does not come back by itself, a volume with one of our names.
mkdir -p /etc/docker
printf '{\n  "log-opts": {"max-size": "5m"},\n  "max-concurrent-downloads": 2\n}\n' >/etc/docker/daemon.json
systemctl restart docker.service
docker network create --subnet 172.30.9.0/24 shop >/dev/null
docker volume create shop-data >/dev/null
docker volume create "$volume" >/dev/null
docker run --detach --name shop --restart unless-stopped --network shop --publish 8080:80 --volume shop-data:/data \
  --entrypoint sleep "$image" infinity >/dev/null
docker run --detach --name batch --network shop --entrypoint sleep "$image" infinity >/dev/null
