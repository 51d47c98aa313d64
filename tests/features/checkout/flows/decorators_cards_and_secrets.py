"""@card and @secrets."""

from metaflow import FlowSpec, card, secrets, step

SECRETS = [{"type": "inline", "options": {"env_vars": {"COLOR": "green"}}}]


class CardsAndSecrets(FlowSpec):
    @card(type="blank", id="summary")
    @card(type="default", timeout=20)
    @step
    def start(self):
        self.next(self.end)

    @secrets(sources=SECRETS)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    CardsAndSecrets()
