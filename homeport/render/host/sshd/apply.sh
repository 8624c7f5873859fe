rm -f /etc/ssh/sshd_config.d/00-b-homeport-port.conf
#: Key exchange that is safe from tomorrow's computers, where sshd knows it (OpenSSH 9.9): a name that it does not know
#: would stop it.
if ssh -Q kex | grep -qx mlkem768x25519-sha256; then
  echo 'KexAlgorithms mlkem768x25519-sha256,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org' >/etc/ssh/sshd_config.d/00-a-homeport-kex.conf
else
  rm -f /etc/ssh/sshd_config.d/00-a-homeport-kex.conf
fi
. restart.sh

if [ "$(sshd -T | grep '^port ' | LC_ALL=C sort -u)" != '@ports@' ]; then
  echo 'sshd would listen on more ports than are declared; another file names one. Take it out there:'
  grep -RnE '^[[:space:]]*(Port|ListenAddress)[[:space:]]' /etc/ssh/sshd_config /etc/ssh/sshd_config.d || true
  exit 1
fi
