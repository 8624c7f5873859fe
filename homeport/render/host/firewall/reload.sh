if grep -qx ENABLED=yes /etc/ufw/ufw.conf; then /lib/ufw/ufw-init force-reload; else /lib/ufw/ufw-init force-stop; fi
