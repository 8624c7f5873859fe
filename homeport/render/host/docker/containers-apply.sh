systemctl enable --quiet homeport-containers.service
systemctl start homeport-containers.service
