"""Real Airflows on this machine, 2 and 3, from their packages: SQLite, a scheduler, a web or an API server.

Each has a virtual environment of its own, locked by requirements/airflow/*.txt and cached outside the work tree. Tasks
run as pods where a kubeconfig is compiled into the DAG. What it can't show: Amazon MWAA and Cloud Composer, which bring
the files from their buckets to Airflow by themselves, executors that run tasks on other machines, and other databases.
"""
