"""A flow on a base class, with a mutator; both are in the package `team` beside it.

The code package's root is the flow file's folder: what a flow imports is in that folder or below, or it is added with
Metaflow's @package_sources.
"""

import os
import time

from metaflow import step
from team.base import TeamFlow, standards


@standards(team="forecasting")
class ForecastFlow(TeamFlow):
    """Forecast the next value of a series."""

    @step
    def start(self):
        self.started = time.time()
        series = [3.0, 4.0, 5.0]
        self.forecast = series[-1] + (series[-1] - series[0]) / (len(series) - 1)
        self.team = os.environ["TEAM"]
        self.next(self.end)


if __name__ == "__main__":
    ForecastFlow()
