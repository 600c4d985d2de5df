from ledger import account
from ledger.account import Account, Savings


def transfer(source: Account, target: Savings, amount: int) -> None:
    source.book(-amount)
    target.book(amount)
    print(account.interest(amount), target.owner)


transfer(Account("ada"), Savings("bob"), 7)
