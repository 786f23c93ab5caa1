"""Beside the components; imports back into the package that imports it."""

GREETING = "Grüße, '日本' \"😀\"\t\\n"


def greet(name, loud=False):
    from shapes.square import side

    text = f"hello {name} {side(4)}"
    return text.upper() if loud else text
