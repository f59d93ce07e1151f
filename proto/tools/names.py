"""Names in the styles of the languages."""

import re


def words(name):
    """`FollowHistory`, `follow_history` -> ["follow", "history"]."""
    return [w.lower() for w in re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).split("_") if w]


def snake(name):
    return "_".join(words(name))


def upper(name):
    return snake(name).upper()


def pascal(name):
    return "".join(w[:1].upper() + w[1:] for w in name.split("_") if w)


def camel(name):
    text = pascal(name)
    return text[:1].lower() + text[1:]


def services(model):
    """Service name -> its methods, in the order of their numbers."""
    found = {}
    for method in model.methods:
        found.setdefault(method.service, []).append(method)
    return found


def wrap(text, prefix, width=116):
    """A comment as lines of at most `width` columns."""
    lines, line = [], prefix
    for word in text.split():
        if len(line) + 1 + len(word) > width and line != prefix:
            lines.append(line)
            line = prefix
        line += " " + word
    lines.append(line)
    return lines
