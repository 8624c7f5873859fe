#: A Docker whose files, sockets and network rules the distribution's own would share, and both would break.
other=""
[ ! -e /snap/docker ] || other="Docker as a snap; to remove it, with its containers and volumes: snap remove docker"
[ ! -e /usr/share/podman-docker ] && ! dpkg-query -W -f '${Status}' podman-docker 2>/dev/null | grep -q ' installed' ||
  other="podman under the name of docker; to remove that name: apt-get remove podman-docker"
[ -z "$other" ] || { echo "$(hostname) has $other" >&2; exit 1; }
