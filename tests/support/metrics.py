"""VictoriaMetrics as a test writes to it and asks it."""

import json
import urllib.parse
import urllib.request

from tests.support.containers import docker


class Store:
    """A running store.

    Attributes:
        name: Its container.
        url: Where it answers on this machine.
    """

    def __init__(self, name):
        self.name = name
        self.url = "http://" + docker("port", name, "8428/tcp").splitlines()[0]

    def write(self, text, *, at=None, **labels):
        """Takes metrics in Prometheus' own format; `at` is their time in seconds where they name none."""
        extra = [("extra_label", f"{name}={value}") for name, value in labels.items()]
        more = [("timestamp", str(round(at * 1000)))] if at else []
        self._post("/api/v1/import/prometheus", text.encode(), *extra, *more)

    def settle(self):
        """What was written is found from now on."""
        self._get("/internal/force_flush")

    def ask(self, query, at):
        """An instant query: labels to value of each series."""
        answer = json.loads(self._get("/api/v1/query", ("query", query), ("time", str(at)), ("nocache", "1")))
        return {
            tuple(sorted(series["metric"].items())): float(series["value"][1]) for series in answer["data"]["result"]
        }

    def over(self, query, start, end, step):
        """The same at each step: labels to the times at which the value was above 0.

        A value counts for five minutes, as it does for one question: a range's own look back is shorter.
        """
        asked = {"query": query, "start": str(start), "end": str(end), "step": str(step)}
        answer = json.loads(self._get("/api/v1/query_range", *asked.items(), ("max_lookback", "5m"), ("nocache", "1")))
        return {
            tuple(sorted(series["metric"].items())): [int(at) for at, value in series["values"] if float(value) > 0]
            for series in answer["data"]["result"]
        }

    def _get(self, path, *query):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=120) as answer:  # noqa: S310  # the test's own container
            return answer.read().decode()

    def _post(self, path, body, *query):
        request = urllib.request.Request(f"{self.url}{path}?{urllib.parse.urlencode(query)}", data=body)  # noqa: S310  # the same
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the same
            return answer.read().decode()
