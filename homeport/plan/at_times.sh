# The first process of an app that runs at times: waits for the next minute that is one of its schedule's, and runs the program in the same
# container, so that nobody outside of it starts anything. $0 is the busybox that it is made of; its arguments are the five fields of the
# schedule, each as ,1,2,3, then 1 where a day is right by the month or the week, then the program. Times are UTC.
# A run that takes longer than to the next time is not run beside itself. How the last one ended is noted for the health check.
minutes=$1 hours=$2 days=$3 months=$4 weekdays=$5 either=$6
shift 6
child=
ended() {
  # The program first: Docker kills what is left after the grace.
  [ -z "$child" ] || { kill "$child"; wait "$child"; } 2>/dev/null
  exit 143
}
trap ended TERM INT
of() { case $1 in *",${2#0},"*) ;; *) return 1 ;; esac; }
today() {
  if [ "$either" = 1 ]; then
    of "$days" "$day" || of "$weekdays" "$weekday"
  else
    of "$days" "$day" && of "$weekdays" "$weekday"
  fi
}
while :; do
  second=$("$0" date +%S)
  "$0" sleep $((60 - ${second#0})) &
  child=$!
  wait "$child"
  now=$("$0" date -u '+%M %H %d %m %u %Y-%m-%dT%H:%MZ')
  minute=${now%% *} now=${now#* }
  hour=${now%% *} now=${now#* }
  day=${now%% *} now=${now#* }
  month=${now%% *} now=${now#* }
  weekday=${now%% *} now=${now#* }
  if ! { of "$minutes" "$minute" && of "$hours" "$hour" && of "$months" "$month" && today; }; then continue; fi
  code=0
  "$@" &
  child=$!
  wait "$child" || code=$?
  echo "$code $now" >/.homeport-runs/last
  [ "$code" = 0 ] || echo "the run of $now ended with $code" >&2
done
