set -eu
export PATH="$PATH:/usr/sbin:/sbin"
mkdir -p /run/sshd
sshd -t
if [ -d /run/systemd/system ]; then
  # A socket that systemd holds would listen on the old port still (Ubuntu 22.10 and later).
  if systemctl is-active --quiet ssh.socket || systemctl is-enabled --quiet ssh.socket 2>/dev/null; then
    systemctl disable --now ssh.socket
    systemctl enable ssh.service
  fi
  unit=ssh.service; systemctl cat ssh.service >/dev/null 2>&1 || unit=sshd.service
  # Not reload: sshd refuses to start anew on another port at times, and a restart leaves established connections alone too.
  # Five starts within ten seconds are the last that systemd allows, and sshd would stay down: two updates and their undoing.
  systemctl reset-failed "$unit" 2>/dev/null || true
  systemctl restart "$unit"
else
  kill -HUP "$(cat /run/sshd.pid)"
fi
