"""Accounts and what is booked on them."""
from .account import Account, Savings

__all__ = ["Account", "Savings"]
