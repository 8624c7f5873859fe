# All that is on a machine, a line each: kind, name, what it is. Written without a look at what homeport asks for.
set -u
export LC_ALL=C
find /etc /opt /srv /home /root /usr/local /var/spool/cron -xdev \( -type f -o -type l \) ! -path '/etc/rehearsal/*' ! -name '*.cache' 2>/dev/null |
  while IFS= read -r path; do
    if [ -L "$path" ]; then echo "link $path $(readlink "$path")"
    else echo "file $path $(sha256sum <"$path" | cut -c1-16) $(stat -c '%a %U:%G' "$path")"; fi
  done
systemctl list-unit-files --no-legend --state=enabled | awk '{ print "enabled", $1 }'
systemctl list-units --no-legend --plain --type=service,timer,socket --state=active | awk '{ print "active", $1 }'
docker ps --all --format 'container {{.Names}} {{.ID}} {{.State}} {{.Ports}}'
docker ps --quiet | xargs docker inspect --format 'started {{.Name}} {{.State.StartedAt}} {{.State.Pid}}'
docker volume ls --format 'volume {{.Name}} {{.Driver}}'
docker network ls --format 'network {{.Name}} {{.ID}}'
getent passwd | sed 's/^/user /'
getent group | sed 's/^/group /'
ss -Hlntup | awk '{ print "listener", $1, $5 }'
ip -o -4 address show | awk '$2 !~ /^(br-|veth|docker)/ { print "address", $2, $4 }'
wg show all public-key | sed 's/^/wireguard /'
nft list table inet shop 2>/dev/null | grep -v counter | sed 's/^ */nft shop /'
for tool in iptables ip6tables; do
  "$tool" -S | grep -E '^-A (ufw6?-user|DOCKER-USER)' | sed "s/^/rule $tool /"
  "$tool" -t mangle -S | sed "s/^/mangle $tool /"
done
sysctl -a 2>/dev/null | grep -E '^net\.ipv4\.(conf\.(all|default)\.|tcp_|icmp_)' | sed 's/^/sysctl /'
