module Data.Foo (bar) where
import X
data Shape = Circle Float | Square { side :: Float } deriving Show
newtype N = N { unN :: Int }
type Alias = Int
class Draw a where
  draw :: a -> Int
instance Draw Shape where
  draw x = 1
bar :: Int -> Int
bar 0 = 1
bar n = let z = 2 in n where q = 1
