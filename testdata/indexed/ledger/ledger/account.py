"""What an account is."""


class Account:
    """Holds money."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.balance = 0

    def book(self, amount: int) -> int:
        """Adds an amount, and says what there is now."""
        self.balance += amount
        return self.balance


class Savings(Account):
    """Pays interest."""

    def book(self, amount: int) -> int:
        return super().book(amount + interest(amount))


def interest(amount: int) -> int:
    """One in a hundred."""
    return amount // 100
