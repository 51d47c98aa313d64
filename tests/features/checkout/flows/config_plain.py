"""Configs that stay what their parser makes of them: text, a list, nothing."""

from metaflow import Config, FlowSpec, step


def words(text):
    return text.split()


class ConfigPlain(FlowSpec):
    text = Config("text", default_value="just text", plain=True)
    words = Config("words", default_value="a b c", parser=words, plain=True)
    nothing = Config("nothing", default_value=None, plain=True)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfigPlain()
