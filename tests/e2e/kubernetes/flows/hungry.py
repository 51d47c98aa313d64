"""A flow that takes more memory than it asked for."""

from metaflow import FlowSpec, kubernetes, step


class HungryFlow(FlowSpec):
    """Ended by the kernel."""

    # with `Guaranteed`, the disk is limited too, and what Argo and Metaflow put into a pod fills 100 MB
    @kubernetes(memory=150, cpu=1, disk=1000, qos="Guaranteed")
    @step
    def start(self):
        """Eat twice as much; with `Burstable`, Metaflow's default, there would be no limit but the machine's own."""
        eaten = [bytearray(b"x" * 10_000_000) for _ in range(30)]
        self.eaten = len(eaten)
        self.next(self.end)

    @step
    def end(self):
        """Never reached."""


if __name__ == "__main__":
    HungryFlow()
