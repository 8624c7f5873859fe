rm -f /etc/systemd/system/multi-user.target.wants/homeport-containers.service
