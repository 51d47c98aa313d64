"""AWS in one process: moto's server, mended so that Metaflow's state machines run, with Batch jobs as local processes.

`mends` holds one function a fault, each with what AWS does instead. `batch` runs the jobs. What it can't show: IAM
(nobody is refused), throttling, distributed maps, @retry, schedules that fire, and the images: a job runs in the
sandbox's own Python, whatever image it names.
"""
