. containers-remove.sh
systemctl daemon-reload
