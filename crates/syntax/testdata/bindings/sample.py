import os.path
import numpy as np
from . import siblings
from .models import User, Group as Team
from ..base import *

LIMIT = 10

class Account(User, metaclass=Meta):
    kind = "plain"

    def __init__(self, owner: User, limit=LIMIT):
        super().__init__(owner)
        self.owner = owner
        self.team = Team()
        self.limit: int = limit

    @classmethod
    def create(cls, *names, **options) -> "Account":
        account = cls(owner=names[0])
        account.rename(options)
        return account

    def rename(self, options):
        for name, value in options.items():
            self.owner.set(name, value)
        return [name.lower() for name in options if LIMIT]

def main(path):
    global LIMIT
    LIMIT = 2
    total = 0
    total = total + 1
    with open(path) as handle, Account.create() as account:
        account.rename(handle)
    try:
        np.array(os.path.join(path))
    except ValueError as error:
        print(error.args, siblings.x)
    key = lambda pair: pair[0]
    Account(owner=None, limit=key).team.members
    helper()
