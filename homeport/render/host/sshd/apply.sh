set -eu
export PATH="$PATH:/usr/sbin:/sbin"
rm -f /etc/ssh/sshd_config.d/00-b-homeport-port.conf
versions=/etc/ssh/sshd_config.d/00-a-homeport-version.conf
#: What not every sshd knows goes into a file of its own, each line only where this one knows it: an option or a value that
#: it does not know would stop it. It is asked itself, for distributions add and take away (DebianBanner). Since: RequiredRSASize 9.1,
#: PerSourceMaxStartups and PerSourceNetBlockSize 8.5, PerSourcePenalties 9.8 (openssh.com/releasenotes.html).
mkdir -p /run/sshd
echo "# By homeport, for $(ssh -V 2>&1 | sed 's/,.*//')." >"$versions.new"
while IFS= read -r option; do
  sshd -t -f /dev/null -o "$option" 2>&1 | grep -q 'line 0' || echo "$option" >>"$versions.new"
done <<'OPTIONS'
. versions.conf
OPTIONS
mv -f "$versions.new" "$versions"
#: Key exchange that is safe from tomorrow's computers, where sshd knows it (OpenSSH 9.9): a name that it does not know
#: would stop it.
if ssh -Q kex | grep -qx mlkem768x25519-sha256; then
  echo 'KexAlgorithms mlkem768x25519-sha256,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org' >/etc/ssh/sshd_config.d/00-a-homeport-kex.conf
else
  rm -f /etc/ssh/sshd_config.d/00-a-homeport-kex.conf
fi
#: sshd itself starts all the same, on the other ports, and says so in its log alone.
for port in $(sshd -T | sed -n 's/^port //p' | sort -u); do
  holder=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | grep -vxE 'sshd|systemd' | head -n 1)
  [ -z "$holder" ] || { echo "port $port is held by $holder, so sshd cannot listen there"; echo "  fix: stop $holder there, or name another port in homeport:settings.ssh.port"; exit 1; }
done
. restart.sh

if [ "$(sshd -T | grep '^port ' | LC_ALL=C sort -u)" != '@ports@' ]; then
  echo 'sshd would listen on more ports than are declared; another file names one. Take it out there:'
  grep -RnE '^[[:space:]]*(Port|ListenAddress)[[:space:]]' /etc/ssh/sshd_config /etc/ssh/sshd_config.d || true
  exit 1
fi
