set -eu
systemctl daemon-reload
. ../kernel/apply.sh

. daemon.sh

. containers-apply.sh
@member@
