"""How well texts are read: on public sets, on the project's own examples, by behaviour, and on a user's own labels."""
