import helpers


def side(n):
    return n


def area(n):
    assert helpers.GREETING
    return side(n) ** 2
