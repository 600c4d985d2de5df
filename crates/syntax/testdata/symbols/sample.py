MAX_SIZE = 1
name, other = 1, 2
class Flask(App):
    attr = 1
    def __init__(self, x=lambda y: 1):
        local = 2
        def inner(): pass
    @property
    def config(self): return 1
async def main(): x = 1
type Pair = tuple
