"""What a rehearsed system must show: named claims, each with the requirements it proves, and the report of a run."""
