# A socket that systemd holds, as on Ubuntu 22.10 and later, has read its port before this one was written, and keeps it.
systemctl disable --now ssh.socket 2>/dev/null
systemctl enable ssh.service
# Debian starts sshd before cloud-init has written its settings.
systemctl restart ssh.service
