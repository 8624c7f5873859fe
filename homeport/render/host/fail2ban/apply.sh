set -eu
fail2ban-client --test >/run/homeport-fail2ban 2>&1 || { tail -n 8 /run/homeport-fail2ban >&2; exit 1; }
rm -f /run/homeport-fail2ban
systemctl enable --quiet fail2ban.service
systemctl restart fail2ban.service
n=0
until fail2ban-client status sshd >/dev/null 2>&1; do
  n=$((n + 1))
  [ "$n" -le 30 ] || { journalctl -u fail2ban.service -n 10 -o cat --no-pager >&2; exit 1; }
  sleep 1
done
