"""A placeholder: one DAG that runs when somebody starts it, and says so."""

from datetime import UTC, datetime

from airflow.sdk import dag, task


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, tags=["placeholder"])
def platform_check() -> None:
    """Shows that a task runs and that the next one gets what it answered."""

    @task
    def ask() -> str:
        return "ready"

    @task
    def tell(word: str) -> str:
        return f"the platform is {word}"

    tell(ask())


platform_check()
